/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking for the home of rooms.
 */
#include "muc/home.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"
#include "muc/creators.h"
#include "muc/enter.h"
#include "muc/founding.h"
#include "muc/pass.h"
#include "muc/taker.h"
#include "muc/turn.h"

/* So long an answer may take, the registrar's included. */
#define PATIENCE_MS 15000
/* What is known is asked anew after that: a home may go to another node. */
#define OURS_MS   10000
#define OTHERS_MS 2000

enum word { LOOKUP, CLAIM, CLAIM_LOST, RELEASE };
static const char *const words[] = {
    [LOOKUP] = "lookup", [CLAIM] = "claim", [CLAIM_LOST] = "claim", [RELEASE] = "release"};

struct home_question {
    UT_hash_handle hh; /* by id */
    char *id;
    struct room *room;
    enum word word;
    uint64_t due_ms;
};

struct homes {
    struct home_question *open;
    uint64_t count;
};

/* --- questions --- */

static struct stanza *request(const struct room *room, enum word word, const char *id)
{
    struct stanza *iq = stanza_new(STANZA_IQ, word == LOOKUP ? IQ_GET : IQ_SET);
    struct element *payload;
    struct jid jid;

    element_set(iq->root, "id", id);
    if (jid_make(iq->arena, NULL, room->muc->domain, NULL, &jid) == 0)
        stanza_set_from(iq, &jid);
    if (jid_make(iq->arena, NULL, room->muc->host, NULL, &jid) == 0)
        stanza_set_to(iq, &jid);
    payload = element_add(iq->root, NS_DIRECTORY, words[word]);
    element_set(payload, "jid", room->jid->bare);
    element_set(payload, "lost", word == CLAIM_LOST ? "true" : NULL);
    return iq;
}

static void send(const struct home_question *question)
{
    struct stanza *iq = request(question->room, question->word, question->id);

    muc_send(question->room->muc, iq);
    stanza_unref(iq);
}

/* What cannot be sent is not answered. */
static void ask(struct room *room, enum word word)
{
    struct homes *homes = room->muc->homes;
    struct home_question *question = xcalloc(1, sizeof(*question));

    question->id = xasprintf("home-%" PRIu64, ++homes->count);
    question->room = room;
    question->word = word;
    question->due_ms = clock_monotonic_ms() + PATIENCE_MS;
    HASH_ADD_KEYPTR(hh, homes->open, question->id, strlen(question->id), question);
    room->question = question;
    room->state = ROOM_LOADING;
    send(question);
}

static void drop(struct muc *muc, struct home_question *question)
{
    HASH_DEL(muc->homes->open, question);
    free(question->id);
    free(question);
}

void home_forget(struct room *room)
{
    if (room->question)
        drop(room->muc, room->question);
    room->question = NULL;
}

/* --- answers --- */

/* NULL: nobody has answered. */
static bool says(const struct stanza *answer, enum stanza_condition condition)
{
    const struct element *error = answer ? element_find(answer->root, NS_CLIENT, "error") : NULL;

    return error && element_find(error, NS_STANZA_ERRORS, stanza_condition_name(condition));
}

static enum home found(const struct muc *muc, const struct stanza *answer, enum home before)
{
    const struct element *home = answer ? element_find(answer->root, NS_DIRECTORY, "home") : NULL;
    const char *host = home ? element_get(home, "host") : NULL;

    if (host)
        return strcmp(host, muc->host) == 0 ? HOME_HERE : HOME_ELSEWHERE;
    if (says(answer, STANZA_ITEM_NOT_FOUND))
        return HOME_NOBODY;
    /* c2s itself is away: so it is as before. */
    return says(answer, STANZA_RESOURCE_CONSTRAINT) ? HOME_UNKNOWN : before;
}

static enum home claimed(struct room *room, const struct stanza *answer)
{
    room->claimed = answer && answer->type == IQ_RESULT;
    if (room->claimed)
        return HOME_HERE;
    return says(answer, STANZA_CONFLICT) ? HOME_ELSEWHERE : HOME_UNKNOWN;
}

static enum home released(struct room *room, const struct stanza *answer)
{
    room->claimed = false;
    return answer && answer->type == IQ_RESULT ? HOME_NOBODY : HOME_UNKNOWN;
}

static enum home outcome(struct room *room, enum word word, const struct stanza *answer)
{
    if (word == LOOKUP)
        return found(room->muc, answer, room->home);
    return word == RELEASE ? released(room, answer) : claimed(room, answer);
}

static void answered(struct room *room, const struct stanza *answer)
{
    enum word word = room->question->word;

    home_forget(room);
    room->home = outcome(room, word, answer);
    room->home_ms = clock_monotonic_ms();
    if (room->exists && room->home == HOME_NOBODY) {
        ask(room, CLAIM); /* from before there was a network, or a backup */
        return;
    }
    if (room->exists && room->home == HOME_ELSEWHERE)
        log_error("muc_room_elsewhere", LOG_TEXT("room", room->jid->bare));
    room_ready(room);
}

bool homes_answered(struct muc *muc, const struct stanza *stanza)
{
    const char *id = stanza_id(stanza);
    struct home_question *question = NULL;

    if (muc->homes == NULL || id == NULL || stanza->kind != STANZA_IQ || !stanza_is_reply(stanza) ||
        stanza->from.local || strcmp(stanza->from.domain, muc->host) != 0)
        return false;
    HASH_FIND_STR(muc->homes->open, id, question);
    if (question)
        answered(question->room, stanza);
    return question != NULL;
}

void homes_tick(struct muc *muc)
{
    uint64_t now = clock_monotonic_ms();
    struct home_question *question, *next;

    if (muc->homes == NULL)
        return;
    HASH_ITER (hh, muc->homes->open, question, next) {
        if (question->due_ms <= now)
            answered(question->room, NULL);
    }
}

void homes_route(struct muc *muc, const char *name)
{
    if (muc->homes == NULL || strcmp(name, muc->host) != 0)
        return;
    for (struct home_question *at = muc->homes->open; at; at = at->hh.next)
        send(at);
}

/* --- rooms --- */

bool home_ask(struct room *room)
{
    uint64_t known_ms = room->home == HOME_HERE ? OURS_MS : OTHERS_MS;

    if (room->muc->homes == NULL)
        return false;
    if (room->state == ROOM_READY && room->home_ms + known_ms > clock_monotonic_ms())
        return false;
    ask(room, LOOKUP);
    return true;
}

bool home_release(struct room *room)
{
    if (room->muc->homes == NULL || room->home != HOME_HERE || room->exists)
        return false;
    ask(room, RELEASE);
    return true;
}

/* §10.1: whoever comes first, if he may. */
static bool creates(const struct room *room, const struct stanza *stanza)
{
    return stanza->type == PRESENCE_AVAILABLE && nick_is_good(stanza->to.resource) &&
           element_find(stanza->root, NS_MUC, "x") &&
           creators_problem(room->muc, &stanza->from) < 0;
}

/* What is offered is offered again. */
static void refuse(struct room *room, struct stanza *stanza, enum situation situation)
{
    struct turn *turn;

    if (taker_find(room->muc, stanza)) {
        turn_fail(room->muc, stanza);
        return;
    }
    turn = turn_begin(room->muc, NULL, stanza);
    turn_refuse(turn, situation);
    turn_end(turn);
}

/* Here is what stands in our database, also if another home has the name by now. */
static bool present_takes(struct room *room, struct stanza *stanza)
{
    if (room->exists || (room->home != HOME_ELSEWHERE && room->home != HOME_UNKNOWN))
        return false;
    refuse(room, stanza,
           room->home == HOME_ELSEWHERE ? SITUATION_FOUNDING_ELSEWHERE : SITUATION_HOME_AWAY);
    return true;
}

/* Whoever has the name now: whether his home is lost the registrar knows. */
static bool founding_takes(struct room *room, struct stanza *stanza)
{
    bool answered = room->founded;

    room->founded = !answered;
    if (!answered) {
        room_wait(room, stanza, true);
        ask(room, CLAIM_LOST);
    } else if (!room->claimed) {
        refuse(room, stanza,
               room->home == HOME_ELSEWHERE ? SITUATION_FOUNDING_ELSEWHERE : SITUATION_HOME_AWAY);
    }
    return !answered || !room->claimed;
}

bool home_takes(struct room *room, struct stanza *stanza)
{
    if (room->muc->homes == NULL || (room->exists && room->home == HOME_HERE))
        return false;
    if (founding_is(room->muc, stanza))
        return founding_makes(stanza) ? founding_takes(room, stanza) : present_takes(room, stanza);
    if (room->home == HOME_ELSEWHERE) {
        pass_on(room, stanza);
        return true;
    }
    if (room->home == HOME_UNKNOWN) {
        refuse(room, stanza, SITUATION_HOME_AWAY);
        return true;
    }
    /* That the name is ours says the registrar alone: it may just be given back. */
    if (room->claimed || !creates(room, stanza))
        return false;
    FOLLOW(stanza->root, "waits: the name of the room is claimed at the registrar");
    room_wait(room, stanza, true);
    ask(room, CLAIM);
    return true;
}

/* --- life --- */

void homes_start(struct muc *muc)
{
    const struct config *config = muc->config;

    if (config_list_has(config, "node", NULL, "shared-service", muc->domain))
        muc->homes = xcalloc(1, sizeof(*muc->homes));
    muc->host = xstrdup_or_null(config_text(config, "node", NULL, "host"));
    muc->network = xstrdup_or_null(config_text(config, "node", NULL, "network"));
}

void homes_stop(struct muc *muc)
{
    free(muc->homes);
    free(muc->host);
    free(muc->network);
    muc->homes = NULL;
    muc->host = muc->network = NULL;
}
