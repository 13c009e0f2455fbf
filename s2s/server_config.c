/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What of the configuration is no policy about domains.
 */
#include "s2s/dns_unbound.h"
#include "s2s/server.h"

static uint64_t number(const struct config *config, const char *key)
{
    return (uint64_t)config_number(config, "s2s", NULL, key);
}

void server_read_limits(struct server *server, const struct config *config)
{
    struct server_limits *limits = &server->limits;
    limits->before_auth = parser_limits_before_auth;
    limits->after_auth = parser_limits_after_auth;
    limits->before_auth.element_bytes = number(config, "stanza-size-before-auth");
    limits->after_auth.element_bytes = number(config, "stanza-size");
    limits->connect_ms = number(config, "connect-timeout");
    limits->negotiation_ms = number(config, "negotiation-timeout");
    limits->idle_ms = number(config, "idle-timeout");
    limits->ack_ms = number(config, "ack-timeout");
    limits->retry_min_ms = number(config, "retry-min");
    limits->retry_max_ms = number(config, "retry-max");
    limits->expiry_ms = number(config, "stanza-expiry");
    limits->connecting = (unsigned)number(config, "connecting");
    limits->queue_stanzas = number(config, "queue-stanzas");
    limits->queue_bytes = number(config, "queue-size");
    limits->queue_total = number(config, "queue-total");
    limits->pending_pairs = (unsigned)number(config, "pending-pairs");
    limits->pending_verifications = (unsigned)number(config, "pending-verifications");
    limits->addresses = number(config, "addresses");
    limits->internal_addresses = config_bool(config, "s2s", NULL, "internal-addresses");
    limits->bidi = config_bool(config, "s2s", NULL, "bidi");
    gate_limit(server->gate, number(config, "connections-per-address"),
               number(config, "unproven-connections"));
}

int server_open_dns(struct server *server, const struct config *config)
{
    return dns_unbound_configured(server->loop, config, true, &server->dns);
}
