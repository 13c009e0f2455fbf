/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bookmarks (XEP-0402), which are the bookmarks of private storage (XEP-0048, XEP-0049) too.
 */
#pragma once

#include "c2s/sm/sm.h"

/* Whether it is what XEP-0048 keeps in private storage. */
bool bookmarks_are(const struct element *element);
/* Whether they are on a node already, where they are read; else private storage has them all. */
bool bookmarks_are_items(const struct account *account);
/* Answers the request: rooms from the node, all else from `stored`, which is private storage's
 * element (NULL: there is none). Behind a unit. */
void bookmarks_answer(struct sm_request *request, const struct element *stored);
/* The rooms in it become the items of the node: what is the same stays, what is missing goes. Then
 * done(), with status as of pubsub_publish(). Within a job; `storage` lives until then. */
typedef void bookmarks_done(struct sm_request *request, int status);
void bookmarks_store(struct sm_request *request, const struct element *storage,
                     bookmarks_done *done);
