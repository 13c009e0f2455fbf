/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The words of urn:kontalk:directory:1, which directories of nodes say to each other as node
 * messages (c2s/node_message.h). docs/NETWORK.md lists them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "c2s/directory/directory.h"
#include "c2s/directory/grant.h"
#include "common/base/macros.h"
#include "common/xmpp/stanza.h"

/* A message to a host or one of its workers, and its payload, to be filled. */
struct stanza *words_message(const char *to, const char *name, struct element **payload);
void words_set_number(struct element *element, const char *name, int64_t number);
/* Not negative. ERR_MALFORMED: missing, or no number. */
MUST_CHECK int words_get_number(const struct element *element, const char *name, int64_t *number);
/* In Base64. Reading: ERR_MALFORMED: missing, or not of this length. */
void words_set_bytes(struct element *element, const char *name, const void *bytes, size_t length);
MUST_CHECK int words_get_bytes(const struct element *element, const char *name, uint8_t *bytes,
                               size_t length);

/* <entry/>. serial: its place in the log of its home; 0: not said. */
void words_add_grant(struct element *parent, const struct grant *grant, int64_t serial);
/* Strings are in the arena of the element. ERR_MALFORMED: what nobody of ours would write, for
 * example an address that is not prepared. Who signed it is not looked at. */
MUST_CHECK int words_read_grant(struct element *element, struct grant *grant, int64_t *serial);
