/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the daemon takes from its configuration.
 */
#include "common/base/error.h"
#include "common/base/log.h"
#include "net/document.h"
#include "net/names.h"

static uint64_t number(const struct config *config, const char *key)
{
    return (uint64_t)config_number(config, "net", NULL, key);
}

static unsigned beats(uint64_t ms, uint64_t heartbeat_ms)
{
    return (unsigned)MAX((ms + heartbeat_ms - 1) / heartbeat_ms, 1);
}

void server_read_limits(struct server *server, const struct config *config)
{
    struct server_limits *limits = &server->limits;
    limits->before_auth = parser_limits_before_auth;
    limits->after_auth = parser_limits_after_auth;
    limits->after_auth.element_bytes =
        MAX(number(config, "stanza-size") + DURABLE_OVERHEAD, DOCUMENT_ELEMENT_MAX);
    limits->negotiation_ms = number(config, "negotiation-timeout");
    limits->retry_min_ms = number(config, "retry-min");
    limits->retry_max_ms = number(config, "retry-max");
    limits->silence_ms = number(config, "dial-after");
    limits->heartbeat_ms = number(config, "heartbeat");
    limits->down_ms = number(config, "down-after");
    limits->resume_ms = number(config, "resume-for");
    limits->suspect_beats = beats(number(config, "suspect-after"), limits->heartbeat_ms);
    limits->down_beats = beats(limits->down_ms, limits->heartbeat_ms);
    limits->queue_bytes = number(config, "queue-size");
    gate_limit(server->gate, number(config, "connections-per-address"),
               number(config, "unproven-connections"));
}

static int open_context(const struct server *server, const struct config *config,
                        enum tls_role role, struct tls_context **context)
{
    static const char *const alpn[] = {NET_ALPN, NULL};
    const struct tls_settings settings = {.role = role, .alpn = alpn, .known_keys = true};
    const char *certificate = config_text(config, "net", NULL, "certificate");
    const char *key = config_text(config, "net", NULL, "key");
    const char *problem = "";
    int error = tls_context_new(&settings, context, &problem);
    if (!error)
        error = tls_context_add_certificate(*context, NULL, certificate, key, &problem);
    if (error)
        log_error("certificate_refused", LOG_TEXT("domain", server->host),
                  LOG_TEXT("file", certificate), LOG_TEXT("reason", problem));
    return error;
}

int server_open_tls(struct server *server, const struct config *config)
{
    struct tls_context *accept = NULL, *dial = NULL;
    if (!config_text(config, "net", NULL, "certificate") ||
        !config_text(config, "net", NULL, "key")) {
        log_error("net_no_key");
        return ERR_INVALID;
    }
    int error = open_context(server, config, TLS_SERVER, &accept);
    if (!error)
        error = open_context(server, config, TLS_CLIENT, &dial);
    if (error) {
        tls_context_unref(accept);
        tls_context_unref(dial);
        return error;
    }
    tls_context_unref(server->tls_accept);
    tls_context_unref(server->tls_dial);
    server->tls_accept = accept;
    server->tls_dial = dial;
    return 0;
}
