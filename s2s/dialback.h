/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of server dialback (XEP-0220) after XEP-0185, and the words on the wire (no I/O).
 */
#pragma once

#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/xmpp/conditions.h"

#define NS_DIALBACK          "jabber:server:dialback"
#define NS_DIALBACK_FEATURES "urn:xmpp:features:dialback"

#define DIALBACK_KEY_LENGTH 64

struct dialback_key {
    char text[DIALBACK_KEY_LENGTH + 1];
};

/* XEP-0185 §3: HMAC-SHA256 with the hexadecimal SHA-256 of the secret as its key, over receiving
 * and originating domain and stream id, with blanks between them. */
struct dialback_key dialback_key(const char *secret, size_t secret_length, const char *receiving,
                                 const char *originating, const char *stream_id);
/* In constant time. */
bool dialback_key_equal(const struct dialback_key *key, const char *text);

/* <db:result/> or <db:verify/>, with the prefix that old servers insist on. */
struct dialback_words {
    const char *name; /* "result", "verify" */
    const char *from, *to;
    const char *id;   /* of verify */
    const char *type; /* NULL: a question, with `key` */
    const char *key;
    enum stanza_condition condition; /* with type "error" */
};
void dialback_write(struct buffer *out, const struct dialback_words *words);
