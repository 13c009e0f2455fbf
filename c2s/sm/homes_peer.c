/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Counting what other nodes send that does not get in.
 */
#include "c2s/sm/homes_peer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/homes.h"
#include "common/base/table.h"
#include "common/service/control.h"

struct homes_peer *homes_peer(struct sm *sm, const char *host)
{
    struct homes_peer *peer;

    HASH_FIND_STR(sm->homes_peers, host, peer);
    if (peer)
        return peer;
    peer = xcalloc(1, sizeof(*peer));
    peer->host = xstrdup(host);
    HASH_ADD_KEYPTR(hh, sm->homes_peers, peer->host, strlen(peer->host), peer);
    return peer;
}

void homes_show(const struct sm *sm, struct control_request *request)
{
    for (const struct homes_peer *peer = sm->homes_peers; peer; peer = peer->hh.next)
        control_print(request, "%s envelopes refused=%" PRIu64 " misdirected=%" PRIu64, peer->host,
                      peer->refused, peer->misdirected);
}

static void stop(struct sm *sm)
{
    struct homes_peer *peer, *next;

    HASH_ITER (hh, sm->homes_peers, peer, next) {
        HASH_DEL(sm->homes_peers, peer);
        free(peer->host);
        free(peer);
    }
}

const struct sm_module homes_module = {.name = "homes", .stop = stop};
