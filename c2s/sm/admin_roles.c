/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The list of administrators: of the accounts of this home.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/sm/admin.h"
#include "common/base/error.h"
#include "common/xmpp/form.h"

static const struct db_statement show_statement = {
    .name = "admin_admins",
    .sql = "SELECT local || '@' || domain FROM account WHERE admin ORDER BY domain, local"
           " LIMIT $1::bigint",
    .parameters = 1,
};

static void on_shown(struct account *account UNUSED, int status, const struct db_result *results,
                     void *user)
{
    struct command_run *run = user;

    if (status < 0) {
        command_refuse(run, sm_condition(status), NULL);
        return;
    }
    struct element *form = command_form(run);
    FORM_FIELDS(field, form)
    {
        for (size_t row = 0; row < db_rows(&results[0]); row++)
            element_add_with_text(field, NS_DATA_FORM, "value", db_get_text(&results[0], row, 0));
    }
    command_ask(run);
}

void admin_show_admins(struct command_run *run)
{
    const struct db_value limit = DB_INT(ADMIN_LIST_MAX);

    sm_query(run->request->account, SM_READ_ASIDE, &show_statement, &limit, on_shown, run);
}

/* Who is in the list is made one; then those are taken out who are not. */
struct editing {
    struct command_run *run;
    struct buffer kept; /* their addresses, with line breaks around each */
    size_t open;
};

static void end_one(struct editing *editing)
{
    if (--editing->open > 0)
        return;
    command_end(editing->run);
    buffer_fini(&editing->kept);
    free(editing);
}

struct setting {
    struct editing *editing;
    char *bare;
};

static void on_set(struct account *account UNUSED, int status, const struct db_result *results,
                   void *user)
{
    struct setting *setting = user;
    struct command_run *run = setting->editing->run;

    if (status == 0 && db_affected(&results[0]) == 0)
        status = ERR_NOT_FOUND;
    if (status < 0)
        command_note(
            run, "error",
            arena_printf(run->reply->arena, "%s: %s", setting->bare, account_work_problem(status)));
    end_one(setting->editing);
    free(setting->bare);
    free(setting);
}

static void set(struct editing *editing, const struct jid *jid, bool admin)
{
    const struct db_value values[] = {DB_TEXT(jid->domain), DB_TEXT(jid->local), DB_BOOL(admin)};
    struct setting *setting = xcalloc(1, sizeof(*setting));

    setting->editing = editing;
    setting->bare = xstrdup(jid->bare);
    editing->open++;
    sm_query(editing->run->request->account, SM_READ, &account_set_admin, values, on_set, setting);
}

static bool is_kept(const struct editing *editing, const char *bare)
{
    char *line = xasprintf("\n%s\n", bare);
    bool found = strstr(editing->kept.data, line) != NULL;

    free(line);
    return found;
}

static void on_before(struct account *account UNUSED, int status, const struct db_result *results,
                      void *user)
{
    struct editing *editing = user;
    struct arena *arena = arena_new();
    struct jid jid;

    if (status < 0)
        command_note(editing->run, "error", account_work_problem(status));
    for (size_t row = 0; status == 0 && row < db_rows(&results[0]); row++) {
        const char *text = db_get_text(&results[0], row, 0);
        if (!is_kept(editing, text) && jid_parse(arena, text, &jid) == 0)
            set(editing, &jid, false);
    }
    arena_free(arena);
    end_one(editing);
}

static void add_one(struct editing *editing, const char *text)
{
    struct command_run *run = editing->run;
    struct jid jid;

    if (jid_parse(run->reply->arena, text, &jid) != 0 || !jid.local || jid.resource) {
        command_note(run, "error",
                     arena_printf(run->reply->arena, "%s: not the address of an account", text));
        return;
    }
    buffer_printf(&editing->kept, "%s\n", jid.bare);
    set(editing, &jid, true);
}

/* Whoever asks stays in: else there might be nobody any more who could put it right. */
void admin_set_admins(struct command_run *run)
{
    struct editing *editing = xcalloc(1, sizeof(*editing));
    const struct db_value limit = DB_INT(ADMIN_LIST_MAX);

    editing->run = run;
    editing->open = 1;
    buffer_append_text(&editing->kept, "\n");
    FORM_FIELDS(field, run->form)
    {
        if (strcmp(element_get(field, "var"), "adminjids") != 0)
            continue;
        ELEMENT_FOREACH (value, field) {
            if (element_is(value, NS_DATA_FORM, "value"))
                add_one(editing, element_text(value));
        }
    }
    if (!is_kept(editing, run->request->account->jid->bare)) {
        command_note(run, "error", "you would not be an administrator any more: you stay one");
        buffer_printf(&editing->kept, "%s\n", run->request->account->jid->bare);
    }
    sm_query(run->request->account, SM_READ, &show_statement, &limit, on_before, editing);
}
