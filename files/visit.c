/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Requests and answers. Nothing of what is answered can become a script of this origin, and web
 * clients of any origin may use it (XEP-0363 §§8 and 9).
 */
#include "files/visit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"

#define METHODS "OPTIONS, HEAD, GET, PUT"

static const struct http_field every_answer[] = {
    {"Access-Control-Allow-Origin", "*"},
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"},
    {"Cross-Origin-Resource-Policy", "cross-origin"},
    {"Referrer-Policy", "no-referrer"},
};

void visit_answer_with(struct visit *visit, unsigned status, const struct http_field *fields,
                       int file, uint64_t offset, uint64_t length)
{
    struct http_field all[ARRAY_SIZE(every_answer) + VISIT_FIELDS + 1];
    size_t count = ARRAY_SIZE(every_answer);

    memcpy(all, every_answer, sizeof(every_answer));
    for (; fields && fields->name && count < ARRAY_SIZE(all) - 1; fields++)
        all[count++] = *fields;
    all[count] = (struct http_field){NULL, NULL};
    const struct http_answer answer = {
        .status = status, .fields = all, .file = file, .offset = offset, .length = length};
    http_answer(visit->exchange, &answer);
}

void visit_answer(struct visit *visit, unsigned status)
{
    visit_answer_with(visit, status, NULL, -1, 0, 0);
}

static bool is_id(const char *text)
{
    return strspn(text, "0123456789abcdef") == SLOT_ID_TEXT && text[SLOT_ID_TEXT] == '\0';
}

/* ".../ID/NAME": what is in front of it is for a proxy. */
static void read_target(struct visit *visit)
{
    char *target = arena_strdup(visit->arena, visit->exchange->target);
    char *name = strrchr(target, '/');

    if (name == NULL)
        return;
    *name++ = '\0';
    char *id = strrchr(target, '/');
    if (id && is_id(id + 1) && *name) {
        visit->id = id + 1;
        visit->name = name;
    }
}

/* Of web clients, which ask before they send (CORS). */
static void answer_options(struct visit *visit)
{
    static const struct http_field fields[] = {
        {"Allow", METHODS},
        {"Access-Control-Allow-Methods", METHODS},
        {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
        {"Access-Control-Max-Age", "86400"},
        {NULL, NULL},
    };

    visit_answer_with(visit, 204, fields, -1, 0, 0);
}

static bool is_put(const struct visit *visit)
{
    return strcmp(visit->exchange->method, "PUT") == 0;
}

static void on_request(void *user, struct http_exchange *exchange)
{
    static const struct http_field allow[] = {{"Allow", METHODS}, {NULL, NULL}};
    struct visit *visit = xcalloc(1, sizeof(*visit));

    *visit = (struct visit){.files = user,
                            .exchange = exchange,
                            .arena = arena_new(),
                            .begun_ms = clock_monotonic_ms()};
    exchange->user = visit;
    read_target(visit);
    if (is_put(visit))
        put_begin(visit);
    else if (strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0)
        get_answer(visit);
    else if (strcmp(exchange->method, "OPTIONS") == 0)
        answer_options(visit);
    else
        visit_answer_with(visit, 405, allow, -1, 0, 0);
}

static bool on_body(void *user UNUSED, struct http_exchange *exchange, const char *bytes,
                    size_t length)
{
    return put_body(exchange->user, bytes, length);
}

static void on_end(void *user UNUSED, struct http_exchange *exchange)
{
    put_end(exchange->user);
}

static void on_gone(void *user UNUSED, struct http_exchange *exchange)
{
    struct visit *visit = exchange->user;

    put_gone(visit);
    arena_free(visit->arena);
    free(visit);
}

const struct http_ops files_http_ops = {
    .request = on_request,
    .body = on_body,
    .end = on_end,
    .gone = on_gone,
};
