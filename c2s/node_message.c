/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who handles which node message.
 */
#include "c2s/node_message.h"

#include <string.h>

#include "c2s/directory/directory.h"
#include "c2s/front/front.h"
#include "c2s/front/trunk.h"
#include "c2s/worker.h"
#include "common/base/macros.h"

/* One row a subject; the last one is empty. */
static const struct node_handler handlers[] = {
    {NS_TRUNK, front_message},
    {NS_DIRECTORY, directory_message},
    {.ns = NULL},
};

bool node_is_host(const struct worker *worker, const char *domain)
{
    const struct network *network = worker_document(worker);

    return strcmp(domain, worker->host) == 0 ||
           (network && network_member_by_host(network, domain));
}

static const struct node_handler *find(const char *ns)
{
    for (const struct node_handler *row = handlers; row->ns; row++)
        if (strcmp(row->ns, ns) == 0)
            return row;
    return NULL;
}

bool node_message_take(struct worker *worker, const struct durable *offer, struct stanza *stanza)
{
    struct element *payload;
    const struct node_handler *row;

    if (stanza->kind != STANZA_MESSAGE || !stanza->has_from ||
        !node_is_host(worker, stanza->from.domain))
        return false;
    payload = element_first(stanza->root);
    row = payload ? find(payload->ns) : NULL;
    if (row == NULL)
        return false;
    row->handle(worker, offer, stanza, payload);
    return true;
}
