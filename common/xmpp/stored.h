/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Elements that were stored as XML text (element_write() or stanza_write() with NS_CLIENT), read
 * back. They have been through the limits of a stream once, so here whatever those let through is
 * accepted.
 */
#pragma once

#include "common/xmpp/parser.h"
#include "common/xmpp/stanza.h"

/* The root of an arena of its own, which the caller frees; NULL: the text is damaged. */
struct element *stored_element(struct parser_pool *pool, const char *xml);
/* NULL too if the element is no stanza. */
struct stanza *stored_stanza(struct parser_pool *pool, const char *xml);
