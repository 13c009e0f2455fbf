/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bookmarks (XEP-0402), which are the bookmarks of private storage (XEP-0048, XEP-0049) too.
 */
#pragma once

#include "c2s/pubsub/pubsub.h"

#define NS_BOOKMARKS "urn:xmpp:bookmarks:1"

/* Whether it is what XEP-0048 keeps in private storage. */
bool bookmarks_are(const struct element *element);
/* Whether they are on a node already, where they are read; else private storage has them all. */
bool bookmarks_are_items(const struct account *account);
/* Answers the request: rooms from the node, all else from `stored`, which is private storage's
 * element (NULL: there is none). Behind a unit. */
void bookmarks_answer(struct sm_request *request, const struct element *stored);
/* The rooms in it become the items of the node: what is the same stays, what is missing goes. Then
 * done(), with status as of pubsub_publish(). Within a job; `storage` lives until then. */
void bookmarks_store(struct account *account, const struct element *storage, pubsub_done *done,
                     void *user);
/* Whether there are rooms in it, and all but those, as a root in `arena`. */
bool bookmarks_have_rooms(const struct element *storage);
struct element *bookmarks_without_rooms(struct arena *arena, const struct element *storage);
