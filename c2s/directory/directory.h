/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which home an account has, and which node serves it (docs/NETWORK.md). Only the network domain
 * has accounts elsewhere; further domains of a node are its own. A service under the network domain
 * (`conference.example.net`), with all addresses there, has one home too, if that has claimed it. A
 * node without a network document is a network of one: everything is here, and asking costs
 * nothing.
 *
 *     struct directory_place place;
 *     if (!directory_look(worker, &to, &place)) { directory_ask(worker, &to, done, user); return; }
 *     … done(user, &place) comes later, exactly once unless it is cancelled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/accounts.h"
#include "common/base/macros.h"
#include "common/component/durable.h"
#include "common/service/control.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/room_page.h"
#include "common/xmpp/stanza.h"

struct worker;

enum directory_answer {
    /* This node serves its home. Whether there is such an account now, the home's own tables know.
     */
    DIRECTORY_HERE,
    /* Another node serves its home: `host`. */
    DIRECTORY_ELSEWHERE,
    /* The registrar has said that nobody has this name: it was never given, or its account was
     * deleted. Only this is "no such user". */
    DIRECTORY_NOBODY,
    /* The truth is not known now: the registrar does not answer, or nobody serves the home. To be
     * answered with an error of type wait, or asked again later. Never "no such user". */
    DIRECTORY_UNKNOWN
};

struct directory_place {
    enum directory_answer answer;
    /* HERE and ELSEWHERE, else NULL and 0. The strings are valid during the call that gave the
     * place (in directory_look(): until control returns to the loop). */
    const char *home; /* "alpha" */
    const char *host; /* of the node that serves it now: "alpha.example.net" */
    int64_t epoch;    /* of the home, in the network document in force */
};

/* From what is known at once: true and *place, or false: directory_ask(). The domain itself, and
 * addresses of other domains that are not below it, are HERE (callers ask about our own names
 * only). A service that is not in the copy is NOBODY: the registrar is not asked. The resource does
 * not matter. Never answers UNKNOWN. */
bool directory_look(struct worker *worker, const struct jid *jid, struct directory_place *place);

/* Looks into the database, and if the name is not there asks the registrar. `done` is called
 * exactly once, later than this call, within some seconds; those who ask for the same name at once
 * are answered in the order in which they asked. What is found is remembered for
 * directory_look(). */
typedef void directory_found(void *user, const struct directory_place *place);
struct directory_question;
struct directory_question *directory_ask(struct worker *worker, const struct jid *jid,
                                         directory_found *done, void *user);
/* `done` will not be called. NULL is allowed. */
void directory_cancel(struct directory_question *question);

/* Claims the name of a service (`conference.example.net`) for our home, if nobody has it. status 0:
 * it is ours, or there is no network; ERR_EXISTS: another home has it; ERR_UNAVAILABLE: not known
 * now. Exactly once, later than this call. */
typedef void directory_claimed(void *user, int status);
void directory_claim(struct worker *worker, const struct jid *jid, directory_claimed *done,
                     void *user);

/* Whether that domain is a service that all nodes have together ([node] shared-service), in a
 * network or not. */
bool directory_is_shared(const struct worker *worker, const char *domain);
/* The same for an address of such a service, which is asked for at the registrar in any case; and
 * given back, so that any home can have it again. */
void directory_claim_room(struct worker *worker, const struct jid *jid, directory_claimed *done,
                          void *user);
/* Also if another home has it that is not in the document any more. */
void directory_claim_lost_room(struct worker *worker, const struct jid *jid,
                               directory_claimed *done, void *user);
void directory_release_room(struct worker *worker, const struct jid *jid, directory_claimed *done,
                            void *user);

/* What the other homes have of the public rooms of this shared service: a page (room_page.h), valid
 * during the call, of what is known now. Nobody is waited for longer than some seconds, and no node
 * is believed about rooms of others. Once, perhaps within this call. */
typedef void directory_rooms_listed(void *user, const struct element *page);
void directory_list_rooms(struct worker *worker, const char *service, const struct rsm *wish,
                          directory_rooms_listed *done, void *user);

/* A node has said that it does not hold this account ("moved"): what is remembered about it is
 * forgotten, so that the next who asks gets it anew. */
void directory_forget(struct worker *worker, const struct jid *jid);

/* The name of the home that this node serves, and its epoch; NULL and 0: it serves none now (its
 * data has another epoch than the network document says). Without a document the home of the
 * configuration. Valid until control returns to the loop. */
const char *directory_own_home(struct worker *worker, int64_t *epoch);

/* As account_change(); a new name of the network is claimed before. Further statuses: ERR_EXISTS
 * also if another home has the name; ERR_DENIED: it stays reserved, because its account was
 * deleted; ERR_UNAVAILABLE also if the registrar cannot be asked now. The verifiers have to live
 * until `changed`. */
MUST_CHECK int directory_account_change(struct worker *worker, enum account_change change,
                                        const struct jid *account,
                                        const struct account_verifiers *verifiers,
                                        account_changed *changed, void *user);

/* --- for the worker --- */

/* Slots and document are there. ERR_*: logged. */
MUST_CHECK int directory_open(struct worker *worker);
/* The tables can be used. */
void directory_begin(struct worker *worker);
/* The same, but the home is not served: only where others are is told, of our own names nothing. */
void directory_begin_without_home(struct worker *worker);
/* The home is not served any more; until one of the two. */
void directory_pause(struct worker *worker);
/* Before the database closes, and after it has closed. */
void directory_end(struct worker *worker);
void directory_close(struct worker *worker);
/* Slots were won or lost. */
void directory_keeper_changed(struct worker *worker);
void directory_node_reachable(struct worker *worker, const char *host);
/* Of an iq that this worker has asked by itself; false: it is none, and nothing has happened. */
bool directory_answered(struct worker *worker, const struct stanza *iq);
/* Of struct node_handler. */
void directory_message(struct worker *worker, const struct durable *offer, struct stanza *message,
                       struct element *payload);

/* Its commands on the control socket; their state is the worker. */
extern const struct control_command directory_commands[];
