/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lines to other workers: which there are, what goes through them, when they are dead.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/front/channel.h"
#include "c2s/front/visit.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"

/* How often trunks are looked after, at least; a trunk that times out earlier, more often. */
#define LOOK_MS      500
#define LOOKS        20 /* in the time after which a trunk is dead */
#define RESEND_MS    2000
#define RESENDS      8
#define ALIVES       4
#define LINES_MAX    1024
#define LINES_OF_ONE 64 /* that one node has opened: from each of its workers one */
#define NOT_A_NUMBER UINT64_MAX

static void look(void *user);

static uint64_t timeout_ms(const struct front *front)
{
    return (uint64_t)config_number(front->worker->config, "c2s", NULL, "trunk-timeout");
}

struct front *front_new(struct worker *worker)
{
    struct front *front = xcalloc(1, sizeof(*front));
    struct arena *arena = arena_new();
    struct jid self;

    front->worker = worker;
    front->timer = timer_new(worker->loop, look, front);
    if (jid_make(arena, NULL, worker->host, worker->id, &self) == 0)
        front->self = jid_dup(&self);
    arena_free(arena);
    return front;
}

static void forget_members(struct front *front)
{
    for (size_t i = 0; i < front->members_count; i++) {
        free(front->members[i]);
        free(front->incarnations[i]);
    }
    free(front->members);
    free(front->incarnations);
    front->members = front->incarnations = NULL;
    front->members_count = 0;
}

/* --- lines --- */

static void free_line(struct line *line)
{
    DL_DELETE(line->front->lines, line);
    trunk_free(line->trunk);
    free(line->incarnation);
    free(line);
}

static void bury(void *user)
{
    struct front *front = user;
    struct line *line, *next;

    front->bury = NULL;
    DL_FOREACH_SAFE (front->lines, line, next) {
        if (line->dead)
            free_line(line);
    }
}

static void cut(struct line *line, const char *reason)
{
    struct front *front = line->front;
    struct channel *channel, *next;

    if (line->dead)
        return;
    line->dead = reason;
    log_event(line->channels ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "trunk_cut",
              LOG_TEXT("peer", trunk_to(line->trunk)->full),
              LOG_INT("clients", HASH_COUNT(line->channels)), LOG_TEXT("reason", reason));
    HASH_ITER (hh, line->channels, channel, next) {
        (line->opened ? relay_cut : owner_cut)(channel);
    }
    if (!front->bury)
        front->bury = loop_defer(front->worker->loop, bury, front);
}

static int on_send(void *user, struct stanza *frame)
{
    struct line *line = user;
    struct worker *worker = line->front->worker;

    if (line->dead || !worker->link || !link_is_up(worker->link))
        return ERR_UNAVAILABLE;
    return worker_route(worker, frame);
}

static uint64_t read_id(const struct element *element)
{
    const char *text = element_get(element, "i");

    if (!text || text[0] == '\0' || strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0')
        return NOT_A_NUMBER;
    return strtoull(text, NULL, 10);
}

static void on_receive(void *user, struct element *element)
{
    struct line *line = user;
    uint64_t id = read_id(element);

    if (line->dead || id == NOT_A_NUMBER)
        return;
    (line->opened ? relay_receive : owner_receive)(line, id, element);
}

static void on_room(void *user)
{
    struct line *line = user;
    struct channel *channel, *next;

    HASH_ITER (hh, line->channels, channel, next) {
        if (line->opened)
            client_drained(channel->client);
        else
            owner_room(channel);
    }
}

static void on_dead(void *user, const char *reason)
{
    cut(user, reason);
}

static const struct trunk_ops trunk_ops = {on_send, on_receive, on_room, on_dead};

static const char *incarnation_of(const struct front *front, const struct jid *worker)
{
    if (strcmp(worker->domain, front->worker->host) != 0)
        return NULL;
    for (size_t i = 0; i < front->members_count; i++)
        if (strcmp(front->members[i], worker->resource) == 0)
            return front->incarnations[i];
    return NULL;
}

void front_keep_looking(struct front *front)
{
    uint64_t every_ms = MAX(MIN(timeout_ms(front) / LOOKS, LOOK_MS), 1);

    if ((front->lines || front->visits) && !timer_active(front->timer))
        timer_start(front->timer, every_ms, every_ms);
}

/* peer: the name of the end that has opened it; NULL: we do. */
static struct line *add_line(struct front *front, const struct jid *to, const char *peer)
{
    struct line *line = xcalloc(1, sizeof(*line));
    uint64_t dead_ms = timeout_ms(front);
    char name[TRUNK_NAME_SIZE];

    crypto_random_hex(name, TRUNK_NAME_BYTES);
    const struct trunk_settings settings = {
        .from = front->self,
        .to = to,
        .name = name,
        .peer = peer,
        .resend_ms = MIN(MAX(dead_ms / RESENDS, 1), RESEND_MS),
        .alive_ms = MAX(dead_ms / ALIVES, 1),
        .dead_ms = dead_ms,
    };
    line->front = front;
    line->opened = peer == NULL;
    line->incarnation = xstrdup_or_null(incarnation_of(front, to));
    line->trunk = trunk_new(&settings, &trunk_ops, line);
    DL_APPEND(front->lines, line);
    front_keep_looking(front);
    log_info("trunk_opened", LOG_TEXT("peer", to->full), LOG_TEXT("as", peer ? "owner" : "front"));
    return line;
}

static struct line *find_opened(struct front *front, const struct jid *to)
{
    struct line *line;

    DL_FOREACH (front->lines, line) {
        if (line->opened && !line->dead && jid_equal(trunk_to(line->trunk), to))
            return line;
    }
    return NULL;
}

struct line *line_to(struct front *front, const struct jid *worker)
{
    struct line *line = find_opened(front, worker);

    return line ? line : add_line(front, worker, NULL);
}

struct line *line_in_node(struct front *front, const char *worker_id)
{
    struct arena *arena = arena_new();
    struct line *line = NULL;
    struct jid to;

    if (jid_make(arena, NULL, front->worker->host, worker_id, &to) == 0)
        line = line_to(front, &to);
    arena_free(arena);
    return line;
}

/* --- what comes --- */

static void settle(void *user)
{
    struct front *front = user;
    struct line *line;

    front->settle = NULL;
    DL_FOREACH (front->lines, line) {
        trunk_settle(line->trunk);
    }
}

static void reject(struct front *front, const struct jid *to, const struct trunk_frame *frame)
{
    struct stanza *reset;

    if (frame->reset || !frame->you) /* the rest of an opening whose first frame was lost */
        return;
    reset = trunk_make_reset(front->self, to, frame->you, frame->me);
    if (worker_route(front->worker, reset) < 0)
        log_debug("trunk_reset_lost", LOG_TEXT("peer", to->full));
    stanza_unref(reset);
}

/* A worker has one trunk to us at a time: what it opens anew replaces the old. */
static struct line *accept_line(struct front *front, const struct jid *from,
                                const struct trunk_frame *frame)
{
    struct line *line;
    size_t count = 0, of_one = 0;

    DL_FOREACH (front->lines, line) {
        count++;
        if (line->opened || line->dead || strcmp(trunk_to(line->trunk)->domain, from->domain) != 0)
            continue;
        if (jid_equal(trunk_to(line->trunk), from))
            cut(line, "the other end has begun anew");
        else
            of_one++;
    }
    if (count < LINES_MAX && of_one < LINES_OF_ONE)
        return add_line(front, from, frame->me);
    front_refuse(front, from, FRONT_REFUSED_MANY);
    return NULL;
}

static bool is_of(const struct line *line, const struct jid *from, const struct trunk_frame *frame)
{
    const char *peer = trunk_peer(line->trunk);

    if (line->dead || !jid_equal(trunk_to(line->trunk), from))
        return false;
    if (frame->you)
        return strcmp(trunk_name(line->trunk), frame->you) == 0;
    return !line->opened && peer && strcmp(peer, frame->me) == 0;
}

static struct line *find(struct front *front, const struct jid *from,
                         const struct trunk_frame *frame)
{
    struct line *line;

    DL_FOREACH (front->lines, line) {
        if (is_of(line, from, frame))
            return line;
    }
    if (!frame->you && frame->number == 1 && !frame->reset && !front->worker->stopping)
        return accept_line(front, from, frame);
    return NULL;
}

static void take(struct front *front, const struct jid *from, const struct element *payload)
{
    struct trunk_frame frame;
    struct line *line;

    if (!trunk_read(payload, &frame)) {
        front_refuse(front, from, FRONT_REFUSED_KIND);
        return;
    }
    line = find(front, from, &frame);
    if (!line) {
        reject(front, from, &frame);
        return;
    }
    trunk_take(line->trunk, payload);
    if (!front->settle)
        front->settle = loop_defer(front->worker->loop, settle, front);
}

bool front_is_frame(const struct stanza *stanza)
{
    return stanza->has_from && stanza->from.resource && !stanza->from.local &&
           element_find(stanza->root, NS_TRUNK, "t");
}

static void take_message(struct front *front, struct stanza *message, struct element *payload)
{
    bool of_worker = message->from.resource && !message->from.local;

    if (of_worker && element_is(payload, NS_TRUNK, "t"))
        take(front, &message->from, payload);
    else if (of_worker && element_is(payload, NS_TRUNK, "where"))
        home_answer_where(front, message, payload);
    else if (of_worker && element_is(payload, NS_TRUNK, "here"))
        visit_found(front, &message->from, payload);
    else
        front_refuse(front, &message->from, FRONT_REFUSED_KIND);
}

/* What has come back (of type error) will be sent again, as long as the trunk lives. */
void front_message(struct worker *worker, const struct durable *offer, struct stanza *message,
                   struct element *payload)
{
    struct front *front = worker->front;

    if (!offer && message->type == MESSAGE_NORMAL)
        take_message(front, message, payload);
    else if (message->type != MESSAGE_ERROR)
        front_refuse(front, &message->from, FRONT_REFUSED_KIND);
    stanza_unref(message);
}

/* --- what happens --- */

static bool may_go_on(const struct front *front, const struct line *line)
{
    const struct jid *to = trunk_to(line->trunk);

    return front_may_talk(front, to) && (line->opened || front_may_be_front(front, to));
}

static void look(void *user)
{
    struct front *front = user;
    struct line *line;

    DL_FOREACH (front->lines, line) {
        if (!line->dead && !may_go_on(front, line))
            cut(line, "the member may not");
        else if (!line->dead)
            trunk_look(line->trunk);
    }
    visit_look(front);
    if (!front->lines && !front->visits)
        timer_stop(front->timer);
}

void front_way_open(struct front *front)
{
    struct line *line;

    DL_FOREACH (front->lines, line) {
        if (!line->dead)
            trunk_resume(line->trunk);
    }
}

/* A worker there that has begun anew says so: nobody need wait until its silence is noticed. */
void front_node_reachable(struct front *front, const char *host)
{
    struct line *line;

    DL_FOREACH (front->lines, line) {
        if (!line->dead && strcmp(trunk_to(line->trunk)->domain, host) == 0)
            trunk_ask(line->trunk);
    }
}

static char **copy_texts(const char *const *texts, size_t count)
{
    char **copies = xcalloc(count + 1, sizeof(*copies));

    for (size_t i = 0; i < count; i++)
        copies[i] = xstrdup(texts[i]);
    return copies;
}

/* A worker that is gone, or is another process now, knows nothing of its trunks any more. */
static void cut_those_gone(struct front *front)
{
    struct line *line;

    DL_FOREACH (front->lines, line) {
        const struct jid *to = trunk_to(line->trunk);
        const char *now = incarnation_of(front, to);

        if (line->dead || strcmp(to->domain, front->worker->host) != 0)
            continue;
        if (!line->incarnation)
            line->incarnation = xstrdup_or_null(now);
        else if (!now || strcmp(now, line->incarnation) != 0)
            cut(line, "the worker is gone");
    }
}

void front_members(struct front *front, const struct link_members *members)
{
    forget_members(front);
    front->members_count = members->count;
    front->members = copy_texts(members->ids, members->count);
    front->incarnations = copy_texts(members->incarnations, members->count);
    memcpy(front->owner, members->owner, sizeof(front->owner));
    cut_those_gone(front);
}

const char *channel_host(const struct channel *channel)
{
    return trunk_to(channel->line->trunk)->domain;
}

size_t front_member_ids(const struct front *front, const char *const **ids)
{
    *ids = (const char *const *)front->members;
    return front->members_count;
}

void front_show(const struct front *front, struct control_request *request)
{
    const struct line *line;

    DL_FOREACH (front->lines, line) {
        if (!line->dead)
            control_print(request, "%s %s %u", line->opened ? "clients_of" : "clients_at",
                          trunk_to(line->trunk)->full, HASH_COUNT(line->channels));
    }
    front_show_refusals(front, request);
}

void front_reload(struct front *front)
{
    timer_stop(front->timer);
    front_keep_looking(front);
}

void front_stop(struct front *front)
{
    struct channel *channel, *next;
    struct line *line;

    DL_FOREACH (front->lines, line) {
        HASH_ITER (hh, line->channels, channel, next) {
            if (channel->client->ops)
                client_close(channel->client, STREAM_SYSTEM_SHUTDOWN, NULL);
        }
    }
}

void front_free(struct front *front)
{
    struct line *line, *next;

    DL_FOREACH_SAFE (front->lines, line, next) {
        free_line(line);
    }
    if (front->settle)
        loop_defer_cancel(front->settle);
    if (front->bury)
        loop_defer_cancel(front->bury);
    timer_close(front->timer);
    forget_members(front);
    free(front->self);
    free(front);
}
