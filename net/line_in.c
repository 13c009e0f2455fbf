/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What another node sends: judged, counted, handed to the router.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "net/address.h"
#include "net/line.h"
#include "net/passage.h"

static struct judge judge_of(const struct line *line)
{
    return (struct judge){
        .network = line->server->network,
        .host = line->server->host,
        .peer = line->peer->host,
        .now = document_now(),
    };
}

static void make_inward(const struct line *line, struct stanza *stanza)
{
    const struct server *server = line->server;
    struct jid to = address_inward(stanza->arena, &stanza->to, server->host, server->domain);
    stanza_set_to(stanza, &to);
}

static const char *name_of(bool there, const struct jid *jid)
{
    return there ? jid->full : NULL;
}

static void reject(struct line *line, int rejection, const struct stanza *stanza)
{
    FOLLOW(stanza->root, "from node %s: rejected: %s", line->peer->host,
           rejection_name((enum rejection)rejection));
    peer_reject(line->peer, (enum rejection)rejection, name_of(stanza->has_from, &stanza->from),
                name_of(stanza->has_to, &stanza->to));
}

/* Who writes a false address gets no answer, which would go to somebody else. */
static bool is_addressed(int rejection)
{
    return rejection != REJECT_FROM && rejection != REJECT_TO;
}

/* --- stanzas --- */

static void send_back(struct line *line, const struct stanza *stanza,
                      enum stanza_condition condition, const char *type)
{
    struct stanza *error = stanza_error_typed(stanza, condition, type, NULL);
    if (error)
        peer_send(line->peer, error);
}

static int judge_message(const struct line *line, const struct stanza *stanza, int problem)
{
    struct judge judge = judge_of(line);
    int rejection = judge_stanza(&judge, stanza);
    return rejection < 0 && problem >= 0 ? REJECT_KIND : rejection;
}

static void hand_on(struct line *line, struct stanza *stanza)
{
    make_inward(line, stanza);
    int error = link_send(line->server->link, stanza);
    FOLLOW(stanza->root, "from node %s%s", line->peer->host,
           error ? ": sent back, the router is away or full" : " to the router");
    if (error)
        send_back(line, stanza, STANZA_RESOURCE_CONSTRAINT, "wait");
    server_check_link(line->server);
}

void line_stanza(void *user, struct stanza *stanza, int problem, const char *bytes, size_t length)
{
    struct line *line = user;
    (void)bytes, (void)length;
    if (!line->peer) {
        stanza_unref(stanza);
        return;
    }
    line->peer->ledger.received++;
    line->peer->received++;
    int rejection = judge_message(line, stanza, problem);
    if (rejection < 0) {
        hand_on(line, stanza);
    } else {
        reject(line, rejection, stanza);
        if (is_addressed(rejection))
            send_back(line, stanza, rejection_condition((enum rejection)rejection),
                      rejection_type((enum rejection)rejection));
    }
    stanza_unref(stanza);
}

/* --- offers and answers --- */

static void refuse(struct line *line, const struct durable *offer, enum stanza_condition reason,
                   const char *type)
{
    struct durable refused = durable_answer(offer, DURABLE_REFUSED);
    refused.reason = reason;
    refused.type = type;
    peer_answer(line->peer, &refused);
}

static void offer_on(struct line *line, const struct durable *offer, struct stanza *stanza)
{
    make_inward(line, stanza);
    int error = link_offer(line->server->link, offer->id, offer->attempt, offer->after, stanza);
    FOLLOW(stanza->root, "offer %s from node %s%s", offer->id, line->peer->host,
           error ? ": refused, the router is away or full" : " to the router");
    server_check_link(line->server);
    if (!error) {
        struct durable handed = *offer;
        handed.to = stanza->to;
        passage_add(line->server, line->peer->host, &handed);
        return;
    }
    line->peer->wants_room = true;
    refuse(line, offer,
           error == ERR_LIMIT ? STANZA_RESOURCE_CONSTRAINT : STANZA_REMOTE_SERVER_TIMEOUT, "wait");
}

static void on_offer(struct line *line, struct durable *offer, int problem)
{
    struct stanza *stanza;
    line->peer->received++;
    if (problem >= 0) {
        peer_reject(line->peer, REJECT_KIND, offer->from.full, NULL);
        return;
    }
    if (durable_take_stanza(offer, &stanza, &problem)) {
        line_close(line, STREAM_BAD_FORMAT, NULL);
        return;
    }
    int rejection = judge_message(line, stanza, problem);
    if (rejection < 0) {
        offer_on(line, offer, stanza);
    } else {
        reject(line, rejection, stanza);
        if (is_addressed(rejection))
            refuse(line, offer, rejection_condition((enum rejection)rejection),
                   rejection_type((enum rejection)rejection));
    }
    stanza_unref(stanza);
}

static void on_answer(struct line *line, const struct durable *answer)
{
    const struct server *server = line->server;
    struct judge judge = judge_of(line);
    int rejection = judge_answer(&judge, answer);
    if (rejection >= 0) {
        peer_reject(line->peer, (enum rejection)rejection, answer->from.full, answer->to.full);
        return;
    }
    struct arena *arena = arena_new();
    struct durable words = *answer;
    words.to = address_inward(arena, &answer->to, server->host, server->domain);
    link_answer(server->link, &words);
    arena_free(arena);
}

static void on_durable(void *user, struct element *element)
{
    struct line *line = user;
    struct durable words;
    int problem;
    if (!line->peer)
        return;
    line->peer->ledger.received++;
    if (durable_read(element, &words, &problem))
        line_close(line, STREAM_BAD_FORMAT, NULL);
    else if (words.kind == DURABLE_OFFER)
        on_offer(line, &words, problem);
    else
        on_answer(line, &words);
}

/* --- batches --- */

static void refuse_batch(struct line *line, const struct batch *batch, enum stanza_condition reason,
                         const char *type)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable offer = batch_word(batch, i);
        refuse(line, &offer, reason, type);
    }
}

/* Each of them is for an account here. */
static int judge_batch(const struct line *line, const struct batch *batch)
{
    struct judge judge = judge_of(line);
    int rejection = -1;
    for (size_t i = 0; i < batch->count && rejection < 0; i++) {
        struct durable word = batch_word(batch, i);
        rejection = judge_answer(&judge, &word);
    }
    return rejection;
}

/* With the addresses that our router knows. */
static struct batch_item *items_inward(const struct line *line, const struct batch *batch,
                                       struct arena *arena)
{
    const struct server *server = line->server;
    struct batch_item *items = arena_zalloc(arena, batch->count * sizeof(*items));
    for (size_t i = 0; i < batch->count; i++) {
        items[i] = batch->items[i];
        if (batch->kind != DURABLE_TOOK)
            items[i].jid = address_inward(arena, &items[i].jid, server->host, server->domain);
    }
    return items;
}

static void offer_batch_on(struct line *line, const struct batch *batch, struct stanza *stanza)
{
    struct batch inward = *batch;
    size_t made;
    inward.items = items_inward(line, batch, stanza->arena);
    int error = link_offer_batch(line->server->link, &inward, stanza, &made);
    server_check_link(line->server);
    for (size_t i = 0; i < made; i++) {
        const struct durable handed = batch_word(&inward, i);
        passage_add(line->server, line->peer->host, &handed);
    }
    if (!error)
        return;
    line->peer->wants_room = true;
    const struct batch rest = batch_from(batch, made);
    refuse_batch(line, &rest,
                 error == ERR_LIMIT ? STANZA_RESOURCE_CONSTRAINT : STANZA_REMOTE_SERVER_TIMEOUT,
                 "wait");
}

static void on_offers(struct line *line, const struct batch *batch)
{
    struct element *root = element_copy(arena_new(), batch->stanza);
    struct stanza *stanza;
    int problem;
    line->peer->received++;
    if (stanza_from_element_take(root, NS_CLIENT, &stanza, &problem) < 0) {
        line_close(line, STREAM_BAD_FORMAT, NULL);
        return;
    }
    int rejection = judge_message(line, stanza, problem);
    if (rejection < 0)
        rejection = judge_batch(line, batch);
    if (rejection < 0) {
        offer_batch_on(line, batch, stanza);
    } else {
        reject(line, rejection, stanza);
        if (is_addressed(rejection))
            refuse_batch(line, batch, rejection_condition((enum rejection)rejection),
                         rejection_type((enum rejection)rejection));
    }
    stanza_unref(stanza);
}

static void on_answers(struct line *line, const struct batch *batch)
{
    int rejection = judge_batch(line, batch);
    if (rejection >= 0) {
        peer_reject(line->peer, (enum rejection)rejection, batch->from.full, batch->to.full);
        return;
    }
    struct arena *arena = arena_new();
    struct batch inward = *batch;
    inward.items = items_inward(line, batch, arena);
    if (batch->kind == DURABLE_TOOK)
        inward.to = address_inward(arena, &batch->to, line->server->host, line->server->domain);
    link_answer_batch(line->server->link, &inward);
    arena_free(arena);
}

static void on_batch(void *user, struct element *element)
{
    struct line *line = user;
    struct batch batch;
    if (!line->peer)
        return;
    line->peer->ledger.received++;
    if (batch_read(element, &batch) < 0)
        line_close(line, STREAM_BAD_FORMAT, NULL);
    else if (batch.kind == DURABLE_OFFER)
        on_offers(line, &batch);
    else
        on_answers(line, &batch);
}

static const struct stream_element durable_elements[] = {
    {NS_DURABLE, "offer", on_durable},   {NS_DURABLE, "took", on_durable},
    {NS_DURABLE, "refused", on_durable}, {NS_DURABLE, "forget", on_durable},
    {NS_DURABLE, "offers", on_batch},    {NS_DURABLE, "tooks", on_batch},
    {NS_DURABLE, "forgets", on_batch},   {0},
};

const struct stream_feature line_durable = {
    .name = "durable",
    .requires = STREAM_BOUND,
    .elements = durable_elements,
};

/* --- notes --- */

/* There is somebody again who was not there, or had no room, or could not be answered: offers are
 * made again. */
static void on_ready(void *user, struct element *element)
{
    struct line *line = user;
    (void)element;
    if (!line->peer)
        return;
    line->peer->ledger.received++;
    log_debug("net_ready", LOG_TEXT("host", line->peer->host));
    peer_announce_soon(line->peer);
}

/* A newer release says more. What is marked has to be understood, and cannot be passed over. */
static bool take_unknown(void *user, struct element *element)
{
    struct line *line = user;
    const char *must = element_get(element, "must");
    struct buffer text = {0};
    if (!line->peer)
        return true;
    line->peer->ledger.received++;
    if (!must || strcmp(must, "true") != 0)
        return true;
    peer_reject(line->peer, REJECT_UNKNOWN, NULL, NULL);
    buffer_append_text(&text, "<not-understood xmlns='" NS_LINK "' name='");
    xml_escape(&text, element->name);
    buffer_append_text(&text, "' ns='");
    xml_escape(&text, element->ns);
    buffer_append_text(&text, "'/>");
    peer_note(line->peer, &text);
    return true;
}

static const struct stream_element notes[] = {
    {NS_LINK, "ready", on_ready},
    {0},
};

const struct stream_feature line_notes = {
    .name = "notes",
    .requires = STREAM_BOUND,
    .elements = notes,
    .take = take_unknown,
};
