/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What accounts of ours have said to nodes, and saying it again.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/slots.h"
#include "c2s/sm/envelope.h"
#include "c2s/sm/far.h"
#include "c2s/sm/photo.h"
#include "c2s/sm/places.h"
#include "c2s/sm/presence.h"
#include "c2s/sm/roster.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"

/* What was said so shortly before a node was lost may not have arrived. */
#define UNSURE_MS 60000
#define PACE_MS   20
#define PACE      50

/* An available account that has said something to a node. */
struct said {
    UT_hash_handle hh; /* by key */
    char *key;         /* "bare host" */
    struct jid *jid;
    char *host;
    uint64_t at_ms;
    bool lost;
};

struct errand {
    struct jid *jid;
    char *host;
    void (*run)(struct sm *sm, const struct jid *jid, const char *host);
    struct errand *prev, *next;
};

struct far_out {
    struct said *said;
    struct errand *errands;
    struct timer *timer;
};

/* --- errands --- */

static void run_some(void *user)
{
    struct sm *sm = user;
    struct far_out *far = sm->far_out;

    for (int i = 0; i < PACE && far->errands; i++) {
        struct errand *errand = far->errands;

        DL_DELETE(far->errands, errand);
        errand->run(sm, errand->jid, errand->host);
        free(errand->jid);
        free(errand->host);
        free(errand);
    }
    if (far->errands)
        timer_start(far->timer, PACE_MS, 0);
}

void far_errand(struct sm *sm, const struct jid *jid, const char *host,
                void (*run)(struct sm *sm, const struct jid *jid, const char *host))
{
    struct errand *errand = xcalloc(1, sizeof(*errand));

    errand->jid = jid ? jid_dup(jid) : NULL;
    errand->host = xstrdup(host);
    errand->run = run;
    DL_APPEND(sm->far_out->errands, errand);
    if (!timer_active(sm->far_out->timer))
        timer_start(sm->far_out->timer, PACE_MS, 0);
}

/* --- versions --- */

/* In whatever order the sessions are. */
uint64_t far_version(const struct account *account)
{
    const struct session *session;
    struct buffer text = {0};
    uint64_t version = 0;

    ACCOUNT_SESSIONS (session, account) {
        if (!session_available(session))
            continue;
        buffer_clear(&text);
        buffer_append_text(&text, session->jid->resource);
        buffer_append_char(&text, '\0');
        element_write(&text, session->presence->root, NS_CLIENT);
        if (photo_of(account))
            buffer_append_text(&text, photo_of(account));
        version ^= hash_stable(text.data, text.length);
    }
    buffer_fini(&text);
    return version;
}

/* --- the books --- */

static struct said *find(const struct sm *sm, const char *bare, const char *host)
{
    char *key = xasprintf("%s %s", bare, host);
    struct said *said;

    HASH_FIND_STR(sm->far_out->said, key, said);
    free(key);
    return said;
}

static void forget(struct sm *sm, struct said *said)
{
    HASH_DEL(sm->far_out->said, said);
    free(said->key);
    free(said->jid);
    free(said->host);
    free(said);
}

static struct said *get(struct sm *sm, const struct jid *jid, const char *host)
{
    struct said *said = find(sm, jid->bare, host);

    if (said)
        return said;
    said = xcalloc(1, sizeof(*said));
    said->key = xasprintf("%s %s", jid->bare, host);
    said->jid = jid_dup_with_resource(jid, NULL);
    said->host = xstrdup(host);
    HASH_ADD_KEYPTR(hh, sm->far_out->said, said->key, strlen(said->key), said);
    return said;
}

/* Who is not available is not shown again: whoever has seen it asks (far_compare()). */
void far_said(struct sm *sm, const struct stanza *presence, const char *host)
{
    const struct account *account = account_find(sm, presence->from.bare);
    struct said *said;

    if (account && far_version(account) != 0) {
        get(sm, &presence->from, host)->at_ms = clock_monotonic_ms();
        return;
    }
    said = find(sm, presence->from.bare, host);
    if (said)
        forget(sm, said);
}

void far_lost(struct sm *sm, const struct stanza *presence, const char *host)
{
    struct said *said = find(sm, presence->from.bare, host);

    if (said)
        said->lost = true;
}

/* --- saying it again --- */

static bool is_at(struct sm *sm, const struct jid *contact, const char *host)
{
    struct directory_place place;

    if (!places_is_account(sm, contact))
        return false;
    if (!places_look(sm, contact, &place))
        return true; /* it may be */
    return place.answer == DIRECTORY_ELSEWHERE && strcmp(place.host, host) == 0;
}

static void say(struct account *account, const struct jid *from, const struct stanza *presence,
                const char *host)
{
    ROSTER_ITEMS (item, account) {
        if (subscription_from(item->subscription) && is_at(account->sm, item->jid, host))
            presence_say(account, from, presence, item->jid, true);
    }
}

static void hide(struct account *account, const char *resource, const char *host)
{
    const struct session *session = account_session(account, resource);
    struct stanza *unavailable;
    struct jid *from;

    if (session && session_available(session))
        return;
    unavailable = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
    from = jid_dup_with_resource(account->jid, resource);
    say(account, from, unavailable, host);
    free(from);
    stanza_unref(unavailable);
}

static uint64_t version_in(const struct element *seen)
{
    const char *text = element_get(seen, "version");

    return text ? strtoull(text, NULL, 16) : 0;
}

/* Who has seen presence that did not say all has no version. */
static bool is_so(const struct account *account, const struct element *seen)
{
    uint64_t version = version_in(seen);

    return version == far_version(account) && (version != 0 || !element_first(seen));
}

/* Behind everything that the account has to do, so that it is loaded with the sessions that wait
 * for their clients. */
static void compare_job(struct account *account, struct session *session UNUSED,
                        struct stanza *stanza, int problem UNUSED)
{
    const struct element *seen = element_first(stanza->root);
    const char *host = element_get(seen, "node");
    struct session *at;

    if (account->state != ACCOUNT_READY || is_so(account, seen))
        return;
    ELEMENT_FOREACH (resource, seen) {
        hide(account, element_text(resource), host);
    }
    ACCOUNT_SESSIONS (at, account) {
        if (session_available(at))
            say(account, at->jid, at->presence, host);
    }
}

static void queue_compare(struct sm *sm, const struct jid *jid, const struct element *seen,
                          const char *host)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *copy =
        seen ? element_add_copy(stanza->root, seen) : element_add(stanza->root, NS_NET, "seen");

    element_set(copy, "node", host);
    if (account_queue(account_get(sm, jid), compare_job, stanza) < 0)
        log_debug("presence_not_compared", LOG_TEXT("account", jid->bare));
    stanza_unref(stanza);
}

static void say_again(struct sm *sm, const struct jid *jid, const char *host)
{
    if (account_find(sm, jid->bare))
        queue_compare(sm, jid, NULL, host);
}

void far_compare(struct sm *sm, const struct element *seen, const char *host)
{
    const char *text = element_get(seen, "jid");
    struct directory_place place;
    struct jid jid;

    if (text && jid_parse(seen->arena, text, &jid) == 0 && places_is_account(sm, &jid) &&
        places_look(sm, &jid, &place) && place.answer == DIRECTORY_HERE &&
        slots_owned(sm->slots, slot_of(jid.bare)))
        queue_compare(sm, &jid, seen, host);
}

void far_out_reachable(struct sm *sm, const char *host, bool reachable, bool all)
{
    uint64_t now = clock_monotonic_ms();
    struct said *said, *next;

    HASH_ITER (hh, sm->far_out->said, said, next) {
        if (strcmp(said->host, host) != 0)
            continue;
        if (!reachable && said->at_ms + UNSURE_MS > now)
            said->lost = true;
        if (!reachable || !(said->lost || all))
            continue;
        said->lost = false;
        far_errand(sm, said->jid, host, say_again);
    }
}

/* --- life --- */

static void start(struct sm *sm)
{
    sm->far_out = xcalloc(1, sizeof(*sm->far_out));
    sm->far_out->timer = timer_new(sm->loop, run_some, sm);
}

static void stop(struct sm *sm)
{
    struct far_out *far = sm->far_out;
    struct said *said, *next;
    struct errand *errand, *next_errand;

    timer_close(far->timer);
    DL_FOREACH_SAFE (far->errands, errand, next_errand) {
        free(errand->jid);
        free(errand->host);
        free(errand);
    }
    HASH_ITER (hh, far->said, said, next) {
        forget(sm, said);
    }
    free(far);
    sm->far_out = NULL;
}

const struct sm_module far_out_module = {.name = "far-out", .start = start, .stop = stop};
