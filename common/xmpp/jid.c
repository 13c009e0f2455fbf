/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XMPP addresses: taking apart and putting together. The parts are prepared in jid_prepare.c.
 */
#include "common/xmpp/jid.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/jid_prepare.h"

/* A length of 0 stands for a part that is absent. */
struct parts {
    struct jid_part local;
    struct jid_part domain;
    struct jid_part resource;
};

static void parts_fini(struct parts *parts)
{
    jid_part_fini(&parts->local);
    jid_part_fini(&parts->domain);
    jid_part_fini(&parts->resource);
}

static size_t bare_length(const struct parts *parts)
{
    return parts->domain.length + (parts->local.length > 0 ? parts->local.length + 1 : 0);
}

static size_t full_length(const struct parts *parts)
{
    return bare_length(parts) + (parts->resource.length > 0 ? parts->resource.length + 1 : 0);
}

/* Bytes for all strings of the address: "local\0", "local@domain\0", "local@domain/resource\0".
 * Domain and resource are the ends of the last two. */
static size_t strings_size(const struct parts *parts)
{
    size_t size = bare_length(parts) + 1;

    if (parts->local.length > 0)
        size += parts->local.length + 1;
    if (parts->resource.length > 0)
        size += full_length(parts) + 1;
    return size;
}

static void lay_out_full(const struct parts *parts, char *at, struct jid *jid)
{
    size_t length = bare_length(parts);

    jid->full = at;
    memcpy(at, jid->bare, length);
    at += length;
    *at++ = '/';
    jid->resource = at;
    *jid_part_copy(&parts->resource, at) = '\0';
}

static void lay_out(const struct parts *parts, char *at, struct jid *jid)
{
    *jid = (struct jid){0};
    if (parts->local.length > 0) {
        jid->local = at;
        at = jid_part_copy(&parts->local, at);
        *at++ = '\0';
    }
    jid->bare = at;
    if (parts->local.length > 0) {
        at = jid_part_copy(&parts->local, at);
        *at++ = '@';
    }
    jid->domain = at;
    at = jid_part_copy(&parts->domain, at);
    *at++ = '\0';
    jid->full = jid->bare;
    if (parts->resource.length > 0)
        lay_out_full(parts, at, jid);
}

/* A part given as text, or none (NULL). */
struct span {
    const char *text;
    size_t length;
};

static struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static int prepare(struct parts *parts, struct span local, struct span domain, struct span resource)
{
    *parts = (struct parts){0};
    if (local.text && jid_part_local(&parts->local, local.text, local.length) < 0)
        return ERR_MALFORMED;
    if (jid_part_domain(&parts->domain, domain.text, domain.length) < 0)
        return ERR_MALFORMED;
    if (resource.text && jid_part_resource(&parts->resource, resource.text, resource.length) < 0)
        return ERR_MALFORMED;
    return 0;
}

static int make(struct arena *arena, struct span local, struct span domain, struct span resource,
                struct jid *jid)
{
    struct parts parts;
    int error = prepare(&parts, local, domain, resource);

    if (error == 0)
        lay_out(&parts, arena_alloc(arena, strings_size(&parts)), jid);
    parts_fini(&parts);
    return error;
}

/* RFC 7622 §3.1: the resource begins behind the first "/"; of what is before it the local part
 * ends at the first "@". */
int jid_parse(struct arena *arena, const char *text, struct jid *jid)
{
    struct span local = {0};
    struct span domain = {text, strcspn(text, "/")};
    struct span resource = {0};
    const char *at = memchr(text, '@', domain.length);

    if (text[domain.length] == '/')
        resource = span_of(text + domain.length + 1);
    if (at) {
        local = (struct span){text, (size_t)(at - text)};
        domain = (struct span){at + 1, domain.length - local.length - 1};
    }
    return make(arena, local, domain, resource, jid);
}

int jid_make(struct arena *arena, const char *local, const char *domain, const char *resource,
             struct jid *jid)
{
    if (!domain)
        return ERR_MALFORMED;
    return make(arena, span_of(local), span_of(domain), span_of(resource), jid);
}

static struct jid_part part_of(const char *text)
{
    return (struct jid_part){.text = text, .length = text ? strlen(text) : 0};
}

static struct parts parts_of(const struct jid *jid, const char *resource)
{
    return (struct parts){part_of(jid->local), part_of(jid->domain), part_of(resource)};
}

struct jid jid_copy(struct arena *arena, const struct jid *jid)
{
    struct parts parts = parts_of(jid, jid->resource);
    struct jid copy;

    lay_out(&parts, arena_alloc(arena, strings_size(&parts)), &copy);
    return copy;
}

struct jid *jid_dup_with_resource(const struct jid *jid, const char *resource)
{
    struct parts parts = parts_of(jid, resource);
    struct jid *copy = xmalloc(sizeof(*copy) + strings_size(&parts));

    lay_out(&parts, (char *)(copy + 1), copy);
    return copy;
}

struct jid *jid_dup(const struct jid *jid)
{
    return jid_dup_with_resource(jid, jid->resource);
}

bool jid_equal(const struct jid *a, const struct jid *b)
{
    return strcmp(a->full, b->full) == 0;
}

bool jid_bare_equal(const struct jid *a, const struct jid *b)
{
    return strcmp(a->bare, b->bare) == 0;
}

bool jid_domain_is_below(const char *domain, const char *parent)
{
    size_t length = strlen(domain), below = strlen(parent);

    return length > below + 1 && domain[length - below - 1] == '.' &&
           strcmp(domain + length - below, parent) == 0;
}

static int prepare_alone(struct arena *arena, const char *text, const char **prepared,
                         int (*prepare_part)(struct jid_part *, const char *, size_t))
{
    struct jid_part part;
    char *copy;

    if (prepare_part(&part, text, strlen(text)) < 0)
        return ERR_MALFORMED;
    copy = arena_alloc(arena, part.length + 1);
    *jid_part_copy(&part, copy) = '\0';
    *prepared = copy;
    jid_part_fini(&part);
    return 0;
}

int jid_prepare_local(struct arena *arena, const char *text, const char **prepared)
{
    return prepare_alone(arena, text, prepared, jid_part_local);
}

int jid_prepare_domain(struct arena *arena, const char *text, const char **prepared)
{
    return prepare_alone(arena, text, prepared, jid_part_domain);
}

int jid_prepare_resource(struct arena *arena, const char *text, const char **prepared)
{
    return prepare_alone(arena, text, prepared, jid_part_resource);
}
