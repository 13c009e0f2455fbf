/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bags and the letters in them, and what becomes of them.
 */
#include "muc/mail.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "common/tls/crypto.h"
#include "muc/bounce.h"
#include "muc/mail_internal.h"

#define BACK_OFF_MIN 500
#define BACK_OFF_MAX 30000
/* What came in the wrong order is offered again at once. */
#define ORDER_MS 50
/* Who could not be reached for so long is not in the room any more. */
#define PATIENCE_MS 300000
/* An answer that takes longer may be lost, or the offer is: with a link between nodes, for example.
 */
#define SILENCE_MS 10000
/* Of one bag on their way at the same time, and at most in it. */
#define WINDOW  64
#define BAG_MAX 2000
/* An empty bag stays for so long: what is said next is for the same people. */
#define IDLE_MS 10000
/* They are searched one by one. */
#define DEPARTURES_MAX 256

/* --- bags and letters --- */

/* Addresses may be too long for ids. */
static void make_tag(struct bag *bag)
{
    uint8_t digest[CRYPTO_HASH_MAX];
    struct buffer tag = {0};

    crypto_digest(CRYPTO_SHA256, bag->to->full, strlen(bag->to->full), digest);
    hex_encode(&tag, digest, MAIL_TAG / 2);
    memcpy(bag->tag, tag.data, sizeof(bag->tag));
    buffer_fini(&tag);
}

static struct bag *get_bag(struct mail *mail, const struct jid *room, const struct jid *to)
{
    char *key = xjoin(room->bare, " ", to->full);
    struct bag *bag;

    HASH_FIND_STR(mail->bags, key, bag);
    if (bag) {
        free(key);
        return bag;
    }
    bag = xcalloc(1, sizeof(*bag));
    *bag = (struct bag){.key = key, .room = jid_dup_with_resource(room, NULL), .to = jid_dup(to)};
    make_tag(bag);
    HASH_ADD_KEYPTR(hh, mail->bags, bag->key, strlen(bag->key), bag);
    return bag;
}

static void free_bag(struct mail *mail, struct bag *bag)
{
    HASH_DEL(mail->bags, bag);
    free(bag->key);
    free(bag->room);
    free(bag->to);
    free(bag);
}

/* The bag stays. */
static void remove_letter(struct mail *mail, struct letter *letter)
{
    struct mail_message *message = letter->message;

    if (letter->departure)
        departures_remove(mail, letter);
    DL_DELETE(letter->bag->letters, letter);
    letter->bag->count--;
    HASH_DEL(mail->letters, letter);
    free(letter->id);
    free(letter);
    mail_rows_settled(mail->rows, message);
}

/* With the number of the room: one that is made anew counts from the beginning, and what was said
 * in it before may be on its way still. */
static char *letter_id(const struct bag *bag, const struct mail_message *message)
{
    struct buffer id = {0};

    buffer_append_text(&id, bag->room->bare);
    buffer_append_char(&id, '/');
    buffer_append_number(&id, (uint64_t)message->room);
    buffer_append_char(&id, '/');
    buffer_append_number(&id, (uint64_t)message->seq);
    buffer_append_char(&id, '/');
    buffer_append(&id, bag->tag, MAIL_TAG);
    return buffer_take(&id);
}

/* NULL: it is on its way already. */
static struct letter *add_letter(struct mail *mail, struct mail_message *message,
                                 const struct jid *room, const struct jid *to)
{
    struct bag *bag = get_bag(mail, room, to);
    char *id = letter_id(bag, message);
    struct letter *letter;

    HASH_FIND_STR(mail->letters, id, letter);
    if (letter) {
        free(id);
        return NULL;
    }
    letter = xcalloc(1, sizeof(*letter));
    *letter = (struct letter){.id = id, .message = message, .bag = bag};
    HASH_ADD_KEYPTR(hh, mail->letters, letter->id, strlen(letter->id), letter);
    DL_APPEND(bag->letters, letter);
    bag->count++;
    message->open++;
    return letter;
}

void letter_follow(const struct letter *letter, const char *format, ...)
{
    struct stanza *stanza = letter->message->stanza;
    va_list arguments;
    char *what;

    if (!FOLLOWED)
        return;
    va_start(arguments, format);
    what = xvasprintf(format, arguments);
    va_end(arguments);
    stanza_set_to(stanza, letter->bag->to);
    FOLLOW(stanza->root, "offer %s: %s", letter->id, what);
    stanza_set_to(stanza, NULL);
    free(what);
}

/* --- offering --- */

/* Its bag has room and has not to wait. */
static void flow(struct mail *mail, struct bag *bag)
{
    size_t window = bag->failures ? 1 : WINDOW;
    struct letter *letter;

    if (clock_monotonic_ms() < bag->due_ms || !link_is_up(mail->muc->link))
        return;
    DL_FOREACH (bag->letters, letter) {
        if (window-- == 0)
            break;
        if (!letter->offered && !letter->departure)
            departures_add(mail, letter);
    }
    if (mail->departures_count > DEPARTURES_MAX)
        departures_leave(mail);
}

/* Nobody is there any more: what was for it goes, and it leaves the room. */
static void give_up(struct mail *mail, struct bag *bag)
{
    struct jid *room = jid_dup(bag->room), *to = jid_dup(bag->to);

    while (bag->letters) {
        letter_follow(bag->letters, "given up: nobody is there, who leaves the room");
        remove_letter(mail, bag->letters);
    }
    free_bag(mail, bag);
    bounce_session(mail->muc, room, to);
    free(room);
    free(to);
}

static void start_over(struct bag *bag)
{
    struct letter *letter;

    DL_FOREACH (bag->letters, letter) {
        letter->offered = false;
    }
    bag->failures = 0;
    bag->due_ms = 0;
}

/* --- answers --- */

static void settled(struct mail *mail, struct letter *letter)
{
    struct bag *bag = letter->bag;

    remove_letter(mail, letter);
    bag->failures = 0;
    bag->asked_ms = clock_monotonic_ms();
    flow(mail, bag);
}

static void taken(struct mail *mail, struct letter *letter, const struct durable *took)
{
    letter_follow(letter, "taken");
    mail_rows_took(letter->message, took);
    settled(mail, letter);
}

/* That one alone is not wanted: a note, or what another server does not stand (s2s/suspect.h). */
static void refused(struct mail *mail, struct letter *letter, const struct durable *refused)
{
    letter_follow(letter, "refused: %s", stanza_condition_name(refused->reason));
    settled(mail, letter);
}

static void refused_for_now(struct mail *mail, struct letter *letter, const struct durable *refused)
{
    struct bag *bag = letter->bag;
    uint64_t now = clock_monotonic_ms();

    letter_follow(letter, "refused for now: %s", stanza_condition_name(refused->reason));
    letter->offered = false;
    if (refused->reason == STANZA_UNEXPECTED_REQUEST) { /* what was before it has been lost */
        for (struct letter *before = bag->letters; before != letter; before = before->next)
            before->offered = false;
        bag->due_ms = now + ORDER_MS;
    } else if (bag->failures == 0 || now >= bag->due_ms) {
        if (bag->failures++ == 0)
            bag->since_ms = now;
        bag->due_ms = now + backoff_ms(bag->failures, BACK_OFF_MIN, BACK_OFF_MAX);
    }
    if (bag->failures && bag->since_ms + PATIENCE_MS < now)
        give_up(mail, bag);
    else
        timer_start(mail->timer, ORDER_MS, MAIL_TICK_MS);
}

void mail_answered(struct muc *muc, const struct durable *answer)
{
    struct mail *mail = muc->mail;
    struct letter *letter;

    HASH_FIND_STR(mail->letters, answer->id, letter);
    if (letter == NULL) /* the second answer to two offers: its row may be pending still */
        return;
    if (answer->kind == DURABLE_TOOK)
        taken(mail, letter, answer);
    else if (strcmp(answer->type, "wait") == 0)
        refused_for_now(mail, letter, answer);
    else if (letter->message->stanza->type == MESSAGE_GROUPCHAT &&
             answer->reason != STANZA_NOT_ACCEPTABLE)
        give_up(mail, letter->bag);
    else
        refused(mail, letter, answer);
    departures_leave_soon(mail);
}

/* --- in and out --- */

static void post(struct mail *mail, struct mail_message *message, const struct jid *room,
                 const struct jid *to)
{
    const struct letter *letter = add_letter(mail, message, room, to);

    if (letter == NULL)
        return;
    if (letter->bag->count > BAG_MAX)
        give_up(mail, letter->bag);
    else
        flow(mail, letter->bag);
}

void mail_post(struct muc *muc, const struct room *room, const struct posting *posting,
               const struct jid *const *to, size_t count)
{
    struct mail *mail = muc->mail;
    struct mail_message *message = mail_rows_add(mail->rows, room->id, posting);
    struct jid *jid = jid_dup(room->jid); /* the room may go with the last one in it */

    for (size_t i = 0; i < count; i++)
        post(mail, message, jid, to[i]);
    free(jid);
    departures_leave(mail);
    mail_rows_settled(mail->rows, message);
}

void mail_repost(struct room *room, const struct posting *posting, const struct jid *const *to,
                 size_t count)
{
    if (!mail_rows_has(room->muc->mail->rows, room->id, posting->seq))
        mail_post(room->muc, room, posting, to, count);
}

void mail_repost_message(struct room *room, int64_t seq, struct stanza *stanza)
{
    const struct posting posting = {.seq = seq, .stanza = stanza};
    const struct jid **to = xcalloc(HASH_COUNT(room->sessions) + 1, sizeof(*to));
    const struct session *session;
    size_t count = 0;

    for (session = room->sessions; session; session = session->hh.next)
        if (session->joined < seq)
            to[count++] = session->jid;
    mail_repost(room, &posting, to, count);
    free(to);
}

/* --- the link --- */

static bool concerns(const struct bag *bag, const char *name)
{
    return name == NULL || strcmp(bag->to->domain, name) == 0;
}

static void again(struct mail *mail, const char *name)
{
    struct bag *bag, *next;

    HASH_ITER (hh, mail->bags, bag, next) {
        if (concerns(bag, name)) {
            start_over(bag);
            flow(mail, bag);
        }
    }
    departures_leave(mail);
}

void mail_up(struct muc *muc)
{
    again(muc->mail, NULL);
}

void mail_route(struct muc *muc, const char *name)
{
    if (link_is_up(muc->link))
        again(muc->mail, name);
}

void mail_full(struct muc *muc, const char *id)
{
    struct letter *letter;

    HASH_FIND_STR(muc->mail->letters, id, letter);
    if (letter) {
        letter->offered = false;
        letter->bag->due_ms = UINT64_MAX; /* until it is ready */
    }
}

void mail_ready(struct muc *muc, const char *name)
{
    struct bag *bag, *next;

    HASH_ITER (hh, muc->mail->bags, bag, next) {
        if (bag->due_ms == UINT64_MAX && concerns(bag, name)) {
            bag->due_ms = 0;
            flow(muc->mail, bag);
        }
    }
    departures_leave(muc->mail);
}

/* The first alone is offered again. */
static void ask_again(struct mail *mail, struct bag *bag)
{
    uint64_t now = clock_monotonic_ms(), since = bag->failures ? bag->since_ms : now;

    if (bag->letters == NULL || !bag->letters->offered || bag->asked_ms + SILENCE_MS > now)
        return;
    start_over(bag);
    bag->failures = 1;
    bag->since_ms = since;
    if (since + PATIENCE_MS < now)
        give_up(mail, bag);
    else
        flow(mail, bag);
}

static void on_timer(void *user)
{
    struct mail *mail = user;
    struct bag *bag, *next;
    uint64_t now = clock_monotonic_ms();

    HASH_ITER (hh, mail->bags, bag, next) {
        if (bag->letters == NULL && bag->asked_ms + IDLE_MS < now)
            free_bag(mail, bag);
        else
            ask_again(mail, bag);
    }
    HASH_ITER (hh, mail->bags, bag, next) {
        if (bag->letters && !bag->letters->offered)
            flow(mail, bag);
    }
    departures_leave(mail);
}

/* --- life --- */

size_t mail_count(const struct muc *muc)
{
    return HASH_COUNT(muc->mail->letters);
}

void mail_start(struct muc *muc)
{
    struct mail *mail = xcalloc(1, sizeof(*mail));

    mail->muc = muc;
    mail->rows = mail_rows_new(muc);
    mail->timer = timer_new(muc->loop, on_timer, mail);
    timer_start(mail->timer, MAIL_TICK_MS, MAIL_TICK_MS);
    muc->mail = mail;
}

void mail_stop(struct muc *muc)
{
    struct mail *mail = muc->mail;
    struct bag *bag, *next;

    mail_rows_stop(mail->rows);
    departures_stop(mail);
    HASH_ITER (hh, mail->bags, bag, next) {
        while (bag->letters)
            remove_letter(mail, bag->letters);
        free_bag(mail, bag);
    }
    timer_close(mail->timer);
    mail_rows_free(mail->rows);
    free(mail);
    muc->mail = NULL;
}
