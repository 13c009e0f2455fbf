/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What an administrator can ask the session manager (kontalkctl ask c2s …).
 */
#include <inttypes.h>

#include "c2s/sm/core.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/smacks.h"
#include "common/base/clock.h"
#include "common/service/control.h"

static size_t count_sessions(const struct sm *sm)
{
    size_t count = 0;

    for (const struct account *at = sm->accounts; at; at = at->hh.next) {
        count += at->sessions_count;
    }
    return count;
}

static void counters(void *state, struct control_request *request, size_t argc,
                     const char *const *argv)
{
    const struct sm *sm = state;

    (void)argc;
    (void)argv;
    control_print(request, "accounts in memory: %zu", sm->accounts_alive);
    control_print(request, "sessions: %zu", count_sessions(sm));
    control_print(request, "iq requests being answered: %u", sm->requests);
    control_print(request, "iq requests nobody serves: %" PRIu64, sm->iqs_unknown);
    for (const struct sm_iq_row *row = sm->iqs; row; row = row->hh.next) {
        control_print(request, "iq %s: %" PRIu64 " served, %" PRIu64 " refused", row->key,
                      row->handled, row->refused);
    }
    control_end(request, NULL);
}

static void show_waiting(void *state, struct control_request *request, size_t argc,
                         const char *const *argv)
{
    const struct sm *sm = state;
    int64_t now_us = clock_wall_us();

    (void)argc;
    (void)argv;
    for (const struct account *at = sm->accounts; at; at = at->hh.next) {
        const struct session *session;

        ACCOUNT_SESSIONS (session, at) {
            if (session->waiting) {
                control_print(request, "%s %" PRId64 " %" PRIu32, session->jid->full,
                              MAX(session->smacks->expires_us - now_us, 0) / 1000000,
                              session->smacks->out.count);
            }
        }
    }
    control_end(request, NULL);
}

/* Of an account, or one of them; those that other workers serve they end. */
static size_t end_sessions(struct account *account, const char *resource)
{
    struct session *session, *next;
    size_t count = 0;

    account_ref(account);
    DL_FOREACH_SAFE (account->sessions, session, next) {
        if (resource == NULL || strcmp(session->jid->resource, resource) == 0) {
            session_kick(session, STREAM_NOT_AUTHORIZED, "ended by an administrator");
            count++;
        }
    }
    account_unref(account);
    return count;
}

static void session_end_all(void *state, struct control_request *request, size_t argc,
                            const char *const *argv)
{
    struct arena *arena = arena_new();
    struct account *account;
    struct jid jid;

    (void)argc;
    if (jid_parse(arena, argv[0], &jid) != 0 || jid.local == NULL) {
        control_end(request, "not the address of an account");
    } else {
        account = account_find(state, jid.bare);
        control_print(request, "ended %zu", account ? end_sessions(account, jid.resource) : 0);
        control_end(request, NULL);
    }
    arena_free(arena);
}

static void show_envelopes(void *state, struct control_request *request, size_t argc,
                           const char *const *argv)
{
    (void)argc;
    (void)argv;
    homes_show(state, request);
    control_end(request, NULL);
}

/* The database has got accounts that did not come through here. */
static void forget_absent(void *state, struct control_request *request, size_t argc,
                          const char *const *argv)
{
    (void)argc;
    (void)argv;
    accounts_forget_absent(state);
    control_end(request, NULL);
}

const struct control_command sm_commands[] = {
    {"accounts imported", 0, 0, forget_absent, "  look anew whether an address is an account"},
    {"session end", 1, 1, session_end_all, "JID  end the sessions of an account, or one of them"},
    {"show waiting", 0, 0, show_waiting,
     "  sessions that wait for their client: JID, for how many seconds still, unacknowledged"},
    {"show envelopes", 0, 0, show_envelopes, "  what other nodes have sent that did not get in"},
    {"counters", 0, 0, counters, "  what the session manager has to do, and has done"},
    {0},
};
