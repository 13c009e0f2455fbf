/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One HTTP request: visit.c takes it apart and answers it, put.c takes a file, get.c gives one.
 */
#pragma once

#include "common/base/table.h"
#include "files/files.h"

/* The header of an answer has at most so many fields of a kind of its own. */
#define VISIT_FIELDS 12

struct visit {
    UT_hash_handle hh; /* files->uploading, by slot.id */
    struct files *files;
    struct http_exchange *exchange;
    struct arena *arena;
    const char *id, *name; /* of the target; the name is still encoded; NULL: it is no file's */
    struct slot slot;      /* of a PUT */
    struct upload *upload; /* of a PUT, until it is committed */
    bool uploading, committing;
    uint64_t begun_ms;
    unsigned failed; /* the status of a PUT that went wrong while its body came; 0: it did not */
    int64_t now_us, expires_us; /* of a file that is committed */
    int result;                 /* of that */
};

void visit_answer(struct visit *visit, unsigned status);
/* `fields`: further ones; ends with a NULL. file -1: no content. */
void visit_answer_with(struct visit *visit, unsigned status, const struct http_field *fields,
                       int file, uint64_t offset, uint64_t length);

void put_begin(struct visit *visit);
bool put_body(struct visit *visit, const char *bytes, size_t length);
void put_end(struct visit *visit);
/* The client went away, or it is over. */
void put_gone(struct visit *visit);

/* GET and HEAD. */
void get_answer(struct visit *visit);
