/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Spam reporting: to the log, to administrators and to whom else the configuration names.
 */
#include "c2s/sm/reports.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/stanza_id.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define NS_REPORTING "urn:xmpp:reporting:1"

/* Messages of this worker; beyond it reports are only logged. */
#define HOUR_MS      (60 * 60 * 1000)
#define HOURLY_MAX   60
#define ADMINS_MAX   16
#define OTHERS_MAX   16
#define TEXT_MAX     2000
#define MESSAGES_MAX 20 /* that are named by their ids */

struct reports {
    uint64_t hour;
    unsigned told;
};

static const struct db_statement admins_statement = {
    .name = "reports_admins",
    .sql = "SELECT local, domain FROM account WHERE admin AND NOT disabled"
           " ORDER BY owner LIMIT $1::bigint",
    .parameters = 1,
};

static bool may_tell(struct sm *sm)
{
    uint64_t hour = clock_monotonic_ms() / HOUR_MS;

    if (hour != sm->reports->hour)
        *sm->reports = (struct reports){.hour = hour};
    return sm->reports->told++ < HOURLY_MAX;
}

static void send(struct sm *sm, const char *domain, const struct jid *to, const char *text)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct jid server;

    if (jid_make(message->arena, NULL, domain, NULL, &server) == 0)
        stanza_set_from(message, &server);
    stanza_set_to(message, to);
    element_add_with_text(message->root, NS_CLIENT, "subject", "Report");
    element_add_with_text(message->root, NS_CLIENT, "body", text);
    sm_route_take(sm, message);
}

static void on_admins(struct account *account, int status, const struct db_result *results,
                      void *user)
{
    char *text = user;
    struct arena *arena = arena_new();
    struct jid admin;

    for (size_t row = 0; status == 0 && row < db_rows(&results[0]); row++) {
        if (jid_make(arena, db_get_text(&results[0], row, 0), db_get_text(&results[0], row, 1),
                     NULL, &admin) == 0)
            send(account->sm, admin.domain, &admin, text);
    }
    arena_free(arena);
    free(text);
}

/* §4: what it does not say may be handed on stays here. */
static void tell_others(struct account *account, const struct element *report, const char *text)
{
    const struct config *config = worker_config(account->sm->worker);
    size_t count = config_list_size(config, "sm", NULL, "report-address");
    bool may_leave = element_find(report, NS_REPORTING, "third-party") != NULL;
    struct arena *arena = arena_new();
    struct jid to;

    for (size_t i = 0; i < MIN(count, OTHERS_MAX); i++) {
        const char *address = config_list_item(config, "sm", NULL, "report-address", i);
        if (jid_parse(arena, address, &to) == 0 && (may_leave || sm_is_ours(account->sm, &to)))
            send(account->sm, account->jid->domain, &to, text);
    }
    arena_free(arena);
}

static void add_messages(struct buffer *text, const struct element *report)
{
    size_t count = 0;

    ELEMENT_FOREACH (id, report) {
        if (element_is(id, NS_SID, "stanza-id") && element_get(id, "id") && count++ < MESSAGES_MAX)
            buffer_printf(text, "\nmessage %s", element_get(id, "id"));
    }
}

static char *describe(const struct account *account, const char *jid, const char *reason,
                      const struct element *report)
{
    const char *said = element_child_text(report, NS_REPORTING, "text");
    struct buffer text = {0};

    buffer_printf(&text, "%s has blocked %s: %s", account->jid->bare, jid, reason);
    add_messages(&text, report);
    if (said && strlen(said) <= TEXT_MAX)
        buffer_printf(&text, "\n%s", said);
    return buffer_take(&text);
}

/* Without a reason it is no report (§3). */
static void take_one(struct account *account, const struct element *item)
{
    const struct element *report = element_find(item, NS_REPORTING, "report");
    const char *reason = report ? element_get(report, "reason") : NULL;
    const char *jid = element_get(item, "jid");

    if (!reason || !jid)
        return;
    log_info("abuse_reported", LOG_TEXT("account", account->jid->bare), LOG_TEXT("jid", jid),
             LOG_TEXT("reason", reason));
    if (!may_tell(account->sm))
        return;
    const struct db_value limit = DB_INT(ADMINS_MAX);
    char *text = describe(account, jid, reason, report);
    tell_others(account, report, text);
    sm_query(account, SM_READ_ASIDE, &admins_statement, &limit, on_admins, text);
}

void reports_take(const struct sm_request *request)
{
    ELEMENT_FOREACH (item, request->payload) {
        take_one(request->account, item);
    }
}

static void start(struct sm *sm)
{
    sm->reports = xcalloc(1, sizeof(*sm->reports));
}

static void stop(struct sm *sm)
{
    free(sm->reports);
}

static const char *const features[] = {NS_REPORTING, NULL};
static const struct spec specs[] = {
    {"XEP-0377", "0.4.1", "nothing is sent to the domain that is reported"}, {0}};

const struct sm_module reports_module = {
    .name = "reports",
    .specs = specs,
    .server_features = features,
    .start = start,
    .stop = stop,
};
