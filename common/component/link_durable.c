/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers and answers over a link (urn:kontalk:durable:1).
 */
#include "common/base/error.h"
#include "common/component/link_internal.h"
#include "common/xmpp/namespaces.h"

/* --- out --- */

int link_send_words(struct link *link, const struct buffer *words)
{
    int error = 0;
    if (queue_pending(link) + words->length > link->queue_max)
        error = ERR_LIMIT;
    else
        stream_send_bytes(link->stream, words->data, words->length);
    link->congested = link->congested || error || link_is_congested(link);
    return error;
}

static int send(struct link *link, const struct durable *durable)
{
    struct buffer out = {0};
    int error;
    durable_write(&out, durable);
    error = link_send_words(link, &out);
    buffer_fini(&out);
    return error;
}

int link_offer(struct link *link, const char *id, unsigned attempt, const char *after,
               const struct stanza *stanza)
{
    const struct durable offer = {.kind = DURABLE_OFFER,
                                  .id = id,
                                  .attempt = attempt,
                                  .after = after,
                                  .stanza = stanza->root};
    if (link->state == LINK_CLOSING)
        return ERR_STATE;
    if (link->state != LINK_UP)
        return ERR_UNAVAILABLE;
    return link->durable ? send(link, &offer) : ERR_UNSUPPORTED;
}

void link_answer(struct link *link, const struct durable *answer)
{
    if (link->state == LINK_UP && link->durable)
        (void)!send(link, answer);
}

/* --- in --- */

static void refuse(struct link *link, const struct durable *offer, enum stanza_condition reason)
{
    struct durable refused = durable_answer(offer, DURABLE_REFUSED);
    refused.reason = reason;
    link_answer(link, &refused);
}

static void on_offer(struct link *link, struct durable *offer, int problem)
{
    struct stanza *stanza = NULL;
    if (problem < 0 && durable_take_stanza(offer, &stanza, &problem)) {
        stream_fail(link->stream, STREAM_BAD_FORMAT, NULL);
        return;
    }
    if (problem >= 0) {
        refuse(link, offer, (enum stanza_condition)problem);
        stanza_unref(stanza);
        return;
    }
    link->ops->offer(link->user, offer, stanza);
}

static void on_durable(void *user, struct element *element)
{
    struct link *link = user;
    struct durable durable;
    int problem;
    if (!link->durable || durable_read(element, &durable, &problem))
        stream_fail(link->stream, STREAM_BAD_FORMAT, NULL);
    else if (durable.kind == DURABLE_OFFER)
        on_offer(link, &durable, problem);
    else
        link->ops->answered(link->user, &durable);
}

static void on_full(void *user, struct element *element)
{
    struct link *link = user;
    const char *id = element_get(element, "id");
    if (id && link->durable)
        link->ops->full(link->user, id);
}

static void on_ready(void *user, struct element *element)
{
    struct link *link = user;
    if (link->durable)
        link->ops->ready(link->user, element_get(element, "to"));
}

static const struct stream_element elements[] = {
    {NS_DURABLE, "offer", on_durable},      {NS_DURABLE, "took", on_durable},
    {NS_DURABLE, "refused", on_durable},    {NS_DURABLE, "forget", on_durable},
    {NS_DURABLE, "offers", link_on_batch},  {NS_DURABLE, "tooks", link_on_batch},
    {NS_DURABLE, "forgets", link_on_batch}, {NS_DURABLE, "full", on_full},
    {NS_DURABLE, "ready", on_ready},        {0},
};

const struct stream_feature link_durable = {
    .name = "durable",
    .requires = STREAM_AUTHENTICATED,
    .elements = elements,
};
