/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Service Administration (XEP-0133): the commands as a table.
 */
#include "c2s/sm/admin.h"

#include "c2s/sm/dispatch.h"

const char admin_form[] = "http://jabber.org/protocol/admin";

#define NODE(name) "http://jabber.org/protocol/admin#" name

#define JIDS(label)                                                                                \
    (const struct command_field[])                                                                 \
    {                                                                                              \
        {"accountjids", "jid-multi", label, COMMAND_REQUIRED, NULL},                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const char *const counts[] = {"25", "50", "75", "100", "150", "200", "none", NULL};

static const struct command_field list_fields[] = {
    {"max_items", "list-single", "Maximum number of items to show", COMMAND_OPTIONAL, counts},
    {0},
};

static const struct command_field add_fields[] = {
    {"accountjid", "jid-single", "The address of the account", COMMAND_REQUIRED, NULL},
    {"password", "text-private", "Its password", COMMAND_REQUIRED, NULL},
    {"password-verify", "text-private", "The password again", COMMAND_REQUIRED, NULL},
    {0},
};

static const struct command_field password_fields[] = {
    {"accountjid", "jid-single", "The address of the account", COMMAND_REQUIRED, NULL},
    {"password", "text-private", "Its new password", COMMAND_REQUIRED, NULL},
    {0},
};

static const struct command_field statistics_fields[] = {
    {"accountjid", "jid-single", "The address of the account", COMMAND_REQUIRED, NULL},
    {0},
};

static const struct command_field announce_fields[] = {
    {"subject", "text-single", "Subject", COMMAND_OPTIONAL, NULL},
    {"announcement", "text-multi", "Announcement", COMMAND_REQUIRED, NULL},
    {0},
};

static const struct command_field motd_fields[] = {
    {"motd", "text-multi", "Message of the day", COMMAND_REQUIRED, NULL},
    {0},
};

static const struct command_field welcome_fields[] = {
    {"welcome", "text-multi", "Welcome message", COMMAND_REQUIRED, NULL},
    {0},
};

static const struct command_field admin_fields[] = {
    {"adminjids", "jid-multi", "The administrators", COMMAND_REQUIRED, NULL},
    {0},
};

/* clang-format off */
static const struct command rows[] = {
    {NODE("add-user"), "Add a user", admin_form, add_fields, NULL, admin_add_user},
    {NODE("delete-user"), "Delete users", admin_form, JIDS("The accounts to delete"), NULL,
     admin_delete_users},
    {NODE("disable-user"), "Disable users", admin_form, JIDS("The accounts to disable"), NULL,
     admin_disable_users},
    {NODE("reenable-user"), "Enable users again", admin_form, JIDS("The accounts to enable"), NULL,
     admin_enable_users},
    {NODE("end-user-session"), "End sessions of users", admin_form,
     JIDS("The accounts, or the sessions"), NULL, admin_end_sessions},
    {NODE("change-user-password"), "Change the password of a user", admin_form, password_fields,
     NULL, admin_change_password},
    {NODE("get-user-roster"), "Get the rosters of users", admin_form, JIDS("The accounts"), NULL,
     admin_get_rosters},
    {NODE("get-user-lastlogin"), "Get when users were last here", admin_form,
     JIDS("The accounts"), NULL, admin_get_last_logins},
    {NODE("user-stats"), "Get statistics of a user", admin_form, statistics_fields, NULL,
     admin_get_statistics},
    {NODE("get-registered-users-num"), "Get the number of users", admin_form, NULL, NULL,
     admin_count_registered},
    {NODE("get-disabled-users-num"), "Get the number of disabled users", admin_form, NULL, NULL,
     admin_count_disabled},
    {NODE("get-online-users-num"), "Get the number of users online", admin_form, NULL, NULL,
     admin_count_online},
    {NODE("get-active-users-num"), "Get the number of active users", admin_form, NULL, NULL,
     admin_count_active},
    {NODE("get-idle-users-num"), "Get the number of idle users", admin_form, NULL, NULL,
     admin_count_idle},
    {NODE("get-registered-users-list"), "List users", admin_form, list_fields, NULL,
     admin_list_registered},
    {NODE("get-disabled-users-list"), "List disabled users", admin_form, list_fields, NULL,
     admin_list_disabled},
    {NODE("get-online-users-list"), "List users online", admin_form, list_fields, NULL,
     admin_list_online},
    {NODE("get-active-users"), "List active users", admin_form, list_fields, NULL,
     admin_list_active},
    {NODE("get-idle-users"), "List idle users", admin_form, list_fields, NULL, admin_list_idle},
    {NODE("announce"), "Announce to users online", admin_form, announce_fields, NULL,
     admin_announce},
    {NODE("set-motd"), "Set the message of the day", admin_form, motd_fields, NULL, admin_set_motd},
    {NODE("edit-motd"), "Edit the message of the day", admin_form, motd_fields, admin_show_motd,
     admin_edit_motd},
    {NODE("delete-motd"), "Delete the message of the day", admin_form, NULL, NULL,
     admin_delete_motd},
    {NODE("set-welcome"), "Set the welcome message", admin_form, welcome_fields,
     admin_show_welcome, admin_set_welcome},
    {NODE("delete-welcome"), "Delete the welcome message", admin_form, NULL, NULL,
     admin_delete_welcome},
    {NODE("edit-admin"), "Edit the list of administrators", admin_form, admin_fields,
     admin_show_admins, admin_set_admins},
    {0},
};
/* clang-format on */
const struct command *const admin_commands = rows;

static enum sm_verdict incoming(struct account *account, struct stanza *stanza)
{
    if (stanza->type != IQ_SET || stanza->to.resource || !admin_is_ours(account->sm, stanza) ||
        !element_is(stanza_payload(stanza), NS_ADMIN, "account"))
        return SM_PASS;
    dispatch_request(account->sm, SM_TO_ACCOUNT, account, NULL, stanza);
    return SM_HANDLED;
}

static enum sm_verdict server_answered(struct sm *sm, struct stanza *answer)
{
    return admin_call_reply(sm, answer) ? SM_HANDLED : SM_PASS;
}

const struct sm_module admin_module = {
    .name = "admin",
    .iqs = admin_iqs,
    .start = admin_calls_start,
    .stop = admin_calls_stop,
    .incoming = incoming,
    .server_answered = server_answered,
};
