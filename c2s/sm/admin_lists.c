/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands about all users: of the home of this node. Who is registered the database knows, who is
 * online each worker for its accounts.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/admin.h"
#include "common/config/config.h"
#include "common/config/number.h"
#include "common/xmpp/form.h"

/* What a command asks for; static. */
struct listing {
    const char *var, *label;
    const char *state; /* of sessions; NULL: of accounts in the database */
    bool disabled;     /* of these: only those */
};

/* As many as the form says; "none" and nothing: as many as there may be. */
static size_t wanted(const struct command_run *run)
{
    const char *text = run->form ? form_get(run->form, "max_items") : NULL;
    int64_t number = 0;

    if (text && config_number_parse(CONFIG_NUMBER, text, &number) == 0 && number > 0)
        return MIN((size_t)number, ADMIN_LIST_MAX);
    return ADMIN_LIST_MAX;
}

static struct element *add_answer(struct command_run *run, const struct listing *listing,
                                  const char *type, const char *value)
{
    struct element *field = form_add_field(command_result(run), listing->var, type, value);

    element_set(field, "label", listing->label);
    return field;
}

/* --- of the database --- */

static const struct db_statement count_statement = {
    .name = "admin_count",
    .sql = "SELECT count(*) FROM account WHERE disabled OR NOT $1::boolean",
    .parameters = 1,
};

static const struct db_statement list_statement = {
    .name = "admin_list",
    .sql = "SELECT local || '@' || domain FROM account WHERE disabled OR NOT $1::boolean"
           " ORDER BY domain, local LIMIT $2::bigint",
    .parameters = 2,
};

static void on_counted(struct account *account UNUSED, int status, const struct db_result *results,
                       void *user)
{
    struct command_run *run = user;
    const struct listing *listing = run->data;

    if (status < 0) {
        command_refuse(run, sm_condition(status), NULL);
        return;
    }
    add_answer(run, listing, "text-single",
               arena_printf(run->reply->arena, "%" PRId64, db_get_int(&results[0], 0, 0)));
    command_end(run);
}

static void on_listed(struct account *account UNUSED, int status, const struct db_result *results,
                      void *user)
{
    struct command_run *run = user;

    if (status < 0) {
        command_refuse(run, sm_condition(status), NULL);
        return;
    }
    struct element *field = add_answer(run, run->data, "jid-multi", NULL);
    for (size_t row = 0; row < db_rows(&results[0]); row++)
        element_add_with_text(field, NS_DATA_FORM, "value", db_get_text(&results[0], row, 0));
    command_end(run);
}

static void count_accounts(struct command_run *run, const struct listing *listing)
{
    const struct db_value value = DB_BOOL(listing->disabled);

    run->data = (void *)listing;
    sm_query(run->request->account, SM_READ_ASIDE, &count_statement, &value, on_counted, run);
}

static void list_accounts(struct command_run *run, const struct listing *listing)
{
    const struct db_value values[] = {DB_BOOL(listing->disabled), DB_INT((int64_t)wanted(run))};

    run->data = (void *)listing;
    sm_query(run->request->account, SM_READ_ASIDE, &list_statement, values, on_listed, run);
}

/* --- of all workers --- */

struct survey {
    struct command_run *run;
    const struct listing *listing; /* NULL: an announcement, or notices */
    bool notices;
    bool lists;
    struct element *answers; /* the JIDs of all */
    size_t open, count, left;
};

static void end_survey(struct survey *survey)
{
    struct command_run *run = survey->run;
    const char *count = arena_printf(run->reply->arena, "%zu", survey->count);

    if (survey->notices) {
        command_note(run, "info", arena_printf(run->reply->arena, "%s accounts are here", count));
    } else if (!survey->listing) {
        command_note(run, "info", arena_printf(run->reply->arena, "sent to %s clients", count));
    } else if (!survey->lists) {
        add_answer(run, survey->listing, "text-single", count);
    } else {
        struct element *field = add_answer(run, survey->listing, "jid-multi", NULL);
        ELEMENT_FOREACH (jid, survey->answers) {
            element_add_with_text(field, NS_DATA_FORM, "value", element_text(jid));
        }
    }
    command_end(run);
    arena_free(survey->answers->arena);
    free(survey);
}

static void on_survey(struct sm *sm UNUSED, const struct element *answer, const char *problem,
                      void *user)
{
    struct survey *survey = user;
    int64_t count = 0;

    if (problem)
        command_note(survey->run, "error", problem);
    else if (config_number_parse(CONFIG_NUMBER, element_get(answer, "count"), &count) == 0)
        survey->count += (size_t)count;
    if (answer && !problem) {
        ELEMENT_FOREACH (jid, answer) {
            if (survey->left == 0)
                break;
            element_add_copy(survey->answers, jid);
            survey->left--;
        }
    }
    if (--survey->open == 0)
        end_survey(survey);
}

static void ask_worker(struct survey *survey, const char *worker)
{
    const char *what = survey->notices ? "notices" : survey->listing ? "list" : "announce";
    struct element *question = admin_call_begin("worker", what);
    const struct element *form = survey->run->form;

    if (survey->listing) {
        element_set(question, "state", survey->listing->state);
    } else if (!survey->notices) {
        const char *subject = form_get(form, "subject");
        if (subject)
            element_add_with_text(question, NS_ADMIN, "subject", subject);
        element_add_with_text(question, NS_ADMIN, "body", form_get(form, "announcement"));
    }
    survey->open++;
    admin_call_worker(survey->run->request->sm, question, worker, on_survey, survey);
}

static void ask_all(struct command_run *run, const struct listing *listing, bool lists,
                    bool notices)
{
    struct survey *survey = xcalloc(1, sizeof(*survey));
    struct worker *worker = run->request->sm->worker;
    const char *const *ids;
    size_t count = worker_ids(worker, &ids);

    survey->run = run;
    survey->listing = listing;
    survey->lists = lists;
    survey->notices = notices;
    survey->left = wanted(run);
    survey->answers = element_new(arena_new(), NS_ADMIN, "answers");
    survey->open = 1;
    for (size_t i = 0; i < count; i++)
        ask_worker(survey, ids[i]);
    if (count == 0)
        ask_worker(survey, worker_id(worker));
    if (--survey->open == 0)
        end_survey(survey);
}

static void ask_workers(struct command_run *run, const struct listing *listing, bool lists)
{
    ask_all(run, listing, lists, false);
}

/* --- the commands --- */

#define LISTING(name, var, label, ...) static const struct listing name = {var, label, __VA_ARGS__}

LISTING(registered_count, "registeredusersnum", "The number of users", NULL, false);
LISTING(disabled_count, "disabledusersnum", "The number of disabled users", NULL, true);
LISTING(online_count, "onlineusersnum", "The number of users online", "online", false);
LISTING(active_count, "activeusersnum", "The number of active users", "active", false);
LISTING(idle_count, "idleusersnum", "The number of idle users", "idle", false);
LISTING(registered_list, "registereduserjids", "The users", NULL, false);
LISTING(disabled_list, "disableduserjids", "The disabled users", NULL, true);
LISTING(online_list, "onlineuserjids", "The users online", "online", false);
LISTING(active_list, "activeuserjids", "The active users", "active", false);
LISTING(idle_list, "idleuserjids", "The idle users", "idle", false);

void admin_count_registered(struct command_run *run)
{
    count_accounts(run, &registered_count);
}

void admin_count_disabled(struct command_run *run)
{
    count_accounts(run, &disabled_count);
}

void admin_count_online(struct command_run *run)
{
    ask_workers(run, &online_count, false);
}

void admin_count_active(struct command_run *run)
{
    ask_workers(run, &active_count, false);
}

void admin_count_idle(struct command_run *run)
{
    ask_workers(run, &idle_count, false);
}

void admin_list_registered(struct command_run *run)
{
    list_accounts(run, &registered_list);
}

void admin_list_disabled(struct command_run *run)
{
    list_accounts(run, &disabled_list);
}

void admin_list_online(struct command_run *run)
{
    ask_workers(run, &online_list, true);
}

void admin_list_active(struct command_run *run)
{
    ask_workers(run, &active_list, true);
}

void admin_list_idle(struct command_run *run)
{
    ask_workers(run, &idle_list, true);
}

void admin_announce(struct command_run *run)
{
    ask_workers(run, NULL, false);
}

void admin_renew_notices(struct command_run *run)
{
    ask_all(run, NULL, false, true);
}
