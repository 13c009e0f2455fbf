/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The part of fake_host.h that offers pass through: taken at once, kept, or brought back to
 * ourselves by way of the router.
 */
#pragma once

/* Offers leave no other trace in the inbox than stanzas do, and are taken at once. */
static void fake_take(void *user)
{
    struct stanza *stanza = user;
    const struct durable offer = {
        .id = element_get(stanza->root, "fake-id"), .from = stanza->from, .to = stanza->to};
    struct durable took = durable_answer(&offer, DURABLE_TOOK);

    sm_plugin.answered(fake.state, &took);
    stanza_unref(stanza);
}

/* By way of the router to ourselves. */
struct fake_word {
    struct stanza *stanza; /* of an offer */
    struct durable word;
    struct arena *arena;
};

static struct fake_word *fake_word(const struct durable *durable)
{
    struct arena *arena = arena_new();
    struct fake_word *word = arena_zalloc(arena, sizeof(*word));

    word->arena = arena;
    word->word = *durable;
    word->word.id = arena_strdup(arena, durable->id);
    word->word.after = durable->after ? arena_strdup(arena, durable->after) : NULL;
    word->word.text = NULL;
    assert_int_equal(jid_parse(arena, durable->from.full, &word->word.from), 0);
    assert_int_equal(jid_parse(arena, durable->to.full, &word->word.to), 0);
    return word;
}

static void fake_say_word(void *user)
{
    struct fake_word *word = user;

    if (word->stanza) {
        sm_plugin.offered(fake.state, &word->word, word->stanza);
    } else {
        sm_plugin.answered(fake.state, &word->word);
    }
    arena_free(word->arena);
}

int worker_offer(struct worker *worker, const char *id, unsigned attempt, const char *after,
                 const struct stanza *stanza)
{
    const struct durable offer = {.kind = DURABLE_OFFER,
                                  .id = id,
                                  .after = after,
                                  .attempt = attempt,
                                  .from = stanza->from,
                                  .to = stanza->to};

    if (fake.congested) {
        return ERR_LIMIT;
    }
    if (fake.echo && worker_serves(worker, stanza->to.domain)) {
        struct fake_word *word = fake_word(&offer);

        word->stanza = stanza_copy(stanza);
        loop_defer(NULL, fake_say_word, word);
        return 0;
    }
    fake.offers++;
    buffer_printf(&fake.offered, "%s %u %s\n", id, attempt, after ? after : "-");
    fake_put(&fake.router, stanza);
    if (!fake.keeps_offers) {
        struct stanza *copy = stanza_copy(stanza);

        element_set(copy->root, "fake-id", id);
        loop_defer(NULL, fake_take, copy);
    }
    return 0;
}

/* One by one, so that tests need not know; but what cannot go so is written down as it is. */
int worker_offer_batch(struct worker *worker, const struct batch *batch, struct stanza *stanza,
                       size_t *made)
{
    for (*made = 0; *made < batch->count; ++*made) {
        const struct batch_item *item = &batch->items[*made];
        int error;

        if (!batch->whole)
            stanza_set_to(stanza, &item->jid);
        else
            buffer_printf(&fake.offered, "to %s: ", item->jid.full);
        error = worker_offer(worker, item->id, item->attempt, item->after, stanza);
        if (error)
            return error;
    }
    return 0;
}

void worker_answer_batch(struct worker *worker, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable word = batch_word(batch, i);

        worker_answer(worker, &word);
    }
}

void worker_answer(struct worker *worker, const struct durable *answer)
{
    if (answer->kind == DURABLE_REFUSED)
        assert_non_null(answer->type); /* some do not leave the worker, and nobody adds it there */
    if (fake.echo && answer->to.domain && worker_serves(worker, answer->to.domain)) {
        loop_defer(NULL, fake_say_word, fake_word(answer));
        return;
    }
    if (answer->to.domain && strcmp(answer->to.domain, FAKE_BETA) == 0)
        buffer_printf(&fake.answered, "%s > %s ", answer->from.full, answer->to.full);
    buffer_printf(&fake.answered, "%s %s%s%s\n", durable_name(answer->kind), answer->id,
                  answer->kind == DURABLE_REFUSED ? " " : "",
                  answer->kind == DURABLE_REFUSED ? stanza_condition_name(answer->reason) : "");
}
