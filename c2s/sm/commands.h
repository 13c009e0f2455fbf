/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ad-Hoc Commands (XEP-0050) at the address of the server: what is done in band by those who may,
 * administrators and, if they may, users who invite somebody. Commands are data: a form to be
 * filled in and a function. They are carried out by the worker that serves the account of who asks,
 * for sessions of its own; nobody else's are listened to.
 */
#pragma once

#include "c2s/sm/sm.h"

#define NS_COMMANDS "http://jabber.org/protocol/commands"

struct command_run;

enum command_need { COMMAND_OPTIONAL, COMMAND_REQUIRED };

struct command_field {
    const char *var, *type, *label; /* XEP-0004; type "jid-multi" and so on */
    enum command_need need;
    const char *const *options; /* ends with NULL; NULL: none */
};

struct command {
    const char *node, *name;
    const char *form_type; /* of the form and of the result */
    /* The form of its one stage, ends with var NULL; NULL: it is carried out at once. */
    const struct command_field *fields;
    /* Fills in what is in the form from the beginning, and calls command_ask(), now or later; NULL:
     * nothing is. */
    void (*prepare)(struct command_run *run);
    /* Carries it out: exactly one command_end() or command_refuse(), now or later. */
    void (*run)(struct command_run *run);
};

/* One request of a command on its way. */
struct command_run {
    struct sm_request *request; /* its session may end meanwhile */
    bool admin;                 /* who asks is one */
    const struct command *command;
    const struct element *form; /* what was filled in; NULL: nothing */
    struct stanza *reply;
    struct element *result; /* <command/> of the reply, where notes and forms go */
    char *id;
    void *data; /* of the command */
};

/* admin.c, invite.c: the commands there are; end with node NULL. Administrators may run all, but
 * from another node (sm_is_near()) only those of inviters. */
extern const struct command *const admin_commands;
extern const struct command *const invite_commands;
extern const struct command *const inviter_commands;
extern const struct sm_module commands_module;

/* The form of the reply, to be filled in by the command: type "result". */
struct element *command_result(struct command_run *run);
/* type: "info", "warn", "error"; a command that has failed needs one of the last. */
void command_note(struct command_run *run, const char *type, const char *text);
/* For prepare(): the form is shown. The form is the reply's; values for the fields are added by
 * form_add_value(). */
struct element *command_form(struct command_run *run);
void command_ask(struct command_run *run);
/* It has been carried out. */
void command_end(struct command_run *run);
/* Instead: the request gets an error. specific: a condition in NS_COMMANDS, or NULL. */
void command_refuse(struct command_run *run, enum stanza_condition condition, const char *specific);

/* By its node, or NULL. */
const struct command *commands_find(const char *node);
/* Calls it with each. */
void commands_each(void (*each)(const struct command *command, void *user), void *user);
/* Whether who asks is an administrator, asked each time: who is none any more must not go on. Who
 * is not a client of ours is none. */
void commands_ask_for(struct sm_request *request,
                      void (*told)(struct sm_request *request, bool admin));
/* Whether he may run it. */
bool commands_may(const struct sm_request *request, const struct command *command, bool admin);

/* commands_disco.c, for disco.c: what is known of the node; false: it is none of commands. */
bool commands_info(struct sm_request *request);
bool commands_items(struct sm_request *request);
