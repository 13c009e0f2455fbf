/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Taking a file: one PUT for each slot, exactly as long as was said (XEP-0363 §7), answered when it
 * is on the disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "files/media.h"
#include "files/visit.h"

/* --- may it? --- */

static bool has_target_of(const struct visit *visit, const struct slot *slot)
{
    struct buffer name = {0};

    media_name_encode(&name, slot->name);
    bool same = strcmp(visit->id, slot->id) == 0 && strcasecmp(visit->name, name.data) == 0;
    buffer_fini(&name);
    return same;
}

/* The status it is refused with; 0: it has a slot. */
static unsigned check_slot(struct visit *visit)
{
    const char *token = exchange_header(visit->exchange, "Authorization");

    if (visit->id == NULL)
        return 404;
    if (token == NULL)
        return 401;
    if (slot_read(visit->arena, token, store_key(visit->files->store), &visit->slot) != 0 ||
        !has_target_of(visit, &visit->slot) || visit->slot.until_us < clock_wall_us())
        return 403;
    return 0;
}

static unsigned check_length(const struct visit *visit)
{
    const char *text = exchange_header(visit->exchange, "Content-Length");
    bool is_coded = exchange_header(visit->exchange, "Transfer-Encoding") != NULL;
    char *end;

    /* Two readers could disagree about where such a body ends (RFC 9112 §6.3). */
    if (text && is_coded)
        return 400;
    if (text == NULL)
        return 411;
    errno = 0;
    uint64_t length = strtoull(text, &end, 10);
    if (errno || *end != '\0')
        return 400;
    if (length == visit->slot.size)
        return 0;
    return length > visit->slot.size ? 413 : 400;
}

static unsigned check_type(const struct visit *visit)
{
    const char *given = exchange_header(visit->exchange, "Content-Type");
    char type[MEDIA_TYPE_MAX + 1];

    if (visit->slot.type == NULL || given == NULL)
        return 0;
    return media_type_read(given, type) && strcasecmp(type, visit->slot.type) == 0 ? 0 : 415;
}

static bool is_used(const struct visit *visit)
{
    struct stored_file file;

    return index_find(store_index(visit->files->store), visit->id, visit->arena, &file) == 0;
}

static unsigned status_of(int error)
{
    switch (error) {
    case 0:
        return 201;
    case ERR_EXISTS:
        return 409;
    case ERR_LIMIT:
        return 507;
    default:
        return 500;
    }
}

static void tell_failure(const struct visit *visit, int error)
{
    if (error != 0 && error != ERR_EXISTS)
        log_error("files_not_stored", LOG_TEXT("jid", visit->slot.owner),
                  LOG_TEXT("id", visit->slot.id),
                  LOG_TEXT("reason", error == ERR_LIMIT ? "the disk is full" : "disk error"));
}

static void end_upload(struct visit *visit)
{
    if (visit->uploading)
        HASH_DEL(visit->files->uploading, visit);
    visit->uploading = false;
}

static void give_up(struct visit *visit, unsigned status)
{
    end_upload(visit);
    upload_abort(visit->upload);
    visit->upload = NULL;
    visit->failed = status;
}

/* Each upload has its whole size on the disk from the beginning: one slot is one file there,
 * however many begin to send it. The last one has it, as its client may have lost the connection
 * before. */
static unsigned take_over(const struct visit *visit)
{
    struct visit *other;

    HASH_FIND_STR(visit->files->uploading, visit->slot.id, other);
    if (other && other->committing)
        return 409;
    if (other)
        give_up(other, 409);
    return 0;
}

static unsigned open_upload(struct visit *visit)
{
    unsigned status = take_over(visit);
    int error = status ? 0 : upload_begin(visit->files->store, visit->slot.size, &visit->upload);

    tell_failure(visit, error);
    if (status || error)
        return status ? status : status_of(error);
    visit->uploading = true;
    HASH_ADD_KEYPTR(hh, visit->files->uploading, visit->slot.id, strlen(visit->slot.id), visit);
    return 0;
}

/* Who has a slot and is sending already sees an answer only behind what it sends: a connection that
 * is closed with bytes unread is reset, and the answer may be lost with it. */
static bool takes_refusal_later(const struct visit *visit)
{
    const char *length = exchange_header(visit->exchange, "Content-Length");

    return visit->slot.id && length && !exchange_header(visit->exchange, "Transfer-Encoding") &&
           !exchange_header(visit->exchange, "Expect") &&
           strtoull(length, NULL, 10) <= visit->files->limits.size_max;
}

void put_begin(struct visit *visit)
{
    unsigned status = check_slot(visit);

    if (!status)
        status = check_length(visit);
    if (!status)
        status = check_type(visit);
    if (!status && is_used(visit))
        status = 409;
    if (!status)
        status = open_upload(visit);
    if (status && takes_refusal_later(visit))
        visit->failed = status;
    else if (status)
        visit_answer(visit, status);
}

/* --- its content --- */

static bool is_too_slow(const struct visit *visit)
{
    uint64_t allowed_ms = visit->files->limits.grace_ms +
                          visit->slot.size * 1000 / visit->files->limits.bytes_per_second;

    if (clock_monotonic_ms() - visit->begun_ms <= allowed_ms)
        return false;
    limit_reached("slowest");
    return true;
}

bool put_body(struct visit *visit, const char *bytes, size_t length)
{
    if (is_too_slow(visit))
        return false;
    if (visit->upload == NULL)
        return true; /* it failed: the rest of it is not looked at */
    int error = upload_write(visit->upload, bytes, length);
    if (error) {
        tell_failure(visit, error);
        give_up(visit, status_of(error));
    }
    return true;
}

/* --- onto the disk --- */

static void commit(void *user)
{
    struct visit *visit = user;
    const struct slot *slot = &visit->slot;
    const struct stored_file file = {
        .id = slot->id,
        .name = slot->name,
        .type = slot->type,
        .owner = slot->owner,
        .created_us = visit->now_us,
        .expires_us = visit->expires_us,
    };

    visit->result = upload_commit(visit->upload, &file);
    visit->upload = NULL;
}

static void on_committed(void *user)
{
    struct visit *visit = user;
    struct files *files = visit->files;

    end_upload(visit);
    tell_failure(visit, visit->result);
    if (visit->result == 0) {
        files->uploads++;
        quota_used(files->quota, visit->slot.owner, visit->slot.id);
        log_info("files_stored", LOG_TEXT("jid", visit->slot.owner), LOG_TEXT("id", visit->slot.id),
                 LOG_INT("bytes", visit->slot.size));
    }
    visit_answer(visit, status_of(visit->result));
    files_release(files);
}

void put_end(struct visit *visit)
{
    if (visit->upload == NULL || !upload_is_whole(visit->upload)) {
        visit_answer(visit, visit->failed ? visit->failed : 400);
        return;
    }
    visit->now_us = clock_wall_us();
    visit->expires_us = visit->now_us + visit->files->limits.keep_us;
    if (visit->slot.expires_us)
        visit->expires_us = MIN(visit->slot.expires_us, visit->expires_us);
    visit->files->open++;
    visit->committing = true;
    loop_work(visit->files->loop, commit, on_committed, visit);
}

void put_gone(struct visit *visit)
{
    if (visit->upload)
        give_up(visit, 0);
}
