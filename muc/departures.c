/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Letters that leave together.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "muc/mail_internal.h"

static int by_number(const struct departure *a, const struct departure *b)
{
    return a->message->seq < b->message->seq ? -1 : a->message->seq > b->message->seq;
}

static struct departure *departure_of(struct mail *mail, struct mail_message *message)
{
    struct departure *departure;

    DL_FOREACH (mail->departures, departure) {
        if (departure->message == message)
            return departure;
    }
    departure = xcalloc(1, sizeof(*departure));
    departure->message = message;
    mail->departures_count++;
    DL_INSERT_INORDER(mail->departures, departure, by_number);
    return departure;
}

void departures_add(struct mail *mail, struct letter *letter)
{
    struct departure *departure = departure_of(mail, letter->message);

    letter->departure = departure;
    DL_APPEND2(departure->letters, letter, leaving_prev, leaving_next);
    departure->count++;
}

void departures_remove(struct mail *mail, struct letter *letter)
{
    struct departure *departure = letter->departure;

    letter->departure = NULL;
    DL_DELETE2(departure->letters, letter, leaving_prev, leaving_next);
    if (--departure->count > 0)
        return;
    mail->departures_count--;
    DL_DELETE(mail->departures, departure); /* the message may go with its last letter */
    free(departure);
}

static void offered(struct letter *letter)
{
    letter->attempt++;
    letter->offered = true;
    letter_follow(letter, "attempt %u, to the router", letter->attempt);
    if (letter == letter->bag->letters)
        letter->bag->asked_ms = clock_monotonic_ms();
}

static void not_offered(const struct letter *letter, int error)
{
    struct bag *bag = letter->bag;

    letter_follow(letter, "waits for the router");
    bag->due_ms = error == ERR_LIMIT ? clock_monotonic_ms() + MAIL_TICK_MS : UINT64_MAX;
}

/* What is before it in its bag has been offered, or is refused as too early. */
static struct batch_item item_of(const struct letter *letter)
{
    const struct letter *before = letter == letter->bag->letters ? NULL : letter->prev;

    return (struct batch_item){.jid = *letter->bag->to,
                               .id = letter->id,
                               .attempt = letter->attempt + 1,
                               .after = before ? before->id : NULL};
}

static void offer(struct mail *mail, struct departure *departure)
{
    struct batch_item *items = xcalloc(departure->count + 1, sizeof(*items));
    struct batch batch = {.kind = DURABLE_OFFER, .items = items};
    uint64_t now = clock_monotonic_ms();
    struct letter *letter, *next;
    size_t made, i = 0;
    int error;

    for (letter = departure->letters; letter; letter = letter->leaving_next) {
        if (now >= letter->bag->due_ms) /* nothing before it was held up */
            items[batch.count++] = item_of(letter);
    }
    error = link_offer_batch(mail->muc->link, &batch, departure->message->stanza, &made);
    for (letter = departure->letters; letter; letter = next) {
        next = letter->leaving_next;
        letter->departure = NULL;
        if (now < letter->bag->due_ms)
            continue;
        if (i++ < made)
            offered(letter);
        else
            not_offered(letter, error);
    }
    free(items);
}

void departures_leave(struct mail *mail)
{
    while (mail->departures) {
        struct departure *departure = mail->departures;

        mail->departures_count--;
        DL_DELETE(mail->departures, departure);
        offer(mail, departure);
        free(departure);
    }
}

static void depart_now(void *user)
{
    struct mail *mail = user;

    mail->depart = NULL;
    departures_leave(mail);
}

void departures_leave_soon(struct mail *mail)
{
    if (mail->departures && !mail->depart)
        mail->depart = loop_defer(mail->muc->loop, depart_now, mail);
}

void departures_stop(struct mail *mail)
{
    if (mail->depart)
        loop_defer_cancel(mail->depart);
}
