/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Easy User Onboarding (XEP-0401): links by which users invite a contact, and administrators
 * somebody who is to have an account; ad-hoc commands. c2s/client_register.c makes the accounts,
 * preauth.h the contacts.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/accounts.h"
#include "c2s/invitations.h"
#include "c2s/sm/commands.h"
#include "c2s/worker.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"
#include "common/xmpp/uri.h"

static const char form_type[] = "urn:xmpp:invite#invitation";

struct making {
    struct command_run *run;
    struct jid *where;
    struct invitation_made made;
    const char *query; /* of the link, behind which the token follows */
    const char *more;  /* behind that */
};

static const struct domain *domain_of(const struct command_run *run)
{
    const struct account *account = run->request->account;

    return domains_find(account->sm->worker->domains, account->jid->domain);
}

static void add_field(struct element *form, const char *var, const char *text)
{
    form_add_field(form, var, "text-single", text);
}

/* XEP-0379 §3.3: the page gets the link behind '#', which no browser sends to a server. */
static void add_page(const struct command_run *run, struct element *form, const char *uri)
{
    const struct domain *domain = domain_of(run);

    if (domain && domain->invite_page)
        add_field(
            form, "landing-url",
            arena_printf(run->reply->arena, "%s#%s", domain->invite_page, uri + strlen("xmpp:")));
}

static void answer(struct making *making)
{
    struct command_run *run = making->run;
    struct element *form = command_result(run);
    char *query = xasprintf("%s;preauth=%s%s", making->query, making->made.token, making->more);
    char *uri = uri_of_address(making->where->bare, query);

    add_field(form, "uri", uri);
    add_page(run, form, uri);
    add_field(form, "expire", making->made.expires);
    log_info("invitation_made", LOG_TEXT("invitation", making->made.id),
             LOG_TEXT("jid", making->where->bare), LOG_TEXT("expires", making->made.expires),
             LOG_TEXT("by", run->request->account->jid->bare));
    command_end(run);
    crypto_wipe_text(query);
    crypto_wipe_text(uri);
}

static void refuse(struct making *making, int status)
{
    struct command_run *run = making->run;

    if (status < 0) {
        command_refuse(run, sm_condition(status), NULL);
    } else if (making->where->local && strcmp(making->query, "register") == 0) {
        command_refuse(run, STANZA_CONFLICT, NULL);
    } else {
        limit_reached("invite-limit");
        log_info("invitation_limit", LOG_TEXT("jid", run->request->account->jid->bare));
        command_refuse(run, STANZA_POLICY_VIOLATION, NULL);
    }
}

static void on_made(void *user, int status, const struct db_result *results, size_t count)
{
    struct making *making = user;

    if (status == 0 && invitation_was_made(results, count))
        answer(making);
    else
        refuse(making, status);
    crypto_wipe(&making->made, sizeof(making->made));
    free(making->where);
    free(making);
}

static void make(struct command_run *run, struct invitation_wish *wish, const struct jid *shown,
                 const char *query, const char *more)
{
    const struct worker *worker = run->request->sm->worker;
    struct making *making = xcalloc(1, sizeof(*making));

    *making = (struct making){.run = run, .where = jid_dup(shown), .query = query, .more = more};
    wish->uses = 1;
    wish->life_ms = config_number(worker->config, "sm", NULL, "invite-lifetime");
    wish->creator = run->request->account->jid->bare;
    invitation_make(worker->db, wish, &making->made, on_made, making);
}

static void invite(struct command_run *run)
{
    const struct config *config = run->request->sm->worker->config;
    const struct account *account = run->request->account;
    const struct domain *domain = domain_of(run);
    bool account_too = domain && domain->invitations;
    struct arena *arena = run->reply->arena;
    struct jid where;
    struct invitation_wish wish = {
        .kind = account_too ? INVITATION_ACCOUNT : INVITATION_CONTACT,
        .where = &where,
        .inviter = account->jid->bare,
        .limit = run->admin ? 0 : config_number(config, "sm", NULL, "invite-limit"),
        .limit_ms = config_number(config, "sm", NULL, "invite-time"),
    };

    if (jid_make(arena, NULL, account->jid->domain, NULL, &where) != 0)
        command_refuse(run, STANZA_INTERNAL_SERVER_ERROR, NULL);
    else
        make(run, &wish, account->jid, "roster", account_too ? ";ibr=y" : "");
}

/* §4.4: without a name whoever is invited chooses it. */
static void create_account(struct command_run *run)
{
    const struct jid *self = run->request->account->jid;
    const char *name = run->form ? form_get(run->form, "username") : NULL;
    const struct domain *domain = domain_of(run);
    struct arena *arena = run->reply->arena;
    struct jid where;
    struct invitation_wish wish = {.kind = INVITATION_ACCOUNT, .where = &where};

    if (name && *name == '\0')
        name = NULL;
    if (!domain || !domain->invitations) {
        command_refuse(run, STANZA_NOT_ALLOWED, NULL);
    } else if (jid_make(arena, name, self->domain, NULL, &where) != 0 ||
               (name && (strcmp(name, where.local) != 0 || !jid_local_registrable(name)))) {
        command_refuse(run, STANZA_BAD_REQUEST, "bad-payload");
    } else {
        if (run->form && xml_is_true(form_get(run->form, "roster-subscription")))
            wish.inviter = self->bare;
        make(run, &wish, &where, "register", "");
    }
}

static const struct command_field account_fields[] = {
    {"username", "text-single", "Its name, if it is to be this one", COMMAND_OPTIONAL, NULL},
    {"roster-subscription", "boolean", "Whether you become contacts", COMMAND_OPTIONAL, NULL},
    {0},
};

static const struct command of_inviters[] = {
    {"urn:xmpp:invite#invite", "Invite somebody", form_type, NULL, NULL, invite},
    {0},
};
const struct command *const inviter_commands = of_inviters;

static const struct command of_admins[] = {
    {"urn:xmpp:invite#create-account", "Invite somebody to make an account", form_type,
     account_fields, NULL, create_account},
    {0},
};
const struct command *const invite_commands = of_admins;

static const struct spec specs[] = {{"XEP-0401", "0.6.0", NULL}, {0}};

/* No hooks: commands.c asks it. */
const struct sm_module invite_module = {.name = "invite", .specs = specs};
