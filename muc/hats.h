/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Hats (XEP-0317): what people are in a room beside role and affiliation, such as "host". There is
 * a list of hats in each room, and accounts that wear them; presence shows them. hats.c keeps them,
 * hats_commands.c is how administrators change them.
 */
#pragma once

#include "muc/dispatch.h"

#define NS_HATS_COMMANDS "urn:xmpp:hats:commands"

#define HATS_MAX    100  /* of a room */
#define WEARERS_MAX 1000 /* of a hat */

struct wearer {
    char *jid; /* bare */
    struct wearer *prev, *next;
};

struct hat {
    char *uri, *title;
    char *hue; /* NULL: none */
    struct wearer *wearers;
    struct hat *prev, *next;
};

/* NULL: there is none. */
struct hat *hat_find(const struct room *room, const char *uri);
struct wearer *hat_wearer(const struct hat *hat, const char *bare);
/* Each changes memory and database, and shows the presence of those whom it concerns. */
void hat_create(struct turn *turn, const char *uri, const char *title, const char *hue);
void hat_destroy(struct turn *turn, struct hat *hat);
void hat_assign(struct turn *turn, struct hat *hat, const struct jid *bare);
void hat_unassign(struct turn *turn, struct hat *hat, struct wearer *wearer);

/* hats_commands.c: XEP-0050 in rooms. */
void hats_command(struct turn *turn, struct stanza *request, struct element *payload);
