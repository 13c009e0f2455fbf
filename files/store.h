/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Files on disk, each content once, and what is known of them (index.h). Below its directory:
 *     index.sqlite      what is known of each file
 *     key               under which slots are written
 *     content/ab/ab01…  by SHA-256
 * A file that is being uploaded has no name (O_TMPFILE): nothing is left of one that was not
 * finished, however this ends. What stands under `content` is whole and on the disk.
 */
#pragma once

#include <stdbool.h>

#include "files/index.h"
#include "files/slot.h"

struct store;
struct upload;

/* *problem: free() it. ERR_SYSTEM. */
MUST_CHECK int store_open(const char *directory, struct store **store, char **problem);
void store_close(struct store *store);
const uint8_t *store_key(const struct store *store);
/* So many bytes of the disk are left free from now on. */
void store_keep_free(struct store *store, uint64_t bytes);
/* Whether `size` bytes more leave them. */
bool store_has_room(const struct store *store, uint64_t size);
/* What the disk has free; 0 if it does not say. */
uint64_t store_free_bytes(const struct store *store);
/* What is known of files: reading only. */
struct index *store_index(struct store *store);
/* A descriptor of its content; -1: it is gone (errno). */
int store_read(const struct store *store, const struct stored_file *file);

/* Room for `size` bytes. ERR_LIMIT: there is none; ERR_SYSTEM (errno). */
MUST_CHECK int upload_begin(struct store *store, uint64_t size, struct upload **upload);
/* ERR_TOO_BIG: more than the size; ERR_LIMIT; ERR_SYSTEM. */
MUST_CHECK int upload_write(struct upload *upload, const void *bytes, size_t length);
bool upload_is_whole(const struct upload *upload);
/* Nothing of it stays. */
void upload_abort(struct upload *upload);

/* The rest waits for the disk, so it is for other threads than the loop's; any may call it. */

/* It is on the disk and known, under everything of `file` but hash and size. The upload is freed.
 * ERR_EXISTS: there is that id; ERR_LIMIT; ERR_SYSTEM. */
MUST_CHECK int upload_commit(struct upload *upload, const struct stored_file *file);
/* Removes some of what has expired. *more: it has to be called again, and uploads have their turn
 * in between. */
MUST_CHECK int store_expire(struct store *store, int64_t now_us, bool *more);
/* Removes content that nobody knows: this ended between the disk and the index. */
void store_tidy(struct store *store);
