/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Becoming the registrar. The first registrar of a network begins with nothing. Any other gives no
 * name before it has all that the one before it has given: it fetches the claims page by page, each
 * page signed by the old registrar under the document that ended its time. The old one gives
 * nothing any more from the moment it knows that document, and without it answers nothing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"
#include "c2s/directory/rows.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/datetime.h"

#define RETRY_MS     500
#define RETRY_CAP_MS 30000

struct handover {
    struct directory *directory;
    struct timer *timer;
    bool busy, again;
    unsigned attempt;
    char *former; /* the home that claims are fetched from */
    int64_t after;
};

static const struct db_statement read_state = {
    .name = "directory_read_state",
    .sql = "SELECT registrar, owned, import_after, compared_epoch FROM directory_state"
           " WHERE id = 1",
    .parameters = 0,
};
/* The last of our claims may be older than those of the registrars behind us. */
static const struct db_statement note_registrar = {
    .name = "directory_note_registrar",
    .sql = "UPDATE directory_state SET registrar = $1, import_after = 0 WHERE id = 1"
           " AND registrar <> $1",
    .parameters = 1,
};
static const struct db_statement begin_import = {
    .name = "directory_begin_import",
    .sql = "UPDATE directory_state SET owned = false WHERE id = 1 AND owned",
    .parameters = 0,
};
static const struct db_statement become = {
    .name = "directory_become",
    .sql = "UPDATE directory_state SET registrar = $1, owned = true, import_after = 0"
           " WHERE id = 1",
    .parameters = 1,
};
static const struct db_statement note_page = {
    .name = "directory_note_page",
    .sql = "UPDATE directory_state SET import_after = $1::bigint WHERE id = 1",
    .parameters = 1,
};

static void begin(void *user);

static void finish(struct handover *handover, bool failed)
{
    uint64_t ms = failed ? backoff_ms(handover->attempt++, RETRY_MS, RETRY_CAP_MS) : 0;

    handover->busy = false;
    if (!handover->directory->ended && (failed || handover->again))
        timer_start(handover->timer, handover->again ? 0 : ms, 0);
    handover->again = false;
}

static void on_written(void *user, int status, const struct db_result *results, size_t count)
{
    struct handover *handover = user;

    (void)results;
    (void)count;
    handover->again = handover->again || status == 0; /* what is in force now is read again */
    finish(handover, status != 0);
}

/* --- the new registrar --- */

static void page_text(struct buffer *out, const struct element *page, int64_t document)
{
    const char *after = element_get(page, "after"), *last = element_get(page, "last");
    struct grant grant;
    int64_t serial;

    buffer_printf(out, "kontalk handover 1\n%" PRId64 "\n%s\n%s\n%s\n", document,
                  after ? after : "", last ? last : "", element_get(page, "more") ? "more" : "end");
    ELEMENT_FOREACH (entry, page) {
        if (words_read_grant(entry, &grant, &serial) == 0)
            grant_text(out, &grant);
    }
}

static bool page_is_signed(const struct directory *directory, const struct network_home *former,
                           const struct element *page)
{
    const char *text = element_get(page, "signature");
    struct buffer signature = {0}, signed_text = {0};
    bool good = text && base64_decode(&signature, text, strlen(text)) == 0 &&
                signature.length == SIGNATURE_SIZE;

    page_text(&signed_text, page, (int64_t)directory->network->serial);
    good = good && signature_is_good(former->member->signing_key, signed_text.data,
                                     signed_text.length, (const uint8_t *)signature.data);
    buffer_fini(&signature);
    buffer_fini(&signed_text);
    return good;
}

static void store_page(struct handover *handover, const struct element *page, int64_t last)
{
    struct directory *directory = handover->directory;
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    struct grant grant;
    int64_t serial;

    ELEMENT_FOREACH (entry, page) {
        if (words_read_grant(entry, &grant, &serial) != 0)
            continue;
        grant_sign(&grant, directory->settings.key);
        registrar_add_claim(unit, &grant);
    }
    db_unit_add_values(unit, &note_page, DB_INT(last));
    if (!element_get(page, "more")) {
        db_unit_add_values(unit, &become, DB_TEXT(directory->home));
        log_info("registrar_handed_over", LOG_TEXT("from", handover->former),
                 LOG_TEXT("to", directory->home));
    }
    db_submit(unit, on_written, handover);
}

static void on_page(void *user, int status, struct element *page)
{
    struct handover *handover = user;
    struct directory *directory = handover->directory;
    const struct network_home *former =
        directory->network ? network_home_by_name(directory->network, handover->former) : NULL;
    int64_t after, last;

    if (status != 0 || strcmp(page->name, "claimed") != 0 || former == NULL) {
        const char *reason = status == 0 ? element_get(page, "reason") : error_text(status);
        log_warn("handover_waits", LOG_TEXT("home", handover->former), LOG_TEXT("reason", reason));
        finish(handover, true);
    } else if (!directory_is_registrar(directory) || words_get_number(page, "after", &after) != 0 ||
               words_get_number(page, "last", &last) != 0 || after != handover->after ||
               !page_is_signed(directory, former, page)) {
        log_error("handover_refused", LOG_TEXT("home", handover->former));
        finish(handover, true);
    } else {
        handover->attempt = 0;
        store_page(handover, page, last);
    }
}

static void fetch(struct handover *handover)
{
    struct directory *directory = handover->directory;
    const struct network_home *former = network_home_by_name(directory->network, handover->former);
    struct element *payload;

    if (former == NULL || strcmp(former->member->host, directory->host) == 0) {
        log_error("handover_refused", LOG_TEXT("home", handover->former),
                  LOG_TEXT("reason", "the document does not have the former registrar"));
        finish(handover, true);
        return;
    }
    db_query(directory->settings.db, ROWS_AFFINITY, &begin_import, NULL, NULL, NULL);
    struct stanza *message = words_message(former->member->host, "claims", &payload);
    words_set_number(payload, "document", (int64_t)directory->network->serial);
    words_set_number(payload, "after", handover->after);
    request_send_take(directory, former->member->host, message, payload, on_page, handover);
}

static void write_registrar(struct handover *handover, const struct db_statement *statement,
                            const char *home)
{
    const struct db_value values[] = {DB_TEXT(home)};

    db_query(handover->directory->settings.db, ROWS_AFFINITY, statement, values, on_written,
             handover);
}

/* --- the old one is lost --- */

static void on_taken_over(void *user, int status, size_t found)
{
    struct handover *handover = user;
    struct directory *directory = handover->directory;

    if (status != 0 || !directory_is_registrar(directory)) {
        finish(handover, true);
        return;
    }
    handover->attempt = 0;
    log_info("registrar_taken_over", LOG_TEXT("from", directory->network->lost_registrar),
             LOG_TEXT("to", directory->home), LOG_INT("entries", found));
    write_registrar(handover, &become, directory->home);
}

static void take_over(struct handover *handover)
{
    struct directory *directory = handover->directory;
    const struct network_home *lost =
        network_home_by_name(directory->network, directory->network->lost_registrar);

    db_query(directory->settings.db, ROWS_AFFINITY, &begin_import, NULL, NULL, NULL);
    takeover_begin(directory, lost, on_taken_over, handover);
}

/* We are named as the registrar. */
static void take_office(struct handover *handover, const char *last, bool owned)
{
    struct directory *directory = handover->directory;

    if (strcmp(last, directory->home) == 0 && owned) {
        handover->attempt = 0;
        registrar_open(directory->registrar, true);
        claims_kick(directory->claims);
        finish(handover, false);
    } else if (!directory_is_keeper(directory)) {
        finish(handover, true); /* the keeper is at it */
    } else if (directory->network->lost_registrar) {
        take_over(handover);
    } else if (*last == '\0') {
        log_info("registrar_founded", LOG_TEXT("home", directory->home));
        write_registrar(handover, &become, directory->home);
    } else {
        free(handover->former);
        handover->former = xstrdup(last);
        fetch(handover);
    }
}

static void on_state(void *user, int status, const struct db_result *results, size_t count)
{
    struct handover *handover = user;
    struct directory *directory = handover->directory;

    (void)count;
    if (status != 0 || db_rows(&results[0]) == 0) {
        finish(handover, true);
        return;
    }
    const char *last = db_get_text(&results[0], 0, 0);
    bool owned = db_get_bool(&results[0], 0, 1);
    const char *named = directory->network ? directory->network->registrar->name : NULL;
    handover->after = db_get_int(&results[0], 0, 2);
    if (named == NULL) {
        finish(handover, false);
    } else if (directory_is_registrar(directory)) {
        if (recovery_is_needed(directory, db_get_int(&results[0], 0, 3)))
            finish(handover, true);
        else
            take_office(handover, last, owned);
    } else if (strcmp(named, directory->home) != 0 && strcmp(named, last) != 0 &&
               directory_is_keeper(directory)) {
        write_registrar(handover, &note_registrar, named);
    } else {
        finish(handover, false);
    }
}

static void begin(void *user)
{
    struct handover *handover = user;

    if (handover->directory->ended || handover->busy)
        return;
    handover->busy = true;
    db_query(handover->directory->settings.db, ROWS_AFFINITY, &read_state, NULL, on_state,
             handover);
}

struct handover *handover_new(struct directory *directory)
{
    struct handover *handover = xcalloc(1, sizeof(*handover));

    handover->directory = directory;
    handover->timer = timer_new(directory->settings.loop, begin, handover);
    return handover;
}

void handover_free(struct handover *handover)
{
    timer_close(handover->timer);
    free(handover->former);
    free(handover);
}

void handover_update(struct handover *handover)
{
    struct directory *directory = handover->directory;

    if (!directory_is_registrar(directory))
        registrar_open(directory->registrar, false);
    handover->attempt = 0;
    handover->again = handover->busy;
    if (!handover->busy && directory->network && !directory->ended)
        timer_start(handover->timer, 0, 0);
}

/* --- the old registrar --- */

static const struct db_statement read_claims = {
    .name = "claim_read_page",
    .sql = "SELECT " ROWS_ENTRY "number FROM claim WHERE number > $1::bigint ORDER BY number"
           " LIMIT $2::bigint",
    .parameters = 2,
};

struct serving {
    struct directory *directory;
    struct stanza *message;
    struct element *payload;
    int64_t after;
};

static void serving_free(struct serving *serving)
{
    stanza_unref(serving->message);
    free(serving);
}

static void wait(struct serving *serving, const char *reason)
{
    directory_reply_wait(serving->directory, serving->message, serving->payload, reason);
    serving_free(serving);
}

static void sign_page(struct directory *directory, struct element *page)
{
    uint8_t signature[SIGNATURE_SIZE];
    struct buffer text = {0}, encoded = {0};

    page_text(&text, page, (int64_t)directory->network->serial);
    signing_key_sign(directory->settings.key, text.data, text.length, signature);
    base64_encode(&encoded, signature, sizeof(signature));
    element_set(page, "signature", encoded.data);
    buffer_fini(&text);
    buffer_fini(&encoded);
}

static void send_page(struct serving *serving, const struct db_result *rows)
{
    struct element *page;
    struct stanza *reply = directory_reply(serving->message, serving->payload, "claimed", &page);
    int64_t last = serving->after;

    for (size_t row = 0; row < db_rows(rows); row++) {
        struct grant grant;
        rows_get(rows, row, reply->arena, &grant, &last);
        words_add_grant(page, &grant, 0);
    }
    words_set_number(page, "after", serving->after);
    words_set_number(page, "last", last);
    if (db_rows(rows) == DIRECTORY_BATCH)
        element_set(page, "more", "true");
    sign_page(serving->directory, page);
    directory_send_take(serving->directory, reply);
    serving_free(serving);
}

/* NULL: nothing is in the way. */
static const char *obstacle(const struct serving *serving)
{
    const struct directory *directory = serving->directory;
    int64_t document;

    if (directory->network == NULL || directory->settings.key == NULL ||
        words_get_number(serving->payload, "document", &document) != 0 ||
        document != (int64_t)directory->network->serial)
        return "other-document";
    if (strcmp(directory->network->registrar->member->host, serving->message->from.domain) != 0)
        return "not-the-registrar";
    return NULL;
}

static void on_claims_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct serving *serving = user;
    const char *reason = obstacle(serving); /* it may have changed meanwhile */

    (void)count;
    if (status != 0)
        wait(serving, "database");
    else if (reason)
        wait(serving, reason);
    else if (db_rows(&results[1]) == 0 || !db_get_bool(&results[1], 0, 1))
        wait(serving, "incomplete");
    else
        send_page(serving, &results[2]);
}

static void on_claims(struct directory *directory, struct stanza *message, struct element *payload)
{
    struct serving *serving = xcalloc(1, sizeof(*serving));
    const char *reason;

    *serving = (struct serving){.directory = directory, .message = message, .payload = payload};
    reason = obstacle(serving);
    if (reason == NULL && words_get_number(payload, "after", &serving->after) != 0)
        reason = "malformed";
    if (reason) {
        wait(serving, reason);
        return;
    }
    /* A worker that does not know the document yet gives nothing from here on. */
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    db_unit_add_values(unit, &note_registrar, DB_TEXT(directory->network->registrar->name));
    db_unit_add(unit, &read_state, NULL);
    db_unit_add_values(unit, &read_claims, DB_INT(serving->after), DB_INT(DIRECTORY_BATCH));
    db_submit(unit, on_claims_read, serving);
}

const struct directory_word handover_words[] = {
    {"claims", on_claims},
    {0},
};
