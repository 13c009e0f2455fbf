/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A key of dialback that a peer has shown to us and that the servers of its domain are asked about
 * (XEP-0220 §2.2): by the receiving server of the pair.
 */
#pragma once

#include "s2s/remote.h"

struct verify {
    struct remote *remote; /* the domain that is to be proven */
    struct in *in;         /* who waits for it; NULL: gone */
    char *local;           /* the domain of ours it wants to write to */
    char *id;              /* of the incoming stream */
    char *key;
    struct out *out; /* where it was asked; NULL: not yet */
    struct timer *deadline;
    struct verify *prev, *next; /* remote->verifies */
};

/* Asks as soon as there is a stream. */
void verify_begin(struct remote *remote, struct in *in, const char *local, const char *key);
/* The answer to a question that was asked on `out`. False: nobody asked that (CVE-2012-3525). */
bool verify_answered(struct remote *remote, struct out *out, const char *local, const char *id,
                     const char *type);
/* Sends what has not been asked yet. */
void verify_send_all(struct remote *remote, struct out *out);
bool verify_is_waiting(const struct remote *remote);
/* They get no answer: those that were asked on `out`; NULL: all. */
void verify_fail(struct remote *remote, const struct out *out, enum stanza_condition condition);
/* Nobody is told. */
void verify_free_all(struct remote *remote);
/* The stream that waits for answers has gone. */
void verify_forget(struct server *server, const struct in *in);
