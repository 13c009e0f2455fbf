/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Extended Stanza Addressing (XEP-0033): one stanza for several recipients of a domain. No I/O.
 */
#pragma once

#include "common/xmpp/stanza.h"

/* Of all copies of a stanza together: who sends one must not make many of a large one. */
#define ADDRESSES_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct recipient {
    struct jid jid;
    struct element *blind; /* its own address, which nobody else may see; NULL: all may */
};

struct recipients {
    struct recipient *all;
    size_t count;
};

/* The header of a message or presence that is for a service which delivers it to others (§4): NULL:
 * it is for none. */
struct element *addresses_of(const struct stanza *stanza);
/* Who is to get it, each of them once; `max` at most. -1, or the error (§8), and nobody is to. All
 * is in the arena of the stanza. */
MUST_CHECK int addresses_read(struct stanza *stanza, size_t max, struct recipients *recipients);
/* What all may see of the header stays, as delivered (§4.1.5). */
void addresses_mark(struct stanza *stanza);
/* To several of that domain, each as bcc: what goes out (§4.2.3). */
void addresses_begin(struct stanza *stanza, const struct jid *domain);
void addresses_add(struct stanza *stanza, const struct jid *recipient);
/* Of such a stanza: as it is for one of them alone. */
struct stanza *addresses_single(const struct stanza *stanza, const struct jid *recipient);
/* Of a stanza that is marked. */
struct stanza *addresses_copy(const struct stanza *stanza, const struct recipient *recipient);
