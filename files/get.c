/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Giving a file. What is under a URL never changes, so it may be kept for ever by whoever got it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "files/media.h"
#include "files/range.h"
#include "files/visit.h"

#define TYPE_UNKNOWN "application/octet-stream" /* XEP-0363 §7 */

static bool find(struct visit *visit, struct stored_file *file)
{
    struct buffer name = {0};

    if (visit->id == NULL ||
        index_find(store_index(visit->files->store), visit->id, visit->arena, file) != 0 ||
        file->expires_us <= clock_wall_us())
        return false;
    media_name_encode(&name, file->name);
    bool same = strcasecmp(visit->name, name.data) == 0;
    buffer_fini(&name);
    return same;
}

/* Among several, or weak, or any (RFC 9110 §13.1.2). */
static bool has_it(const struct visit *visit, const char *tag)
{
    const char *known = exchange_header(visit->exchange, "If-None-Match");

    return known && (strcmp(known, "*") == 0 || strstr(known, tag));
}

static struct range wanted(const struct visit *visit, const struct stored_file *file,
                           const char *tag)
{
    const char *text = exchange_header(visit->exchange, "Range");
    const char *condition = exchange_header(visit->exchange, "If-Range");

    if (strcmp(visit->exchange->method, "GET") != 0 || (condition && strcmp(condition, tag) != 0))
        text = NULL;
    return range_read(text, file->size);
}

static const char *disposition(struct visit *visit, const struct stored_file *file)
{
    struct buffer name = {0};
    const char *how = file->type && media_type_is_shown(file->type) ? "inline" : "attachment";

    media_name_encode(&name, file->name);
    const char *text = arena_printf(visit->arena, "%s; filename*=UTF-8''%s", how, name.data);
    buffer_fini(&name);
    return text;
}

static void give(struct visit *visit, const struct stored_file *file, const char *tag,
                 const struct range *range, int fd)
{
    const struct http_field fields[] = {
        {"Content-Type", file->type ? file->type : TYPE_UNKNOWN},
        {"Content-Disposition", disposition(visit, file)},
        {"Cache-Control", "public, max-age=31536000, immutable"},
        {"Accept-Ranges", "bytes"},
        {"ETag", tag},
        {range->kind == RANGE_PART ? "Content-Range" : NULL,
         arena_printf(visit->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->offset,
                      range->offset + range->length - 1, file->size)},
        {NULL, NULL},
    };

    visit->files->downloads++;
    visit_answer_with(visit, range->kind == RANGE_PART ? 206 : 200, fields, fd, range->offset,
                      range->length);
}

static void refuse_range(struct visit *visit, const struct stored_file *file)
{
    const struct http_field fields[] = {
        {"Content-Range", arena_printf(visit->arena, "bytes */%" PRIu64, file->size)},
        {NULL, NULL},
    };

    visit_answer_with(visit, 416, fields, -1, 0, 0);
}

void get_answer(struct visit *visit)
{
    struct stored_file file;

    if (!find(visit, &file)) {
        visit_answer(visit, 404);
        return;
    }
    const char *tag = arena_printf(visit->arena, "\"%s\"", file.hash);
    const struct range range = wanted(visit, &file, tag);
    if (has_it(visit, tag)) {
        const struct http_field fields[] = {{"ETag", tag}, {NULL, NULL}};
        visit_answer_with(visit, 304, fields, -1, 0, 0);
    } else if (range.kind == RANGE_OUTSIDE) {
        refuse_range(visit, &file);
    } else {
        int fd = store_read(visit->files->store, &file);
        if (fd >= 0) {
            give(visit, &file, tag, &range, fd);
        } else {
            log_error("files_content_missing", LOG_TEXT("id", file.id));
            visit_answer(visit, 404);
        }
    }
}
