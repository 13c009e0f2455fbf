/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Changing roles and affiliations, with all that follows: presence to everybody, removal of who may
 * not stay (XEP-0045 §§5, 8, 9 and 10). Whether the one who asks may do it is admin.c's question.
 */
#pragma once

#include "muc/turn.h"

struct affiliation_list {
    char **jids; /* bare */
    size_t count;
};

void affiliation_list_add(struct affiliation_list *list, const struct jid *jid);
void affiliation_list_fini(struct affiliation_list *list);

/* Whether the room cannot know one more; whom it knows already is no more. */
bool affiliation_is_full(const struct room *room, const char *bare);
/* actor: the occupant who does it; reason: for people; both may be NULL. */
void affiliation_set(struct turn *turn, const struct jid *bare, enum affiliation affiliation,
                     const char *actor, const char *reason);
/* The nickname is its own, NULL: none is any more; its affiliation stays. */
void affiliation_reserve(struct turn *turn, const char *bare, const char *nick);
/* Exactly these have it: others that had it become members (owners: administrators) (§10.2). */
void affiliation_set_list(struct turn *turn, enum affiliation affiliation,
                          const struct affiliation_list *list);
/* So that they can be set; how many of them the room does not know yet. */
size_t affiliation_list_sort(const struct room *room, struct affiliation_list *list);
/* ROLE_NONE: the occupant is kicked. */
void role_set(struct turn *turn, struct occupant *occupant, enum role role, const char *actor,
              const char *reason);
