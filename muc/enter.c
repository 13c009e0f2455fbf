/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Entering.
 */
#include "muc/enter.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"
#include "muc/creators.h"
#include "muc/kept_role.h"
#include "muc/message.h"
#include "muc/nick.h"
#include "muc/rate.h"
#include "muc/store.h"
#include "muc/subject.h"

#define SALT_BYTES 16
/* Of one account in a room. */
#define SESSIONS_MAX 50

/* --- who may --- */

static bool password_is_right(const struct room *room, const struct element *x)
{
    const char *given = x ? element_child_text(x, NS_MUC, "password") : NULL;
    const char *secret = room_text(room, OPTION_SECRET);

    return given && strlen(given) == strlen(secret) && crypto_equal(given, secret, strlen(secret));
}

static bool is_full(const struct room *room, enum affiliation affiliation)
{
    size_t count = HASH_COUNT(room->occupants);

    /* §7.2.9: who can make room may always come in */
    if (affiliation >= AFFILIATION_ADMIN)
        return count >= room->muc->limits.occupants;
    return count >= MIN(room_number(room, OPTION_MAX_USERS), room->muc->limits.occupants);
}

static int nick_problem(const struct room *room, const struct jid *jid, const char *nick)
{
    const struct occupant *occupant = room_occupant(room, nick);
    const struct affiliated *owner = room_nick_owner(room, nick);

    if (occupant && strcmp(occupant->bare->bare, jid->bare) != 0)
        return SITUATION_ENTER_NICK_TAKEN;
    if (owner && strcmp(owner->jid, jid->bare) != 0)
        return SITUATION_ENTER_NICK_RESERVED;
    return -1;
}

int enter_problem(const struct room *room, const struct jid *jid, const char *nick,
                  const struct element *x)
{
    enum affiliation affiliation = room_affiliation(room, jid);

    if (affiliation == AFFILIATION_OUTCAST)
        return SITUATION_ENTER_BANNED;
    if (room->locked && affiliation != AFFILIATION_OWNER)
        return SITUATION_ENTER_LOCKED;
    if (room_is(room, OPTION_MEMBERS_ONLY) && affiliation < AFFILIATION_MEMBER)
        return SITUATION_ENTER_NOT_MEMBER;
    if (room_is(room, OPTION_PASSWORD_PROTECTED) && affiliation != AFFILIATION_OWNER &&
        !password_is_right(room, x))
        return SITUATION_ENTER_PASSWORD;
    if (nick_problem(room, jid, nick) >= 0)
        return nick_problem(room, jid, nick);
    if (!room_occupant(room, nick) && is_full(room, affiliation))
        return SITUATION_ENTER_FULL;
    return room_sessions_of(room, jid) < SESSIONS_MAX ? -1 : SITUATION_ENTER_TOO_OFTEN;
}

bool nick_is_good(const char *nick)
{
    return nick && nick[strspn(nick, " ")] != '\0';
}

/* --- what follows --- */

/* How somebody comes. */
struct arrival {
    bool created, renamed; /* the room; the nickname */
    bool tells;            /* the others in the room, who see it */
};

/* §7.1: others, itself, history, subject, in this order. */
static void welcome(struct turn *turn, const struct session *session, const struct stanza *presence,
                    const struct element *x, const struct arrival *arrival)
{
    struct room *room = turn->room;
    struct news news = {.presence = session->presence, .own_id = stanza_id(presence)};
    size_t codes = 0;

    if (strcmp(room_text(room, OPTION_WHOIS), "anyone") == 0)
        news.own_codes[codes++] = STATUS_NON_ANONYMOUS;
    if (room_is(room, OPTION_LOGGING))
        news.own_codes[codes++] = STATUS_LOGGED;
    if (arrival->created)
        news.own_codes[codes++] = STATUS_CREATED;
    if (arrival->renamed)
        news.own_codes[codes++] = STATUS_NICK_GIVEN;
    presence_tell_others(turn, session);
    if (arrival->tells)
        presence_tell(turn, session->occupant, &news, session);
    else
        presence_tell_self(turn, session, &news);
    message_send_history(turn, session, element_find(x, NS_MUC, "history"));
    subject_send(turn, session);
}

void enter_make_room(struct turn *turn, const struct jid *creator, bool locked)
{
    struct room *room = turn->room;
    char salt[2 * SALT_BYTES + 1];

    crypto_random_hex(salt, SALT_BYTES);
    room->exists = true;
    room->locked = locked;
    room->id = turn->about = ++room->muc->last_room;
    room->creator = xstrdup(creator->bare);
    creators_add(room->muc, creator->bare, 1);
    room->salt = xstrdup(salt);
    room_set_affiliated(room, creator->bare, AFFILIATION_OWNER, NULL, NULL);
    store_room(turn);
    store_affiliated(turn, creator->bare);
}

/* From now on it is in the room. */
static void come_in(struct turn *turn, struct stanza *presence, const char *nick,
                    const struct element *x, bool created)
{
    struct room *room = turn->room;
    struct occupant *occupant = room_occupant(room, nick);
    struct stanza *cleaned = presence_cleaned(presence);
    enum role role = occupant ? occupant->role : kept_role_of(room, &presence->from);
    struct session *session = room_add_session(room, &presence->from, nick, role, cleaned);
    const struct arrival arrival = {
        .created = created,
        .renamed = strcmp(nick, presence->to.resource) != 0,
        .tells = session->occupant->sessions->next == NULL,
    };

    stanza_unref(cleaned);
    store_session(turn, session);
    welcome(turn, session, presence, x, &arrival);
}

/* §10.1: whoever comes first creates it. */
static void create(struct turn *turn, struct stanza *presence, const struct element *x)
{
    int problem = creators_problem(turn->muc, &presence->from);

    if (problem >= 0) {
        turn_refuse(turn, (enum situation)problem);
        return;
    }
    enter_make_room(turn, &presence->from, true);
    come_in(turn, presence, presence->to.resource, x, true);
}

static void enter(struct turn *turn, struct stanza *presence, const struct element *x)
{
    struct room *room = turn->room;
    const char *nick = presence->to.resource;
    int problem;

    if (!room->exists) {
        create(turn, presence, x);
        return;
    }
    problem = enter_problem(room, &presence->from, nick, x);
    if (problem >= 0)
        turn_refuse(turn, (enum situation)problem);
    else
        come_in(turn, presence, nick, x, false);
}

/* --- presence of one that is in it --- */

static void set_presence(struct turn *turn, struct session *session, const struct stanza *presence)
{
    stanza_unref(session->presence);
    session->presence = presence_cleaned(presence);
    store_session(turn, session);
}

/* §7.7; only what the first session says is seen by others. */
static void update(struct turn *turn, struct session *session, const struct stanza *presence)
{
    const struct news news = {.own_id = stanza_id(presence)};
    struct news told = news;

    set_presence(turn, session, presence);
    told.presence = session->presence;
    if (session == session->occupant->sessions)
        presence_tell(turn, session->occupant, &told, NULL);
    else
        presence_tell_self(turn, session, &told);
}

static bool is_same(const struct stanza *one, const struct stanza *other)
{
    struct buffer a = {0}, b = {0};
    bool same;

    element_write_inside(&a, one->root, NS_CLIENT);
    element_write_inside(&b, other->root, NS_CLIENT);
    same = a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
    buffer_fini(&a);
    buffer_fini(&b);
    return same;
}

/* §17.3: it has lost track, and hears everything again; the others, what has changed. */
static void come_again(struct turn *turn, struct session *session, const struct stanza *presence,
                       const struct element *x)
{
    struct stanza *before = stanza_ref(session->presence);
    struct arrival arrival = {0};
    const struct session *each;

    set_presence(turn, session, presence);
    arrival.tells = session == session->occupant->sessions && !is_same(before, session->presence);
    welcome(turn, session, presence, x, &arrival);
    DL_FOREACH (session->occupant->sessions, each) {
        const struct news news = {.presence = session->presence};

        if (arrival.tells && each != session)
            presence_tell_self(turn, each, &news);
    }
    stanza_unref(before);
}

static void present(struct turn *turn, struct session *session, struct stanza *presence)
{
    const struct element *x = element_find(presence->root, NS_MUC, "x");

    if (!rate_allows_presence(session->occupant)) {
        turn_refuse(turn, SITUATION_MESSAGE_TOO_FAST);
    } else if (strcmp(session->occupant->nick, presence->to.resource) != 0) {
        nick_change(turn, session, presence);
    } else if (x) {
        come_again(turn, session, presence, x);
    } else {
        update(turn, session, presence);
    }
}

/* §7.2.17: it believes to be in the room, and is not. */
static void kick_ghost(struct turn *turn, const struct stanza *presence)
{
    static const int codes[] = {STATUS_SELF, STATUS_KICKED, STATUS_ERROR};
    struct stanza *stanza = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
    struct element *x = element_add(stanza->root, NS_MUC_USER, "x");
    struct element *item = element_add(x, NS_MUC_USER, "item");

    stanza_set_from(stanza, &presence->to);
    stanza_set_to(stanza, &presence->from);
    element_set(stanza->root, "id", stanza_id(presence));
    element_set(item, "affiliation",
                affiliation_name(room_affiliation(turn->room, &presence->from)));
    element_set(item, "role", role_name(ROLE_NONE));
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        element_set(element_add(x, NS_MUC_USER, "status"), "code",
                    arena_printf(stanza->arena, "%d", codes[i]));
    turn_send_take(turn, stanza);
}

static void available(struct turn *turn, struct session *session, struct stanza *presence)
{
    const struct element *x = element_find(presence->root, NS_MUC, "x");

    if (presence->to.resource == NULL)
        turn_refuse(turn, SITUATION_ENTER_WITHOUT_NICK);
    else if (!nick_is_good(presence->to.resource))
        turn_refuse(turn, SITUATION_NICK_BAD);
    else if (message_is_too_large(turn->muc, presence))
        turn_refuse(turn, SITUATION_MESSAGE_TOO_LARGE);
    else if (session)
        present(turn, session, presence);
    else if (x)
        enter(turn, presence, x);
    else
        kick_ghost(turn, presence);
}

void enter_take(struct turn *turn, struct stanza *presence)
{
    struct session *session = room_session(turn->room, &presence->from);

    if (presence->type == PRESENCE_AVAILABLE) {
        available(turn, session, presence);
    } else if (session && turn->room->locked && HASH_COUNT(turn->room->sessions) == 1) {
        room_destroy(turn, NULL); /* §10.1.3 */
    } else if (session) {         /* §17.3: else silently ignored */
        struct news news = {.own_id = stanza_id(presence)};
        struct stanza *cleaned = presence_cleaned(presence);

        if (!message_is_too_large(turn->muc, presence))
            news.presence = cleaned;
        leave(turn, session, &news);
        leave_check(turn);
        stanza_unref(cleaned);
    }
}
