/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the component answers over XMPP: who it is (XEP-0030), that it is there (XEP-0199), and
 * slots (XEP-0363 §§4 and 5).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"
#include "files/files.h"
#include "files/media.h"

#define NS_UPLOAD      "urn:xmpp:http:upload:0"
#define NS_PURPOSE     "urn:xmpp:http:upload:purpose:0"
#define NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_PING        "urn:xmpp:ping"

#define DAY_US    INT64_C(86400000000)
#define MINUTE_US INT64_C(60000000)
/* "slot NAME" is for so many bytes. */
#define CONTROL_SLOT_SIZE 16

static void reply(struct files *files, struct stanza *stanza)
{
    if (stanza)
        FOLLOW(stanza->root, "to the router");
    if (stanza && link_send(files->link, stanza) != 0)
        log_warn("files_not_answered", LOG_TEXT("to", stanza->to.full));
    stanza_unref(stanza);
}

static void refuse(struct files *files, const struct stanza *request,
                   enum stanza_condition condition, const char *text)
{
    FOLLOW(request->root, "refused: %s%s%s", stanza_condition_name(condition), text ? ", " : "",
           text ? text : "");
    reply(files, stanza_error(request, condition, text));
}

/* --- who it is --- */

static void add_form(const struct files *files, struct element *query)
{
    char size[24];

    snprintf(size, sizeof(size), "%" PRIu64, files->limits.size_max);
    form_add_field(form_add(query, "result", NS_UPLOAD), "max-file-size", NULL, size);
}

static void info(struct files *files, struct stanza *request, const struct element *payload)
{
    static const char *const features[] = {
        NS_DISCO_INFO, NS_DISCO_ITEMS,        NS_PING,
        NS_UPLOAD,     NS_PURPOSE "#message", NS_PURPOSE "#ephemeral"};

    if (element_get(payload, "node")) {
        refuse(files, request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    struct stanza *result = stanza_result(request);
    struct element *query = element_add(result->root, NS_DISCO_INFO, "query");
    struct element *identity = element_add(query, NS_DISCO_INFO, "identity");
    element_set(identity, "category", "store");
    element_set(identity, "type", "file");
    element_set(identity, "name", "HTTP File Upload");
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", features[i]);
    add_form(files, query);
    reply(files, result);
}

static void items(struct files *files, struct stanza *request, const struct element *payload)
{
    struct stanza *result = stanza_result(request);

    element_set(element_add(result->root, NS_DISCO_ITEMS, "query"), "node",
                element_get(payload, "node"));
    reply(files, result);
}

static void ping(struct files *files, struct stanza *request, const struct element *payload UNUSED)
{
    reply(files, stanza_result(request));
}

/* --- slots --- */

static bool may_upload(const struct files *files, const struct jid *jid)
{
    size_t count = config_list_size(files->config, "files", NULL, "allow");

    if (jid->local == NULL)
        return false;
    if (count == 0)
        return strcmp(jid->domain, config_text(files->config, "node", NULL, "network")) == 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(jid->domain, config_list_item(files->config, "files", NULL, "allow", i)) == 0)
            return true;
    return false;
}

/* XEP-0363 §4: positive. */
static bool read_size(const char *text, uint64_t *size)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    errno = 0;
    *size = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *size > 0;
}

static void refuse_size(struct files *files, const struct stanza *request)
{
    struct stanza *error =
        stanza_error(request, STANZA_NOT_ACCEPTABLE, "The file is larger than is allowed");
    char size[24];

    limit_reached("size");
    FOLLOW(request->root, "refused: the file is larger than %" PRIu64 " bytes",
           files->limits.size_max);
    snprintf(size, sizeof(size), "%" PRIu64, files->limits.size_max);
    element_add_with_text(element_add(stanza_error_element(error), NS_UPLOAD, "file-too-large"),
                          NS_UPLOAD, "max-file-size", size);
    reply(files, error);
}

static void refuse_for_now(struct files *files, const struct stanza *request, const char *limit,
                           int64_t again_us)
{
    bool many = strcmp(limit, "slots-per-hour") == 0;
    struct stanza *error = stanza_error(request, STANZA_RESOURCE_CONSTRAINT,
                                        many ? "You have uploaded too many files in an hour"
                                             : "You have uploaded too much in a day");
    char stamp[DATETIME_SIZE];

    datetime_format(again_us, stamp);
    FOLLOW(request->root, "refused: %s is used up until %s", limit, stamp);
    element_set(element_add(stanza_error_element(error), NS_UPLOAD, "retry"), "stamp", stamp);
    reply(files, error);
}

/* XEP-0363 §6.3; *expires_us stays 0 without one. */
static bool read_purpose(const struct element *payload, int64_t now_us, int64_t *expires_us)
{
    const struct element *ephemeral = element_find(payload, NS_PURPOSE, "ephemeral");
    const char *text = ephemeral ? element_get(ephemeral, "expire-before") : NULL;

    *expires_us = 0;
    return ephemeral == NULL ||
           (text && datetime_parse(text, expires_us) == 0 && *expires_us > now_us);
}

static void slot_texts(const struct files *files, const struct slot *slot, struct buffer *url,
                       struct buffer *token)
{
    buffer_printf(url, "%s/%s/", config_text(files->config, "files", NULL, "public-url"), slot->id);
    media_name_encode(url, slot->name);
    slot_write(token, slot, store_key(files->store));
}

static void grant(struct files *files, const struct stanza *request, const struct slot *slot)
{
    struct stanza *result = stanza_result(request);
    struct element *answer = element_add(result->root, NS_UPLOAD, "slot");
    struct element *put = element_add(answer, NS_UPLOAD, "put");
    struct buffer url = {0}, token = {0};

    FOLLOW(request->root, "a slot for %" PRIu64 " bytes", slot->size);
    slot_texts(files, slot, &url, &token);
    element_set(put, "url", url.data);
    element_set(element_add_with_text(put, NS_UPLOAD, "header", token.data), "name",
                "Authorization");
    element_set(element_add(answer, NS_UPLOAD, "get"), "url", url.data);
    reply(files, result);
    buffer_fini(&url);
    buffer_wipe(&token);
}

/* Nobody can say when there will be more. */
static void refuse_for_the_disk(struct files *files, const struct stanza *request)
{
    limit_reached("keep-free");
    log_warn("files_disk_full", LOG_TEXT("jid", request->from.bare),
             LOG_INT("free", store_free_bytes(files->store)));
    refuse(files, request, STANZA_RESOURCE_CONSTRAINT, "There is no room for it now");
}

/* Whether the quota allows it; if not it has been refused. */
static bool count(struct files *files, const struct stanza *request, const struct slot *slot,
                  int64_t now_us)
{
    struct quota_request wish = {
        .owner = slot->owner, .id = slot->id, .size = slot->size, .now_us = now_us};
    const char *limit;
    int64_t again_us;

    if (index_usage(store_index(files->store), slot->owner, now_us - DAY_US, &wish.stored,
                    &wish.oldest_us) != 0) {
        refuse(files, request, STANZA_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    limit = quota_take(files->quota, &files->limits.quota, &wish, &again_us);
    if (!limit)
        return true;
    limit_reached(limit);
    log_info("files_quota_reached", LOG_TEXT("jid", slot->owner), LOG_TEXT("reason", limit));
    refuse_for_now(files, request, limit, again_us);
    return false;
}

static void request_slot(struct files *files, struct stanza *request, const struct element *payload)
{
    const char *name = element_get(payload, "filename"),
               *given = element_get(payload, "content-type");
    char id[SLOT_ID_TEXT + 1], type[MEDIA_TYPE_MAX + 1];
    int64_t now_us = clock_wall_us();
    struct slot slot = {.id = id, .name = name, .type = given ? type : NULL};

    if (!may_upload(files, &request->from)) {
        refuse(files, request, STANZA_FORBIDDEN, NULL);
        return;
    }
    if (name == NULL || !media_name_is_valid(name) ||
        !read_size(element_get(payload, "size"), &slot.size) ||
        (given && !media_type_read(given, type)) ||
        !read_purpose(payload, now_us, &slot.expires_us)) {
        refuse(files, request, STANZA_BAD_REQUEST, NULL);
        return;
    }
    if (slot.size > files->limits.size_max) {
        refuse_size(files, request);
        return;
    }
    if (!store_has_room(files->store, slot.size)) {
        refuse_for_the_disk(files, request);
        return;
    }
    crypto_random_hex(id, SLOT_ID_SIZE);
    slot.owner = request->from.bare;
    slot.until_us = now_us + files->limits.quota.slot_us;
    if (count(files, request, &slot, now_us))
        grant(files, request, &slot);
}

/* For `kontalkctl check`: nobody's, hence without a quota, and soon gone. Two lines: the URL and
 * what the header Authorization has to be. */
void request_control_slot(void *state, struct control_request *request, size_t argc UNUSED,
                          const char *const *argv)
{
    struct files *files = state;
    char id[SLOT_ID_TEXT + 1];
    const int64_t now_us = clock_wall_us();
    struct slot slot = {.id = id,
                        .name = argv[0],
                        .type = "text/plain",
                        .owner = config_text(files->config, "files", NULL, "domain"),
                        .size = CONTROL_SLOT_SIZE,
                        .until_us = now_us + MINUTE_US,
                        .expires_us = now_us + MINUTE_US};
    struct buffer url = {0}, token = {0};

    if (!media_name_is_valid(argv[0])) {
        control_end(request, "no file can have this name");
        return;
    }
    crypto_random_hex(id, SLOT_ID_SIZE);
    slot_texts(files, &slot, &url, &token);
    control_print(request, "%s", url.data);
    control_print(request, "%s", token.data);
    control_end(request, NULL);
    buffer_fini(&url);
    buffer_wipe(&token);
}

/* --- the table --- */

static const struct row {
    const char *ns, *name;
    void (*handle)(struct files *files, struct stanza *request, const struct element *payload);
} rows[] = {
    {NS_DISCO_INFO, "query", info},
    {NS_DISCO_ITEMS, "query", items},
    {NS_PING, "ping", ping},
    {NS_UPLOAD, "request", request_slot},
};

static const struct row *row_of(const struct stanza *stanza, const struct element *payload)
{
    for (size_t i = 0; stanza->type == IQ_GET && payload && i < ARRAY_SIZE(rows); i++)
        if (element_is(payload, rows[i].ns, rows[i].name))
            return &rows[i];
    return NULL;
}

void request_take(struct files *files, struct stanza *stanza)
{
    const struct element *payload = stanza_payload(stanza);

    /* It has no users, and nobody can have its presence. */
    if (stanza->kind != STANZA_PRESENCE && !stanza_is_reply(stanza)) {
        const struct row *row =
            stanza->kind == STANZA_IQ && stanza->to.local == NULL ? row_of(stanza, payload) : NULL;
        FOLLOW(stanza->root, "arrived");
        if (row)
            row->handle(files, stanza, payload);
        else
            refuse(files, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
    }
    stanza_unref(stanza);
}
