/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether the home in our database is the one that the network document gives us to serve. Only
 * with the same epoch on both sides: a database of a lower one is a copy from before the home was
 * taken over or restored, and to a document with a lower one the same has happened. The accounts
 * of other homes have their clients here all the same: the node stays a front. One that is
 * suspended serves nobody: no other node talks with it.
 */
#include <string.h>

#include "c2s/client.h"
#include "c2s/directory/directory.h"
#include "c2s/front/front.h"
#include "c2s/worker.h"
#include "common/base/log.h"
#include "common/base/table.h"
#include "common/service/service.h"

/* Users are told: those of other homes are served elsewhere at once, ours later. */
#define SUSPENDED "the node is suspended"
#define TELL_SUSPENDED                                                                             \
    "this server is suspended from the network: another one may serve you, or this one later"
#define TELL_NOT_SERVED "this server may not serve its accounts now"

static bool is_suspended(const struct worker *worker)
{
    const struct network_member *member = worker_member(worker);

    return member && network_member_state(worker_document(worker), member, document_now()) ==
                         NETWORK_SUSPENDED;
}

/* NULL: it may be served. A network that does not know the home knows none of its accounts; the
 * node is a front then. */
static const char *obstacle(const struct worker *worker, const char *name, int64_t epoch)
{
    const struct network *network = worker_document(worker);
    const struct network_home *home = network ? network_home_by_name(network, worker->home) : NULL;

    if (is_suspended(worker))
        return SUSPENDED;
    if (home == NULL)
        return NULL;
    if (strcmp(home->member->host, worker->host) != 0)
        return "the document gives it to another node";
    if (strcmp(name, worker->home) != 0)
        return "the database has another home";
    if ((uint64_t)epoch < home->epoch)
        return "the database is of a lower epoch than the document";
    if ((uint64_t)epoch > home->epoch)
        return "the document is of a lower epoch than the database";
    return NULL;
}

/* Whether it has, or is about to get, what another node serves; or is nobody yet. */
static bool may_stay(const struct client *client)
{
    if (client->channel)
        return strcmp(channel_host(client->channel), client->worker->host) != 0;
    return !client->jid && !login_is_ours(client);
}

/* Its accounts are served by nobody here from now on, wherever their clients are connected. */
static void leave_home(struct worker *worker, const char *text)
{
    static const bool none[SLOTS];
    struct client *client, *next;

    worker->serving = false;
    worker_unbind_domains(worker);
    directory_pause(worker);
    slots_assign(worker->slots, none);
    front_stop(worker->front);
    DL_FOREACH_SAFE (worker->clients, client, next) {
        if (!may_stay(client))
            client_shutdown(client, text);
    }
}

/* Users of other homes come through this node as before. */
static void be_front(struct worker *worker)
{
    if (worker->fronting && worker->directory_begun)
        return;
    if (!worker->fronting)
        worker_bind_host(worker);
    worker->fronting = true;
    directory_begin_without_home(worker);
    worker_open_doors(worker);
    service_status("serving clients of other homes: ours may not be served");
}

static void close_doors(struct worker *worker, const char *text)
{
    struct client *client, *next;

    if (worker->serving)
        leave_home(worker, text);
    directory_pause(worker);
    worker->fronting = false;
    worker->ready = false;
    worker_unlisten(worker);
    worker_unbind_host(worker);
    DL_FOREACH_SAFE (worker->clients, client, next) {
        client_shutdown(client, text);
    }
}

static void serve_home(struct worker *worker)
{
    worker->serving = true;
    directory_begin(worker);
    if (worker->fronting) /* who has something for it hears that somebody is there again */
        worker_unbind_host(worker);
    worker->fronting = true;
    worker_bind_host(worker);
    worker_bind_domains(worker);
    if (worker->ready)
        service_status("serving clients");
}

static void refuse(struct worker *worker, const char *reason)
{
    worker->home_refusal = reason;
    if (strcmp(reason, SUSPENDED) == 0) {
        service_status(SUSPENDED);
        if (worker->fronting)
            close_doors(worker, TELL_SUSPENDED);
        return;
    }
    if (worker->serving)
        leave_home(worker, TELL_NOT_SERVED);
    be_front(worker);
}

bool worker_judge_home(struct worker *worker, const char *name, int64_t epoch)
{
    const char *reason = obstacle(worker, name, epoch);

    if (reason && (worker->home_refusal == NULL || strcmp(worker->home_refusal, reason) != 0))
        log_error("home_not_served", LOG_TEXT("home", worker->home), LOG_INT("epoch", epoch),
                  LOG_TEXT("reason", reason));
    if (reason) {
        refuse(worker, reason);
        return false;
    }
    worker->home_refusal = NULL;
    if (!worker->serving)
        serve_home(worker);
    return true;
}
