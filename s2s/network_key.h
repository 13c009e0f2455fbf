/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of dialback for a domain with many servers (docs/NETWORK.md): `member.serial.signature`, the
 * number of the member that made it, the serial of the network document it knew, and in hexadecimal
 * its signature (Ed25519) over receiving and originating domain and stream id. Any member can say
 * whether one is good, without asking another and without a secret that all have. No I/O.
 */
#pragma once

#include "common/network/network.h"

enum network_key_verdict {
    NETWORK_KEY_OTHER,   /* a key of another kind */
    NETWORK_KEY_GOOD,    /* made by the member */
    NETWORK_KEY_BAD,     /* forged */
    NETWORK_KEY_UNKNOWN, /* of a member, or under a document, that is not known here now */
};

/* What is signed (XEP-0220 §2.1.1 names the same three). */
struct network_key_subject {
    const char *receiving, *originating;
    const char *stream_id;
};

/* free() it. */
char *network_key_make(const struct network *network, const struct network_member *member,
                       const struct signing_key *key, const struct network_key_subject *subject);
enum network_key_verdict network_key_check(const struct network *network, int64_t now,
                                           const struct network_key_subject *subject,
                                           const char *text);
