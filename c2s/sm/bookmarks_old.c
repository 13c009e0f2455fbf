/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bookmarks of a time before there was a node for them, in private storage only: they become items
 * when a client first asks for that node, or publishes there (XEP-0402 §5.2).
 */
#include <stdlib.h>

#include "c2s/sm/bookmarks.h"
#include "c2s/sm/private.h"

struct conversion {
    struct sm_request *request;
    pubsub_go_on *go_on;
    struct element *storage; /* a root of its own */
};

/* The account is held: nothing of its has happened since the client has asked. */
static void end(struct conversion *conversion, int status)
{
    if (status < 0)
        sm_fail(conversion->request, status);
    else
        conversion->go_on(conversion->request);
    if (conversion->storage)
        arena_free(conversion->storage->arena);
    free(conversion);
}

static void on_cleared(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    (void)account;
    (void)results;
    end(user, status);
}

/* What cannot be stored (a limit) stays where it was. */
static void on_items(struct account *account, int status, void *user)
{
    struct conversion *conversion = user;

    if (status < 0)
        end(conversion, status);
    else
        private_write_bookmarks(account, conversion->storage, on_cleared, conversion);
}

static void on_storage(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct conversion *conversion = user;

    if (status == 0 && db_rows(&results[0]) > 0)
        conversion->storage = sm_parse(account->sm, db_get_text(&results[0], 0, 0));
    if (conversion->storage && bookmarks_have_rooms(conversion->storage))
        bookmarks_store(account, conversion->storage, on_items, conversion);
    else
        end(conversion, status);
}

static void absent(struct sm_request *request, pubsub_go_on *go_on)
{
    struct conversion *conversion = xcalloc(1, sizeof(*conversion));

    *conversion = (struct conversion){.request = request, .go_on = go_on};
    private_read_bookmarks(request->account, on_storage, conversion);
}

const struct pubsub_hook bookmarks_hook = {.node = NS_BOOKMARKS, .absent = absent};
