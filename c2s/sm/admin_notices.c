/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commands about what the server says by itself (notices.h): written to the database, then told to
 * all workers of the node.
 */
#include <string.h>

#include "c2s/sm/admin.h"
#include "c2s/sm/notices.h"
#include "common/base/clock.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/form.h"

#define TEXT_MAX 8192

static void on_set(struct account *account UNUSED, int status,
                   const struct db_result *results UNUSED, void *user)
{
    struct command_run *run = user;

    if (status < 0)
        command_refuse(run, sm_condition(status), NULL);
    else
        admin_renew_notices(run);
}

static void set(struct command_run *run, enum notice_kind kind, const char *text, bool anew)
{
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    sm_query(run->request->account, SM_WRITE, &notice_set_statement,
             (const struct db_value[]){DB_TEXT(notice_names[kind]), DB_TEXT(text), DB_TEXT(now),
                                       DB_BOOL(anew)},
             on_set, run);
}

static void set_from_form(struct command_run *run, enum notice_kind kind, bool anew)
{
    const char *text = form_get(run->form, notice_names[kind]);

    if (strlen(text) > TEXT_MAX)
        command_refuse(run, STANZA_NOT_ACCEPTABLE, NULL);
    else
        set(run, kind, text, anew);
}

/* §4.25, §4.27: the form has what there is. */
static void show(struct command_run *run, enum notice_kind kind)
{
    const struct notice *notice = notices_get(run->request->sm, kind);
    struct element *form = command_form(run);

    if (notice->number > 0) {
        FORM_FIELDS(field, form)
        {
            form_add_values(field, notice->text);
        }
    }
    command_ask(run);
}

void admin_set_motd(struct command_run *run)
{
    set_from_form(run, NOTICE_MOTD, true);
}

void admin_show_motd(struct command_run *run)
{
    show(run, NOTICE_MOTD);
}

/* Nobody gets it again for a word that was mended. */
void admin_edit_motd(struct command_run *run)
{
    set_from_form(run, NOTICE_MOTD, false);
}

void admin_delete_motd(struct command_run *run)
{
    set(run, NOTICE_MOTD, "", false);
}

void admin_show_welcome(struct command_run *run)
{
    show(run, NOTICE_WELCOME);
}

void admin_set_welcome(struct command_run *run)
{
    set_from_form(run, NOTICE_WELCOME, false);
}

void admin_delete_welcome(struct command_run *run)
{
    set(run, NOTICE_WELCOME, "", false);
}
