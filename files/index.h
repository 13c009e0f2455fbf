/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is known of each file, in an SQLite database beside the files. Reading never waits for
 * writing (write-ahead log): the loop reads, other threads write, one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"

/* A file that was uploaded. */
struct stored_file {
    const char *id;   /* of its slot; in its URL */
    const char *name; /* as its owner called it */
    const char *type; /* NULL: none was given */
    const char *owner;
    const char *hash; /* SHA-256 of its content in hexadecimal digits, which is where it is kept */
    uint64_t size;
    int64_t created_us, expires_us; /* wall time */
};

struct index;

/* Creates it if it is not there. *problem: what SQLite said, free() it. ERR_SYSTEM. */
MUST_CHECK int index_open(const char *path, struct index **index, char **problem);
void index_close(struct index *index);

/* On the loop. ERR_NOT_FOUND; ERR_SYSTEM. */
MUST_CHECK int index_find(struct index *index, const char *id, struct arena *arena,
                          struct stored_file *file);
/* What an owner has uploaded since then; *oldest_us is the first of these, 0: there is none. */
MUST_CHECK int index_usage(struct index *index, const char *owner, int64_t since_us,
                           uint64_t *bytes, int64_t *oldest_us);
/* All files, and what they would take if none were the same. */
MUST_CHECK int index_totals(struct index *index, uint64_t *files, uint64_t *bytes);

/* In the one thread that writes. ERR_EXISTS: there is that id; ERR_LIMIT: the disk is full. */
MUST_CHECK int index_add(struct index *index, const struct stored_file *file);
/* Deletes up to `limit` files that have expired, together, and then calls removed() with the hash
 * of each. *more: there may be others. */
MUST_CHECK int index_expire(struct index *index, int64_t now_us, size_t limit,
                            void (*removed)(void *user, const char *hash), void *user, bool *more);
/* How many files have this content; -1: it is not known. */
int64_t index_count(struct index *index, const char *hash);

/* For kontalkctl, while the other is in use: a copy of one moment, in a new file. *problem as
 * above. ERR_SYSTEM. */
MUST_CHECK int index_copy(const char *path, const char *copy, char **problem);
/* Whether such a file can be read, and how many files it knows. ERR_SYSTEM. */
MUST_CHECK int index_check(const char *path, uint64_t *files, char **problem);
