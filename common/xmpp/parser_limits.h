/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What an element will be when it is passed on: written anew (element_write()) it may be longer
 * than it was, and declare more namespaces; and a stanza gets attributes on its way. Whoever gets
 * it has limits, too, and closes a stream that others need: so these are counted where it comes in.
 */
#pragma once

#include <libxml/xmlstring.h>

/* fields: five pointers per attribute, as libxml2 has them. */

/* "from" and the others that a stanza may get. */
#define LIMITS_ADDRESSING 5

/* Of a stanza: with these. */
unsigned limits_stanza_attributes(int count, const xmlChar **fields);
/* Its own, and one for each of its attributes. */
unsigned limits_written_namespaces(int count, const xmlChar **fields);
