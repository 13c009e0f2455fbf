/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The registrar: the only one who gives names away. A claim is a permanent row in the database of
 * the registrar home, the same for the same home however often it asks; a name whose account was
 * deleted stays reserved. What it gives is signed, so that every node can check it by itself.
 */
#pragma once

#include "c2s/directory/core.h"

enum naming { NAMING_GRANTED, NAMING_TAKEN, NAMING_RESERVED };

struct named {
    enum naming naming;
    struct grant grant; /* NAMING_GRANTED */
};

/* status: 0, or ERR_UNAVAILABLE: nothing is certain, ask again; ERR_DENIED: the home may not, now.
 * named: one for each name, in their order, valid during the call. */
typedef void registrar_named(void *user, int status, const struct named *named, size_t count);
struct names {
    bool release; /* the accounts are deleted; else: are to be created, or exist */
    const char *const *jids;
    size_t count;
    bool lost; /* to be created: also rooms of homes that are not in the document any more */
};

struct registrar *registrar_new(struct directory *directory);
void registrar_free(struct registrar *registrar);
/* Whether this home has taken over all that earlier registrars have given. */
void registrar_open(struct registrar *registrar, bool open);
bool registrar_is_open(const struct registrar *registrar);

/* Who asks: it has shown that it serves the home in this epoch. */
struct namer {
    const char *home;
    int64_t epoch;
};
/* `done` is called later, exactly once. Nothing is given if meanwhile the home has another epoch in
 * the document, or ours another one in its data: it may have been taken over. */
void registrar_name(struct directory *directory, const struct namer *namer,
                    const struct names *names, registrar_named *done, void *user);
/* What an earlier registrar, or this one before its data was restored, has given. */
void registrar_add_claim(struct db_unit *unit, const struct grant *grant);
/* Who has this name? grant NULL: nobody ever had. status: ERR_UNAVAILABLE. NULL, and no call: the
 * registrar is not open. */
typedef void registrar_found(void *user, int status, const struct grant *grant);
struct registrar_reading *registrar_read(struct directory *directory, const char *bare,
                                         registrar_found *done, void *user);
/* NULL is allowed. */
void registrar_read_cancel(struct registrar_reading *reading);
