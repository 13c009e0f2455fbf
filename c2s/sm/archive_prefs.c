/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Preferences for the archive: a rule, and addresses it does not hold for. They decide about
 * messages from now on; what is in the archive stays there.
 */
#include "c2s/sm/archive_prefs.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/archive.h"
#include "c2s/sm/roster.h"
#include "common/base/error.h"

/* Addresses of both lists together. */
#define ADDRESSES_MAX 500

enum rule { ALWAYS, NEVER, ROSTER, RULES };
static const char *const rule_names[] = {
    [ALWAYS] = "always", [NEVER] = "never", [ROSTER] = "roster"};

/* Lists as they are in the table: prepared addresses, a line each (no address has a line break). */
struct archive_prefs {
    enum rule rule;
    char *always, *never;
};

static const struct db_statement load_statement = {
    .name = "archive_prefs_load",
    .sql = "SELECT default_rule, always, never FROM archive_prefs WHERE owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement write_statement = {
    .name = "archive_prefs_write",
    .sql = "INSERT INTO archive_prefs (owner, default_rule, always, never)"
           " VALUES ($1::bigint, $2, $3, $4) ON CONFLICT (owner) DO UPDATE SET"
           " default_rule = EXCLUDED.default_rule, always = EXCLUDED.always,"
           " never = EXCLUDED.never",
    .parameters = 4,
};

static int find_rule(const char *name)
{
    for (int rule = 0; name && rule < RULES; rule++) {
        if (strcmp(rule_names[rule], name) == 0)
            return rule;
    }
    return -1;
}

static void prefs_free(struct archive_prefs *prefs)
{
    if (prefs) {
        free(prefs->always);
        free(prefs->never);
    }
    free(prefs);
}

/* The line at `at`, or NULL behind the last. */
static const char *next_line(const char **at, size_t *length)
{
    const char *line = *at;

    if (*line == '\0')
        return NULL;
    *length = strcspn(line, "\n");
    *at = line + *length + (line[*length] ? 1 : 0);
    return line;
}

/* An address with a resource means that one, one without means all of it (§2.3.1). */
static bool has(const char *list, const struct jid *peer)
{
    const char *line;
    size_t length;

    while ((line = next_line(&list, &length)) != NULL) {
        const char *same = memchr(line, '/', length) ? peer->full : peer->bare;
        if (strlen(same) == length && memcmp(line, same, length) == 0)
            return true;
    }
    return false;
}

static bool is_contact(const struct account *account, const struct jid *peer)
{
    const struct roster_item *item = roster_find(account, peer->bare);

    return item && !item->removed;
}

bool archive_wants(const struct account *account, const struct jid *peer)
{
    const struct archive_prefs *prefs = account->archive_prefs;

    if (!prefs || has(prefs->always, peer))
        return true;
    if (has(prefs->never, peer))
        return false;
    return prefs->rule == ALWAYS || (prefs->rule == ROSTER && is_contact(account, peer));
}

static void add_list(struct element *parent, const char *name, const char *list)
{
    struct element *element = element_add(parent, NS_MAM, name);
    const char *line;
    size_t length;

    while ((line = next_line(&list, &length)) != NULL)
        element_add_text_length(element_add(element, NS_MAM, "jid"), line, length);
}

static void answer(struct sm_request *request)
{
    const struct archive_prefs *prefs = request->account->archive_prefs;
    struct stanza *result = stanza_result(request->iq);
    struct element *element = element_add(result->root, NS_MAM, "prefs");

    element_set(element, "default", rule_names[prefs ? prefs->rule : ALWAYS]);
    add_list(element, "always", prefs ? prefs->always : "");
    add_list(element, "never", prefs ? prefs->never : "");
    sm_reply_take(request, result);
}

/* -1, or the condition. *count goes on counting. */
static int read_list(struct sm_request *request, const char *name, size_t *count, char **list)
{
    const struct element *parent = element_find(request->payload, NS_MAM, name);
    const struct element *element;
    struct buffer text = {0};
    int problem = -1;

    for (element = parent ? element_first(parent) : NULL; element && problem < 0;
         element = element_next(element)) {
        struct jid jid;
        if (++*count > ADDRESSES_MAX)
            problem = STANZA_POLICY_VIOLATION;
        else if (jid_parse(request->iq->arena, element_text(element), &jid) < 0)
            problem = STANZA_BAD_REQUEST;
        else
            buffer_printf(&text, "%s\n", jid.full);
    }
    *list = buffer_take(&text);
    return problem;
}

static int read_prefs(struct sm_request *request, struct archive_prefs *prefs)
{
    int rule = find_rule(element_get(request->payload, "default"));
    size_t count = 0;

    if (rule < 0)
        return STANZA_BAD_REQUEST;
    prefs->rule = (enum rule)rule;
    int problem = read_list(request, "always", &count, &prefs->always);
    return problem >= 0 ? problem : read_list(request, "never", &count, &prefs->never);
}

struct change {
    struct sm_request *request;
    struct archive_prefs *prefs;
};

static void on_written(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct change *change = user;

    (void)results;
    if (status != 0) {
        prefs_free(change->prefs);
        sm_fail(change->request, status);
    } else {
        prefs_free(account->archive_prefs);
        account->archive_prefs = change->prefs;
        answer(change->request);
    }
    free(change);
}

static void set(struct sm_request *request)
{
    struct archive_prefs *prefs = xcalloc(1, sizeof(*prefs));
    struct change *change;
    int problem = read_prefs(request, prefs);

    if (problem >= 0) {
        prefs_free(prefs);
        sm_error(request, (enum stanza_condition)problem, NULL);
        return;
    }
    change = xcalloc(1, sizeof(*change));
    change->request = request;
    change->prefs = prefs;
    struct sm_unit *unit = sm_unit_new(request->account, SM_WRITE);
    sm_add_values(unit, &write_statement, DB_INT(request->account->owner),
                  DB_TEXT(rule_names[prefs->rule]), DB_TEXT(prefs->always), DB_TEXT(prefs->never));
    sm_submit(unit, on_written, change);
}

static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static void unload(struct account *account)
{
    prefs_free(account->archive_prefs);
    account->archive_prefs = NULL;
}

/* No row: everything. */
static void loaded(struct account *account, const struct db_result *rows)
{
    struct archive_prefs *prefs;

    if (db_rows(rows) == 0)
        return;
    prefs = xcalloc(1, sizeof(*prefs));
    prefs->rule = (enum rule)MAX(find_rule(db_get_text(rows, 0, 0)), 0);
    prefs->always = xstrdup(db_get_text(rows, 0, 1));
    prefs->never = xstrdup(db_get_text(rows, 0, 2));
    account->archive_prefs = prefs;
}

#define SOMEBODY_ELSE (SM_TO_ACCOUNT | SM_TO_NOBODY)

static const struct sm_iq iqs[] = {
    {NS_MAM, "prefs", SM_GET, SM_TO_SELF, answer},
    {NS_MAM, "prefs", SM_SET, SM_TO_SELF, set},
    {NS_MAM, "prefs", SM_GET | SM_SET, SOMEBODY_ELSE, refuse},
    {0},
};

static const struct spec specs[] = {{"XEP-0441", "0.2.0", NULL}, {0}};

const struct sm_module archive_prefs_module = {
    .name = "archive_prefs",
    .specs = specs,
    .iqs = iqs,
    .load = &load_statement,
    .loaded = loaded,
    .unload = unload,
};
