/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ad-Hoc Commands: the list, sessions, actions, and who may.
 */
#include "c2s/sm/commands.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/disco.h"
#include "c2s/sm/dispatch.h"
#include "c2s/worker.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"

/* Of one client, open at the same time; beyond it the oldest is forgotten. */
#define OPEN_MAX 8
/* Values of one field. */
#define VALUES_MAX 100

/* A form has been shown. */
struct command_session {
    char *id;
    const struct command *command;
    uint64_t end_ms;
    bool over;                           /* it was sent back, or cancelled */
    struct command_session *prev, *next; /* session->commands */
};

static const struct db_statement admin_statement = {
    .name = "command_admin",
    .sql = "SELECT admin FROM account WHERE owner = $1::bigint",
    .parameters = 1,
};

/* --- sessions --- */

static void forget(struct session *session, struct command_session *open)
{
    DL_DELETE(session->commands, open);
    free(open->id);
    free(open);
}

static void session_closed_hook(struct session *session)
{
    while (session->commands)
        forget(session, session->commands);
}

static void remember(struct session *session, const struct command_run *run)
{
    struct command_session *open = xcalloc(1, sizeof(*open)), *one;
    size_t count = 0;

    open->id = xstrdup(run->id);
    open->command = run->command;
    open->end_ms = clock_monotonic_ms() + session->account->sm->limits.command_ms;
    DL_APPEND(session->commands, open);
    DL_COUNT(session->commands, one, count);
    if (count > OPEN_MAX)
        forget(session, session->commands);
}

static struct command_session *find_session(const struct session *session, const char *id)
{
    struct command_session *open;

    DL_FOREACH (session->commands, open) {
        if (strcmp(open->id, id) == 0)
            return open;
    }
    return NULL;
}

/* --- the life of a run --- */

static void run_free(struct command_run *run)
{
    free(run->id);
    free(run);
}

void command_refuse(struct command_run *run, enum stanza_condition condition, const char *specific)
{
    struct stanza *error = stanza_error(run->request->iq, condition, NULL);

    if (specific)
        element_add(stanza_error_element(error), NS_COMMANDS, specific);
    stanza_unref(run->reply);
    sm_reply_take(run->request, error);
    run_free(run);
}

static void send(struct command_run *run, const char *status)
{
    element_set(run->result, "status", status);
    sm_reply_take(run->request, run->reply);
    run_free(run);
}

void command_end(struct command_run *run)
{
    log_info("command_done", LOG_TEXT("jid", run->request->iq->from.full),
             LOG_TEXT("command", run->command->node));
    send(run, "completed");
}

static void begin_reply(struct command_run *run)
{
    run->reply = stanza_result(run->request->iq);
    run->result = element_add(run->reply->root, NS_COMMANDS, "command");
    element_set(run->result, "node", run->command->node);
    element_set(run->result, "sessionid", run->id);
    element_set_ns(run->result, NS_XML, "lang", "en");
}

struct element *command_result(struct command_run *run)
{
    return form_add(run->result, "result", run->command->form_type);
}

void command_note(struct command_run *run, const char *type, const char *text)
{
    element_set(element_add_with_text(run->result, NS_COMMANDS, "note", text), "type", type);
}

/* --- forms --- */

static void add_field(struct element *form, const struct command_field *row)
{
    struct element *field = form_add_field(form, row->var, row->type, NULL);

    element_set(field, "label", row->label);
    if (row->need == COMMAND_REQUIRED)
        element_add(field, NS_DATA_FORM, "required");
    for (const char *const *option = row->options; option && *option; option++) {
        struct element *choice = element_add(field, NS_DATA_FORM, "option");
        element_set(choice, "label", *option);
        element_add_with_text(choice, NS_DATA_FORM, "value", *option);
    }
}

struct element *command_form(struct command_run *run)
{
    struct element *actions = element_add(run->result, NS_COMMANDS, "actions");
    struct element *form = form_add(run->result, "form", run->command->form_type);

    element_set(actions, "execute", "complete");
    element_add(actions, NS_COMMANDS, "complete");
    element_add_with_text(form, NS_DATA_FORM, "title", run->command->name);
    for (const struct command_field *field = run->command->fields; field->var; field++)
        add_field(form, field);
    return form;
}

void command_ask(struct command_run *run)
{
    if (run->request->session)
        remember(run->request->session, run);
    send(run, "executing");
}

static size_t count_values(const struct element *form, const char *var)
{
    size_t count = 0;

    FORM_FIELDS(field, form)
    {
        if (strcmp(element_get(field, "var"), var) != 0)
            continue;
        ELEMENT_FOREACH (value, field) {
            count += element_is(value, NS_DATA_FORM, "value") && *element_text(value) != '\0';
        }
    }
    return count;
}

/* §4.4: what has to be there is, and what there can be one of is not more. */
static bool is_complete(const struct command_run *run)
{
    for (const struct command_field *field = run->command->fields; field->var; field++) {
        size_t count = run->form ? count_values(run->form, field->var) : 0;
        bool many = strstr(field->type, "-multi") != NULL;

        if ((field->need == COMMAND_REQUIRED && count == 0) || count > (many ? VALUES_MAX : 1))
            return false;
    }
    return true;
}

/* --- requests --- */

void commands_each(void (*each)(const struct command *command, void *user), void *user)
{
    const struct command *const tables[] = {inviter_commands, invite_commands, admin_commands};

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        for (const struct command *at = tables[i]; at->node; at++)
            each(at, user);
    }
}

struct search {
    const char *node;
    const struct command *found;
};

static void compare(const struct command *command, void *user)
{
    struct search *search = user;

    if (strcmp(command->node, search->node) == 0)
        search->found = command;
}

const struct command *commands_find(const char *node)
{
    struct search search = {node, NULL};

    commands_each(compare, &search);
    return search.found;
}

static void begin(struct command_run *run)
{
    char id[2 * 16 + 1];

    crypto_random_hex(id, 16);
    run->id = xstrdup(id);
    begin_reply(run);
    if (!run->command->fields) {
        run->command->run(run);
    } else if (run->command->prepare) {
        run->command->prepare(run);
    } else {
        command_form(run);
        command_ask(run);
    }
}

static void cancel(struct command_run *run, struct command_session *open)
{
    open->over = true;
    begin_reply(run);
    send(run, "canceled");
}

/* A form of type cancel is one that was sent (§3.4.1 of the notes). */
static const struct element *submitted(const struct element *payload)
{
    const struct element *form = element_find(payload, NS_DATA_FORM, "x");
    const char *type = form ? element_get(form, "type") : NULL;

    return type && (strcmp(type, "submit") == 0 || strcmp(type, "cancel") == 0) ? form : NULL;
}

static void complete(struct command_run *run, struct command_session *open)
{
    run->form = submitted(run->request->payload);
    if (!is_complete(run)) {
        command_refuse(run, STANZA_BAD_REQUEST, "bad-payload");
        return;
    }
    open->over = true;
    begin_reply(run);
    run->command->run(run);
}

enum action { EXECUTE, CANCEL, PREV, NEXT, COMPLETE, NONE };

static enum action action_of(const struct element *payload)
{
    static const char *const names[] = {[EXECUTE] = "execute",
                                        [CANCEL] = "cancel",
                                        [PREV] = "prev",
                                        [NEXT] = "next",
                                        [COMPLETE] = "complete"};
    const char *text = element_get(payload, "action");

    for (int i = 0; text && i < NONE; i++) {
        if (strcmp(names[i], text) == 0)
            return (enum action)i;
    }
    return text ? NONE : EXECUTE;
}

/* Every command has one stage: there is nothing before it, and behind it is the end. */
static void go_on(struct command_run *run, const char *id, enum action action)
{
    struct command_session *open = find_session(run->request->session, id);

    if (!open) {
        command_refuse(run, STANZA_BAD_REQUEST, "bad-sessionid");
        return;
    }
    run->id = xstrdup(id);
    if (open->command != run->command) {
        command_refuse(run, STANZA_BAD_REQUEST, "bad-sessionid");
    } else if (open->over || open->end_ms <= clock_monotonic_ms()) {
        command_refuse(run, STANZA_NOT_ALLOWED, "session-expired");
    } else if (action == CANCEL) {
        cancel(run, open);
    } else if (action == PREV || action == NEXT) {
        command_refuse(run, STANZA_BAD_REQUEST, "bad-action");
    } else {
        complete(run, open);
    }
}

/* Who may run nothing does not learn what there is. */
static bool may(const struct command_run *run, bool admin)
{
    const struct sm_request *request = run->request;

    return request->session && (run->command ? commands_may(request, run->command, admin)
                                             : admin && sm_is_near(request->session));
}

static void execute(struct sm_request *request, bool admin)
{
    struct command_run *run = xcalloc(1, sizeof(*run));
    const char *node = element_get(request->payload, "node");
    const char *id = element_get(request->payload, "sessionid");
    enum action action = action_of(request->payload);

    run->request = request;
    run->admin = admin;
    run->command = node ? commands_find(node) : NULL;
    if (!may(run, admin))
        command_refuse(run, STANZA_FORBIDDEN, NULL);
    else if (action == NONE || !node)
        command_refuse(run, STANZA_BAD_REQUEST, node ? "malformed-action" : NULL);
    else if (!run->command)
        command_refuse(run, STANZA_ITEM_NOT_FOUND, NULL);
    else if (id)
        go_on(run, id, action);
    else if (action != EXECUTE)
        command_refuse(run, STANZA_BAD_REQUEST, "bad-action");
    else
        begin(run);
}

/* --- who may --- */

struct asking {
    struct sm_request *request;
    void (*told)(struct sm_request *request, bool admin);
};

static void on_admin(struct account *account UNUSED, int status, const struct db_result *results,
                     void *user)
{
    struct asking asking = *(struct asking *)user;

    free(user);
    if (status < 0)
        sm_fail(asking.request, status);
    else
        asking.told(asking.request, db_rows(&results[0]) > 0 && db_get_bool(&results[0], 0, 0));
}

void commands_ask_for(struct sm_request *request,
                      void (*told)(struct sm_request *request, bool admin))
{
    struct asking *asking;

    if (!request->account || !request->session) {
        told(request, false);
        return;
    }
    asking = xcalloc(1, sizeof(*asking));
    *asking = (struct asking){request, told};
    const struct db_value owner = DB_INT(request->account->owner);
    sm_query(request->account, SM_READ_HELD, &admin_statement, &owner, on_admin, asking);
}

static bool is_of_inviters(const struct command *command)
{
    for (const struct command *at = inviter_commands; at->node; at++) {
        if (at == command)
            return true;
    }
    return false;
}

/* From another node nothing is administered. */
bool commands_may(const struct sm_request *request, const struct command *command, bool admin)
{
    if (!request->session)
        return false;
    if (is_of_inviters(command))
        return admin || config_bool(request->sm->worker->config, "sm", NULL, "invite-users");
    return admin && sm_is_near(request->session);
}

static void command(struct sm_request *request)
{
    commands_ask_for(request, execute);
}

/* --- hooks --- */

static bool is_about_commands(const struct element *payload)
{
    const char *node = element_get(payload, "node");

    if (strcmp(payload->ns, NS_COMMANDS) == 0)
        return true;
    return (strcmp(payload->ns, NS_DISCO_INFO) == 0 || strcmp(payload->ns, NS_DISCO_ITEMS) == 0) &&
           node && (strcmp(node, NS_COMMANDS) == 0 || commands_find(node));
}

/* Here, where the session of who asks is, whatever way the rest takes. */
static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    struct account *account = session->account;

    if (!sm_asks_server(account->sm, stanza) || !is_about_commands(stanza_payload(stanza)))
        return SM_PASS;
    dispatch_request(account->sm, SM_TO_SERVER, account, session, stanza);
    return SM_HANDLED;
}

static const struct sm_iq iqs[] = {
    {NS_COMMANDS, "command", SM_SET, SM_TO_SERVER, command},
    {0},
};

static const char *const features[] = {NS_COMMANDS, NULL};
static const struct spec specs[] = {{"XEP-0050", "1.3.0", "commands have one stage; in English"},
                                    {"XEP-0133", "1.3.1", "see CONFORMANCE.md for the commands"},
                                    {0}};

const struct sm_module commands_module = {
    .name = "commands",
    .specs = specs,
    .server_features = features,
    .iqs = iqs,
    .session_closed = session_closed_hook,
    .outgoing = outgoing,
};
