/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a query to an archive asks for (XEP-0313 §4.1, XEP-0059), and the answers to it. The same
 * for the archive of an account and that of a room. Messages have numbers that rise; what others
 * see are ids, which the owner of the archive makes of them.
 */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"

#define NS_MAM "urn:xmpp:mam:2"

#define ARCHIVE_PAGE_MAX 100

/* What one query asks for. */
struct archive_query {
    const char *id; /* `queryid`, or NULL */
    bool flipped;   /* newest first on the wire */
    bool backward;  /* the page that ends at `below`, or at the end */
    size_t max;     /* 0: only how many there are */
    bool has_with;
    struct jid with;
    bool has_start, has_end;
    int64_t start_us, end_us;
    int64_t above, below; /* exclusive */
    bool has_ids;
    struct buffer ids;   /* only these, "1,2,3" */
    struct buffer known; /* all that were named; they have to be there */
};

/* How ids are read: 0 and the number, or an error if it can be none of this archive's. */
struct archive_ids {
    int (*decode)(void *user, const char *text, int64_t *seq);
    void *user;
};

/* Reads the <query/>; strings live as long as it, `with` as long as the arena. -1, or the condition
 * of the error. Release with archive_query_fini() in both cases. */
int archive_query_read(struct arena *arena, const struct element *payload,
                       const struct archive_ids *ids, struct archive_query *query);
void archive_query_fini(struct archive_query *query);
/* The form with all fields (§4.1.5). */
void archive_query_add_form(struct element *parent);

/* Where in a page on the wire the row `i` of `count` goes, which were read in the direction of
 * paging. */
size_t archive_query_place(const struct archive_query *query, size_t i, size_t count);
/* The <result/> of one message in `parent`, forwarded with when it came. Returns the copy of the
 * message, which may be changed. */
struct element *archive_add_result(struct element *parent, const struct archive_query *query,
                                   const char *id, const struct element *message, int64_t time_us);
/* <fin/>: the ids of the oldest and the newest message of the page, NULL if it is empty; count: -1
 * if it is not known. */
void archive_add_fin(struct element *parent, bool complete, const char *oldest, const char *newest,
                     int64_t count);
/* One end of <metadata/> (§5): `name` is start or end. */
void archive_add_end(struct element *metadata, const char *name, const char *id, int64_t time_us);
