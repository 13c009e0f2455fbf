/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Inside the parser: what libxml2 calls. The user pointer is the struct parser_context.
 */
#pragma once

#include <libxml/parser.h>

extern const xmlSAXHandler parser_sax;
