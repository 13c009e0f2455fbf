/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `kontalkctl s2s probe`: a domain is reached as the daemon reaches it, and every step is told.
 *
 * A probe is a ping (XEP-0199) in a pair and a remote of its own, which are in no table: resolving,
 * racing, TLS and proving are the code that ordinary pairs run, with a trace (trace.h), but
 * ordinary pairs, their queues, streams and back-off neither see it nor feel it, and it does not
 * use theirs. Two things it shares because the peer does: its dialback key is verified on whatever
 * stream the peer asks on, and the answer to the ping comes on whatever stream the peer sends on.
 * If the peer proves itself by dialback for that, this is ordinary work of the daemon.
 *
 * It ends with the answer to the ping, with the first failure, or at its deadline; then its stream
 * is closed in order.
 */
#pragma once

#include "s2s/pair.h"

/* "probe DOMAIN [DOMAIN-OF-OURS]" */
void probe_command(void *state, struct control_request *request, size_t argc,
                   const char *const *argv);
/* A stanza from outside, whose sender is proven: true if it is the answer to a probe's ping. */
bool probe_answered(struct server *server, const struct stanza *stanza);
/* A stanza that did not get out: true if it is a probe's ping. */
bool probe_bounced(struct server *server, const struct stanza *stanza, const char *text);
/* The pair of a probe whose dialback key is in question on that stream; NULL. */
struct pair *probe_pair(const struct server *server, const char *local, const char *remote,
                        const char *stream_id);
/* They are told that, and their streams end. */
void probe_end_all(struct server *server, const char *problem);
/* There is no stream any more. */
void probe_free_all(struct server *server);
