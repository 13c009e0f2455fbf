/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The archive of an account (XEP-0313), as its user sees it; what is written into it is the
 * business of whoever stores messages. Queries are read beside the account's queue and hold nothing
 * up. A page is chosen by number first (archive_page.c), then its messages are written as fast as
 * the client takes them.
 */
#pragma once

#include "c2s/sm/sm.h"
#include "c2s/sm/stanza_id.h"
#include "common/xmpp/archive_query.h"

/* archive_rows.c: adds what a query needs to a unit. If it has `known`: how many of these are not
 * there. Then: how many rows there are (max 0), or the numbers of at most max + 1 of them, in the
 * direction of the page. */
void archive_rows_add(struct sm_unit *unit, int64_t owner, const struct archive_query *query);

/* archive_page.c: answers the request. Consumes the query. */
void archive_page_start(struct sm_request *request, struct archive_query *query);
/* The client takes more, or is gone. */
void archive_page_go_on(struct session *session);
void archive_page_forget(struct session *session);

/* archive_rate.c: calls start() now or later, or refuses the request: an account may ask so many
 * queries a second ([sm] archive-queries), some more at once, and some wait. */
void archive_rate(struct sm_request *request, void (*start)(struct sm_request *request));

/* Whether the session's client has got the message with this number, which is archived, as part of
 * a page that left nothing out: it is not to be sent to it again as an offline message. */
bool archive_has_shown(const struct session *session, int64_t seq);

/* $1 owner: number and time (us) of the first and the last archived message; no rows: none is. */
extern const struct db_statement archive_ends;
/* <metadata/> of what it has read; returns the number of the last message, or 0. */
int64_t archive_add_metadata(struct element *parent, const struct account *account,
                             const struct db_result *ends);

extern const struct sm_module archive_module;
