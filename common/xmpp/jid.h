/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XMPP addresses (RFC 7622): local@domain/resource, prepared with nodeprep, IDNA2008 and
 * resourceprep, unassigned code points allowed (but in domains: nobody can register them); each
 * part 1 to 1023 bytes after preparation. A final dot of the domain is dropped (RFC 7622 §3.2).
 * ASCII takes a table; the libraries are asked only for the rest.
 *
 * A struct jid is a value whose strings belong to whoever provided the memory.
 */
#pragma once

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/macros.h"

struct jid {
    const char *local;    /* NULL: none */
    const char *domain;   /* never NULL in a valid jid; lower case, U-labels as A-labels are not
                             used on the wire: U-label form */
    const char *resource; /* NULL: none */
    const char *bare;     /* "local@domain" or "domain" */
    const char *full;     /* with "/resource"; the same string as bare if there is none */
};

#define JID_PART_MAX 1023
#define JID_MAX      3071

/* Strings in `arena`. ERR_MALFORMED if it is not an address. */
MUST_CHECK int jid_parse(struct arena *arena, const char *text, struct jid *jid);
/* From parts, which are prepared too; local and resource may be NULL. */
MUST_CHECK int jid_make(struct arena *arena, const char *local, const char *domain,
                        const char *resource, struct jid *jid);
/* Strings in `arena`. */
struct jid jid_copy(struct arena *arena, const struct jid *jid);
/* One block, release with free(). */
struct jid *jid_dup(const struct jid *jid);
/* The same with another resource (prepared already) or none (NULL), as one block. */
struct jid *jid_dup_with_resource(const struct jid *jid, const char *resource);

bool jid_equal(const struct jid *a, const struct jid *b);
bool jid_bare_equal(const struct jid *a, const struct jid *b);
/* Whether a domain ends with a dot and the other one; both are prepared. */
bool jid_domain_is_below(const char *domain, const char *parent);

/* The parts alone; the result is in `arena`. ERR_MALFORMED. */
MUST_CHECK int jid_prepare_local(struct arena *arena, const char *text, const char **prepared);
MUST_CHECK int jid_prepare_domain(struct arena *arena, const char *text, const char **prepared);
MUST_CHECK int jid_prepare_resource(struct arena *arena, const char *text, const char **prepared);
/* Whether an account may be created with this local part: nodeprep and PRECIS UsernameCaseMapped
 * (RFC 8265 §3.3) both leave it unchanged. */
bool jid_local_registrable(const char *local);
