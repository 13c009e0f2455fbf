/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Pages of the list of public rooms, as kontalk-muc and the nodes of a network tell them to each
 * other (docs/NETWORK.md, "Shared services"):
 *
 *     <rooms xmlns='urn:kontalk:directory:1' count='12' more='true'>
 *       <room local='hall' name='The Hall'/>…</rooms>
 *
 * in the order of the bytes of the local parts; a page `before` a place goes backwards from there.
 * more: there are others behind its last one. What is asked for stands in max, after and before.
 */
#pragma once

#include "common/base/macros.h"
#include "common/xmpp/rsm.h"

/* Rooms on one page, at most. */
#define ROOM_PAGE_MAX ((size_t)100)

/* wish: as read by rsm_read(). */
size_t room_page_size(const struct rsm *wish);
void room_page_ask(struct element *question, const struct rsm *wish);
/* Strings are those of the question. ERR_MALFORMED. */
MUST_CHECK int room_page_read(const struct element *question, struct rsm *wish);

void room_page_add(struct element *page, const char *local, const char *name);
void room_page_set(struct element *page, int64_t count, bool more);
/* 0 if it does not say. */
int64_t room_page_count(const struct element *page);
bool room_page_has_more(const struct element *page);
/* What others have said is an answer to this wish: in order, behind the place, not too many. */
bool room_page_is_good(const struct element *page, const struct rsm *wish);

/* Fills `page` with what several have. Nothing is passed over: behind the end of a page that has
 * more, nothing of the others is taken. A room that two have is there once. NULL pages are allowed.
 */
void room_page_merge(struct element *page, const struct element *const *pages, size_t count,
                     const struct rsm *wish);
