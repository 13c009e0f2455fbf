/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the link says and hears: header and handshake (XEP-0114), protocols, and what
 * urn:kontalk:router:1 adds to stanzas.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/component/link_internal.h"
#include "common/component/slots.h"
#include "common/config/number.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"

#define OPENING_MS 10000
#define SHA1_SIZE  20
/* Beyond anything the router can be configured to forward: an error in here would cost the link. */
static const struct parser_limits LIMITS = {
    .header_bytes = 10240,
    .element_bytes = (size_t)64 * 1024 * 1024,
    .depth = 1024,
    .elements = 65536,
    .attributes = 256,
    .namespaces = 256,
};

/* --- handshake --- */

static void on_write(void *user, const char *bytes, size_t length)
{
    struct link *link = user;
    conn_write(link->conn, bytes, length);
}

static void write_proof(struct link *link, struct buffer *out)
{
    struct buffer message = {0};
    uint8_t digest[SHA1_SIZE];
    buffer_append_text(&message, stream_id(link->stream));
    buffer_append_text(&message, link->secret);
    crypto_digest(CRYPTO_SHA1, message.data, message.length, digest);
    hex_encode(out, digest, sizeof(digest));
    buffer_wipe(&message);
}

static int on_header(void *user, const struct stream_header *header)
{
    struct link *link = user;
    struct buffer out = {0};
    if (!header->id)
        return STREAM_BAD_FORMAT;
    buffer_append_text(&out, "<handshake>");
    if (link->secret)
        write_proof(link, &out);
    buffer_append_text(&out, "</handshake>");
    stream_send_bytes(link->stream, out.data, out.length);
    buffer_wipe(&out);
    return -1;
}

static void send_protocols(struct link *link)
{
    struct buffer out = {0};
    buffer_printf(&out, "<protocols xmlns='" NS_ROUTER "'><protocol name='router' version='%d'/>",
                  LINK_VERSION);
    if (link->durable)
        buffer_printf(&out,
                      "<protocol name='durable' version='%d'/>"
                      "<protocol name='batch' version='%d'/>",
                      DURABLE_VERSION, BATCH_VERSION);
    buffer_append_text(&out, "</protocols>");
    stream_send_bytes(link->stream, out.data, out.length);
    buffer_fini(&out);
}

static void opened(struct link *link)
{
    if (!link->is_plain)
        send_protocols(link);
    stream_ready(link->stream);
    binds_begin(link);
}

static void on_handshake(void *user, struct element *element)
{
    struct link *link = user;
    (void)element;
    stream_set_flag(link->stream, STREAM_AUTHENTICATED);
    link->batch = false; /* until the router says so */
    if (!link->secret)
        return;
    link->durable = link->may_durable; /* no list of protocols comes where third parties connect */
    opened(link);
}

static bool has_protocol(const struct element *protocols, const char *wanted, int64_t ours)
{
    ELEMENT_FOREACH (protocol, protocols) {
        const char *name = element_get(protocol, "name");
        const char *version = element_get(protocol, "version");
        int64_t number;
        if (name && version && !strcmp(name, wanted) &&
            !config_number_parse(CONFIG_NUMBER, version, &number) && number >= ours)
            return true;
    }
    return false;
}

static void on_protocols(void *user, struct element *protocols)
{
    struct link *link = user;
    link->batch = link->ops->offer && has_protocol(protocols, "batch", BATCH_VERSION);
    if (link->state != LINK_OPENING || link->secret)
        return;
    if (!has_protocol(protocols, "router", LINK_VERSION)) {
        stream_fail(link->stream, STREAM_UNSUPPORTED_VERSION, "no common version");
        return;
    }
    link->durable = link->ops->offer && has_protocol(protocols, "durable", DURABLE_VERSION);
    opened(link);
}

/* --- what comes beside stanzas --- */

static void on_ping(void *user, struct element *element)
{
    struct link *link = user;
    const char *id = element_get(element, "id");
    struct buffer out = {0};
    buffer_append_text(&out, "<pong xmlns='" NS_ROUTER "' id='");
    xml_escape(&out, id ? id : "");
    buffer_append_text(&out, "'/>");
    stream_send_bytes(link->stream, out.data, out.length);
    buffer_fini(&out);
}

static void on_answer(void *user, struct element *element)
{
    binds_answered(user, element);
}

static size_t count_members(const struct element *element)
{
    size_t count = 0;
    ELEMENT_FOREACH (member, element)
        count++;
    return count;
}

/* False: not as docs/ROUTER.md has it. */
static bool read_members(const struct element *element, const char **ids, const char **incarnations)
{
    size_t i = 0;
    ELEMENT_FOREACH (member, element) {
        ids[i] = element_get(member, "id");
        incarnations[i] = element_get(member, "incarnation");
        if (!ids[i] || !incarnations[i])
            return false;
        i++;
    }
    return i > 0;
}

static void tell_members(struct link *link, const struct link_members *members)
{
    unsigned char owner[SLOTS];
    struct link_members complete = *members;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        owner[slot] = (unsigned char)slot_owner(slot, members->ids, members->count);
    complete.owner = owner;
    link->ops->members(link->user, &complete);
}

static void on_members(void *user, struct element *element)
{
    struct link *link = user;
    const char *generation = element_get(element, "generation");
    struct link_members members = {
        .name = element_get(element, "name"),
        .count = count_members(element),
    };
    int64_t number;
    if (!link->ops->members || !members.name || !generation || members.count > UINT8_MAX ||
        config_number_parse(CONFIG_NUMBER, generation, &number))
        return;
    const char **ids = xcalloc(members.count + 1, sizeof(*ids));
    const char **incarnations = xcalloc(members.count + 1, sizeof(*incarnations));
    members.generation = (uint64_t)number;
    members.ids = ids;
    members.incarnations = incarnations;
    if (read_members(element, ids, incarnations))
        tell_members(link, &members);
    free(ids);
    free(incarnations);
}

/* --- stanzas --- */

static void tell_route(struct link *link, const struct stanza *stanza, const struct element *route)
{
    const char *incarnation = element_get(route, "incarnation");
    bool is_default = element_get(route, "default");
    if (!link->ops->route || !stanza->has_from || !incarnation)
        return;
    link->ops->route(link->user, is_default ? NULL : stanza->from.domain,
                     stanza->type == PRESENCE_AVAILABLE, incarnation);
    if (link->ops->route_is_durable && !is_default && stanza->type == PRESENCE_AVAILABLE &&
        element_get(route, "durable"))
        link->ops->route_is_durable(link->user, stanza->from.domain);
}

/* The router forwards no presence with <route/> in it: what has one is its own. */
static void on_stanza(void *user, struct stanza *stanza, int problem, const char *bytes,
                      size_t length)
{
    struct link *link = user;
    const struct element *route = NULL;
    (void)bytes;
    (void)length;
    if (stanza->kind == STANZA_PRESENCE)
        route = element_find(stanza->root, NS_ROUTER, "route");
    if (!route) {
        link->ops->stanza(link->user, stanza, problem);
        return;
    }
    tell_route(link, stanza, route);
    stanza_unref(stanza);
}

/* --- the stream --- */

static void on_hold(void *user, bool hold)
{
    (void)user; /* the link never stops reading, and nobody holds it */
    (void)hold;
}

static void on_arm(void *user, uint64_t after_ms)
{
    struct link *link = user;
    if (after_ms > 0)
        timer_start(link->stream_timer, after_ms, 0);
    else
        timer_stop(link->stream_timer);
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct link *link = user;
    (void)abrupt;
    log_info("link_stream_ended", LOG_TEXT("name", link->name),
             LOG_TEXT("error", condition < 0 ? NULL : stream_condition_name(condition)),
             LOG_TEXT("text", text));
    conn_close(link->conn);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = on_header,
    .stanza = on_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

static const struct stream_element handshake_elements[] = {
    {NS_COMPONENT, "handshake", on_handshake},
    {0},
};

static const struct stream_element router_elements[] = {
    {NS_ROUTER, "protocols", on_protocols}, {NS_ROUTER, "bind", on_answer},
    {NS_ROUTER, "unbind", on_answer},       {NS_ROUTER, "members", on_members},
    {NS_ROUTER, "ping", on_ping},           {0},
};

static const struct stream_feature handshake_feature = {
    .name = "handshake",
    .excludes = STREAM_AUTHENTICATED,
    .elements = handshake_elements,
};

static const struct stream_feature router_feature = {
    .name = "router",
    .requires = STREAM_AUTHENTICATED,
    .elements = router_elements,
};

static const struct stream_feature *const features[] = {&handshake_feature, &router_feature,
                                                        &link_durable, NULL};

static const struct stream_profile profile = {
    .role = STREAM_INITIATOR,
    .content_ns = NS_COMPONENT,
    .stanzas_require = STREAM_AUTHENTICATED,
    .features = features,
    .timeout_ms = {[STREAM_OPENING] = OPENING_MS},
};

void link_open_stream(struct link *link)
{
    link->stream = stream_new(&profile, link->pool, &LIMITS, &stream_ops, link);
    stream_open(link->stream, link->name, NULL);
}
