/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who deals with a stanza: tables of modules (modules.c), each in a file with its feature.
 */
#pragma once

#include "muc/turn.h"

enum place { PLACE_SERVICE = 1, PLACE_ROOM = 2 };

/* An iq request. */
struct iq_row {
    const char *ns, *name;
    enum stanza_type type; /* IQ_GET or IQ_SET */
    int places;
    bool needs_room; /* that exists: else item-not-found */
    /* Says the answer, or refuses. In a room turn->room is there. */
    void (*handle)(struct turn *turn, struct stanza *request, struct element *payload);
};

/* All members may be NULL. */
struct muc_module {
    const char *name;
    const struct iq_row *rows;           /* ends with ns NULL */
    const char *const *service_features; /* disco#info; end with NULL */
    const char *const *room_features;    /* of rooms that exist */
    /* Adds to the form muc#roominfo of a room (§6.4), or to its disco#info. */
    void (*describe)(const struct room *room, struct element *query, struct element *form);
    /* A message to the room itself, from a session of it (NULL: from nobody in it). True: it was
     * dealt with. */
    bool (*message)(struct turn *turn, struct session *session, struct stanza *stanza);
    /* The presence of an occupant on its way to others, as they will get it. */
    void (*decorate)(const struct room *room, const struct occupant *occupant,
                     struct stanza *stanza);
    /* What a room has of this in the database: read when it is loaded ($1: its local part), freed
     * when it leaves the memory, erased with it ($1: its number; ends with name NULL). */
    const struct db_statement *load;
    void (*loaded)(struct room *room, const struct db_result *result);
    void (*forget)(struct room *room);
    const struct db_statement *erase;
    const struct spec *specs; /* ends with name NULL */
};

extern const struct muc_module *const muc_modules[]; /* ends with NULL */
#define MUC_MODULES(module)                                                                        \
    for (const struct muc_module *const *at_ = muc_modules, *module; (module = *at_); at_++)

/* Whatever comes from the router; consumed. */
void dispatch_take(struct muc *muc, struct stanza *stanza, int problem);
/* The room is ready. */
void dispatch_room(struct room *room, struct stanza *stanza);
