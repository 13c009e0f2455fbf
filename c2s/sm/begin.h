/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a client asks for together with its login (XEP-0388): a token (clients.h), to resume a
 * session (XEP-0198 §9.2), or a new one with what it shall have from the start (Bind 2, XEP-0386).
 * It is one request in the queue of the account, and its answer comes in one piece.
 *
 *    clients_note() ─► resume? ─► (failed) ─► bind? ─► row of the session, ends of the archive ─►
 * open
 */
#pragma once

#include "c2s/sm/sm.h"

/* plugin.c */
void begin_inline_features(void *state, struct element *inline_list);
void begin_start(void *state, struct client *client, const struct jid *account,
                 const struct c2s_begin *begin);

/* For clients.c and smacks_resume.c, about a request (session->begin). */
/* Its <authenticate/>, and what will be told with the success. */
const struct element *begin_request(const struct session *request);
struct element *begin_results(struct session *request);
const char *begin_device(const struct session *request);
int begin_mechanism(const struct session *request);
int64_t begin_token(const struct session *request);
/* It goes on with this session; its client has been given to that already. The request ends by the
 * caller. */
void begin_resumed(struct session *request, struct session *session);
/* It does not; a new one may be begun. h: as smacks_fail(). */
void begin_not_resumed(struct session *request, enum stanza_condition condition, const uint32_t *h);
/* NULL is allowed for what it has. */
void begin_free(struct session *request);
