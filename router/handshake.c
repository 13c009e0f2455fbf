/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How a component gets in: header, handshake (XEP-0114), protocols; and the table of what it may
 * say beside stanzas.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/component/batch.h"
#include "common/component/durable.h"
#include "common/config/number.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

#define SHA1_SIZE 20

static bool is_third_party(const struct component *component)
{
    return component->door->role == ROLE_COMPONENT;
}

/* The domain of a third-party component; NULL: it is none that we know. */
static char *known_domain(struct component *component, const char *to)
{
    struct arena *arena = arena_new();
    const char *domain;
    char *known = NULL;
    if (!jid_prepare_domain(arena, to, &domain)) {
        component->acl = acl_of_component(component->router->acls, domain);
        known = component->acl ? xstrdup(domain) : NULL;
    }
    arena_free(arena);
    return known;
}

static int third_party_header(struct component *component, const char *to)
{
    struct router *router = component->router;
    component->name = known_domain(component, to);
    if (!component->name)
        return STREAM_HOST_UNKNOWN;
    stream_set_local(component->stream, component->name, NULL);
    if (throttle_is_blocked(router->throttle, conn_peer_address(component->conn), component->name))
        return STREAM_POLICY_VIOLATION;
    if (routes_may_bind(router->routes, component->name, &component->binds, NULL))
        return STREAM_CONFLICT;
    return -1;
}

/* `to` is the name of the component, not ours (XEP-0114 §3). */
int handshake_header(struct component *component, const struct stream_header *header)
{
    component->foreign_prefixes = header->prefixes_foreign;
    if (!header->to || !*header->to)
        return STREAM_IMPROPER_ADDRESSING;
    if (is_third_party(component))
        return third_party_header(component, header->to);
    component->acl = acl_of_role(component->router->acls, component->door->role);
    component->name = xstrdup(header->to);
    stream_set_local(component->stream, component->name, NULL);
    return -1;
}

/* Hex of SHA-1 over stream id and secret (XEP-0114 §3), compared in constant time. */
static bool is_proof(struct component *component, const char *proof)
{
    struct buffer message = {0};
    struct buffer expected = {0};
    uint8_t digest[SHA1_SIZE];
    buffer_append_text(&message, stream_id(component->stream));
    buffer_append_text(&message, acl_secret(component->acl));
    crypto_digest(CRYPTO_SHA1, message.data, message.length, digest);
    hex_encode(&expected, digest, sizeof(digest));
    bool equal =
        strlen(proof) == expected.length && crypto_equal(proof, expected.data, expected.length);
    buffer_wipe(&message);
    buffer_wipe(&expected);
    return equal;
}

static bool prove_third_party(struct component *component, const struct element *handshake)
{
    struct throttle *throttle = component->router->throttle;
    const char *address = conn_peer_address(component->conn);
    if (!is_proof(component, element_text(handshake))) {
        throttle_failed(throttle, address, component->name);
        log_warn("component_handshake_failed", LOG_TEXT("name", component->name),
                 LOG_TEXT("addr", address));
        component_fail(component, STREAM_NOT_AUTHORIZED, NULL);
        return false;
    }
    throttle_passed(throttle, address, component->name);
    if (bind_own(component)) {
        component_fail(component, STREAM_CONFLICT, NULL);
        return false;
    }
    return true;
}

static void offer_protocols(struct component *component)
{
    struct buffer out = {0};
    buffer_printf(&out, "<protocols xmlns='" NS_ROUTER "'><protocol name='router' version='%d'/>",
                  ROUTER_VERSION);
    if (acl_allows(component->acl, ACL_DURABLE))
        buffer_printf(&out,
                      "<protocol name='durable' version='%d'/>"
                      "<protocol name='batch' version='%d'/>",
                      DURABLE_VERSION, BATCH_VERSION);
    buffer_append_text(&out, "</protocols>");
    stream_send_bytes(component->stream, out.data, out.length);
    buffer_fini(&out);
}

static void on_handshake(void *user, struct element *handshake)
{
    static const char done[] = "<handshake/>";
    struct component *component = user;
    component->undecided = is_third_party(component) && acl_allows(component->acl, ACL_DURABLE);
    if (is_third_party(component) && !prove_third_party(component, handshake))
        return;
    stream_set_flag(component->stream, STREAM_AUTHENTICATED);
    stream_set_limits(component->stream, &component->router->limits);
    component->proven = true;
    component->door->unproven--;
    stream_send_bytes(component->stream, done, sizeof(done) - 1);
    stream_ready(component->stream);
    log_info("component_connected", LOG_TEXT("sid", stream_id(component->stream)),
             LOG_TEXT("role", component_role(component)), LOG_TEXT("name", component->name),
             LOG_TEXT("addr", conn_peer_address(component->conn)));
    if (is_third_party(component))
        stream_set_flag(component->stream, STREAM_BOUND);
    else
        offer_protocols(component);
}

/* 0: not spoken. */
static unsigned version_of(const struct element *protocols, const char *wanted, int64_t newest)
{
    ELEMENT_FOREACH (protocol, protocols) {
        const char *name = element_get(protocol, "name");
        const char *version = element_get(protocol, "version");
        int64_t number;
        if (!name || strcmp(name, wanted) || !version)
            continue;
        if (!config_number_parse(CONFIG_NUMBER, version, &number) && number > 0 && number <= newest)
            return (unsigned)number;
    }
    return 0;
}

/* There is an offer around what is as large as it may be. */
static void widen_limits(struct component *component)
{
    struct parser_limits limits = component->router->limits;
    limits.element_bytes += DURABLE_OVERHEAD;
    limits.depth++;
    stream_set_limits(component->stream, &limits);
}

static void on_protocols(void *user, struct element *protocols)
{
    struct component *component = user;
    unsigned version = version_of(protocols, "router", ROUTER_VERSION);
    if (version == 0) {
        component_fail(component, STREAM_UNSUPPORTED_VERSION, "no common version");
        return;
    }
    stream_set_flag(component->stream, STREAM_BOUND);
    component->version = version;
    component->durable = acl_allows(component->acl, ACL_DURABLE) &&
                         version_of(protocols, "durable", DURABLE_VERSION) > 0;
    component->batch = component->durable && version_of(protocols, "batch", BATCH_VERSION) > 0;
    if (component->durable) {
        widen_limits(component);
        announce_again(component);
    }
    if (component->batch && is_third_party(component))
        offer_protocols(component); /* it has asked, and was not told */
    component_decided(component);
    announce_begin(component);
}

void component_decided(struct component *component)
{
    if (!component->undecided)
        return;
    component->undecided = false;
    durable_ready(component);
}

/* A third-party component may begin with bind: that says which version it means. */
static void speak(struct component *component)
{
    if (component->version == 0)
        component->version = ROUTER_VERSION;
    component_decided(component);
    announce_begin(component);
}

static void on_bind(void *user, struct element *element)
{
    speak(user);
    bind_request(user, element);
}

static void on_unbind(void *user, struct element *element)
{
    speak(user);
    unbind_request(user, element);
}

static void on_ping(void *user, struct element *element)
{
    struct component *component = user;
    struct buffer out = {0};
    const char *id = element_get(element, "id");
    buffer_append_text(&out, "<pong xmlns='" NS_ROUTER "' id='");
    xml_escape(&out, id ? id : "");
    buffer_append_text(&out, "'/>");
    component_send_control(component, out.data, out.length);
    buffer_fini(&out);
}

/* That something came is all that counts. */
static void on_pong(void *user, struct element *element)
{
    (void)user;
    (void)element;
}

static const struct stream_element handshake_elements[] = {
    {NS_COMPONENT, "handshake", on_handshake},
    {0},
};

static const struct stream_element protocols_elements[] = {
    {NS_ROUTER, "protocols", on_protocols},
    {0},
};

static const struct stream_element router_elements[] = {
    {NS_ROUTER, "bind", on_bind},
    {NS_ROUTER, "unbind", on_unbind},
    {NS_ROUTER, "ping", on_ping},
    {NS_ROUTER, "pong", on_pong},
    {0},
};

static const struct stream_feature handshake_feature = {
    .name = "handshake",
    .excludes = STREAM_AUTHENTICATED,
    .elements = handshake_elements,
};

static const struct stream_feature protocols_feature = {
    .name = "protocols",
    .requires = STREAM_AUTHENTICATED,
    .elements = protocols_elements,
};

static const struct stream_feature router_feature = {
    .name = "router",
    .requires = STREAM_AUTHENTICATED | STREAM_BOUND,
    .elements = router_elements,
};

const struct stream_feature *const component_features[] = {
    &handshake_feature, &protocols_feature, &router_feature, &durable_feature, NULL,
};
