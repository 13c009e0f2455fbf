/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The link's names: asked for on every connection, and again where the router refused.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/component/link_internal.h"
#include "common/config/number.h"
#include "common/xmpp/namespaces.h"

/* The name may belong to a stream of ours that the router does not know to be dead yet. */
#define RETRY_BASE_MS 250
#define RETRY_CAP_MS  5000

static void append_attribute(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(out, " %s='", name);
    xml_escape(out, value);
    buffer_append_char(out, '\'');
}

static void ask(struct link *link, struct bound *bound, const char *what)
{
    const struct link_bind *bind = &bound->bind;
    struct buffer out = {0};
    buffer_printf(&out, "<%s xmlns='" NS_ROUTER "' id='%" PRIu64 "'", what, bound->id);
    append_attribute(&out, "name", bind->name);
    append_attribute(&out, "shared", bind->shared);
    append_attribute(&out, "default", bind->is_default ? "true" : NULL);
    append_attribute(&out, "private", bind->is_private ? "true" : NULL);
    append_attribute(&out, "log", bind->log ? "true" : NULL);
    buffer_append_text(&out, "/>");
    stream_send_bytes(link->stream, out.data, out.length);
    buffer_fini(&out);
}

/* On TCP the handshake itself binds the stream's name. */
static bool is_bound_by_handshake(const struct link *link, const struct bound *bound)
{
    return link->secret && bound->bind.name && !strcmp(bound->bind.name, link->name);
}

static void ask_bind(struct link *link, struct bound *bound)
{
    bound->id = ++link->next_id;
    if (is_bound_by_handshake(link, bound)) {
        bound->state = BIND_CONFIRMED;
        return;
    }
    bound->state = BIND_ASKED;
    ask(link, bound, "bind");
}

static void bound_free(struct link *link, struct bound *bound)
{
    DL_DELETE(link->binds, bound);
    free((char *)bound->bind.name);
    free((char *)bound->bind.shared);
    free(bound);
}

void binds_free(struct link *link)
{
    while (link->binds)
        bound_free(link, link->binds);
}

void binds_lost(struct link *link)
{
    struct bound *bound, *next;
    timer_stop(link->bind_timer);
    link->bind_attempt = 0;
    DL_FOREACH_SAFE (link->binds, bound, next) {
        if (bound->state == BIND_LEAVING)
            bound_free(link, bound);
        else
            bound->state = BIND_WANTED;
    }
}

static void check_up(struct link *link)
{
    struct bound *bound;
    if (link->state != LINK_BINDING)
        return;
    DL_FOREACH (link->binds, bound) {
        if (bound->state != BIND_CONFIRMED && bound->state != BIND_LEAVING)
            return;
    }
    link->attempt = 0;
    link_enter(link, LINK_UP);
    log_info("link_up", LOG_TEXT("name", link->name), LOG_TEXT("addr", link->address));
    queue_flush(link);
    link->ops->up(link->user);
}

void binds_begin(struct link *link)
{
    struct bound *bound;
    link_enter(link, LINK_BINDING);
    DL_FOREACH (link->binds, bound)
        ask_bind(link, bound);
    check_up(link);
}

void binds_retry(void *user)
{
    struct link *link = user;
    struct bound *bound;
    if (!link_is_open(link))
        return;
    DL_FOREACH (link->binds, bound) {
        if (bound->state == BIND_REFUSED)
            ask_bind(link, bound);
    }
}

void link_bind(struct link *link, const struct link_bind *bind)
{
    struct bound *bound = xcalloc(1, sizeof(*bound));
    bound->bind = *bind;
    bound->bind.name = xstrdup_or_null(bind->name);
    bound->bind.shared = xstrdup_or_null(bind->shared);
    DL_APPEND(link->binds, bound);
    if (link_is_open(link))
        ask_bind(link, bound);
}

static bool is_named(const struct bound *bound, const char *name)
{
    if (!name)
        return !bound->bind.name && bound->bind.is_default;
    return bound->bind.name && !strcmp(bound->bind.name, name);
}

static struct bound *find_by_name(const struct link *link, const char *name)
{
    for (struct bound *bound = link->binds; bound; bound = bound->next) {
        if (bound->state != BIND_LEAVING && is_named(bound, name))
            return bound;
    }
    return NULL;
}

void link_unbind(struct link *link, const char *name)
{
    struct bound *bound = find_by_name(link, name);
    if (!bound)
        return;
    if (link_is_open(link) && bound->state != BIND_REFUSED) {
        bound->state = BIND_LEAVING;
        ask(link, bound, "unbind");
        return;
    }
    bound_free(link, bound);
}

static struct bound *find_by_id(const struct link *link, const char *text)
{
    int64_t id;
    if (!text || config_number_parse(CONFIG_NUMBER, text, &id))
        return NULL;
    for (struct bound *bound = link->binds; bound; bound = bound->next) {
        if (bound->id == (uint64_t)id)
            return bound;
    }
    return NULL;
}

static const char *condition_of(const struct element *error)
{
    const struct element *condition = element_find(error, NS_STANZA_ERRORS, NULL);
    return condition ? condition->name : "undefined-condition";
}

static void refused(struct link *link, struct bound *bound, const char *condition)
{
    bound->state = BIND_REFUSED;
    log_warn("link_bind_refused", LOG_TEXT("name", link->name),
             LOG_TEXT("bind", bound->bind.name ? bound->bind.name : "(default)"),
             LOG_TEXT("error", condition));
    timer_start(link->bind_timer, backoff_ms(link->bind_attempt++, RETRY_BASE_MS, RETRY_CAP_MS), 0);
    if (link->ops->refused)
        link->ops->refused(link->user, &bound->bind, condition);
}

void binds_answered(struct link *link, const struct element *answer)
{
    struct bound *bound = find_by_id(link, element_get(answer, "id"));
    const struct element *error = element_find(answer, NULL, "error");
    bool is_unbind = !strcmp(answer->name, "unbind");
    if (!bound)
        return;
    if (is_unbind)
        bound_free(link, bound);
    else if (bound->state == BIND_ASKED && error)
        refused(link, bound, condition_of(error));
    else if (bound->state == BIND_ASKED)
        bound->state = BIND_CONFIRMED;
    check_up(link);
}
