/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who is at the other end of a connection, and what both speak.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/number.h"
#include "net/line.h"

/* A release speaks its own version of each and the one before. `needed`: no link without it. */
static const struct {
    const char *name;
    unsigned version, oldest;
    bool needed;
} SPOKEN[PROTOCOLS] = {
    [PROTOCOL_NET] = {"net", 1, 1, true},
    [PROTOCOL_SESSION] = {"session", 1, 1, false},
    [PROTOCOL_DIRECTORY] = {"directory", 1, 1, false},
    [PROTOCOL_DURABLE] = {"durable", 1, 1, true},
    [PROTOCOL_DOCUMENT] = {"document", 1, 1, false},
    [PROTOCOL_BATCH] = {"batch", 1, 1, false},
};

/* --- who --- */

static bool has_pin(const struct network_member *member, const uint8_t pin[TLS_PIN_SIZE])
{
    return memcmp(member->pin, pin, TLS_PIN_SIZE) == 0 ||
           (member->has_next_pin && memcmp(member->next_pin, pin, TLS_PIN_SIZE) == 0);
}

static const struct network_member *member_of(const struct line *line, const char *host)
{
    const struct network *network = line->server->network;
    const struct network_member *member = network ? network_member_by_host(network, host) : NULL;
    return member && server_is_linked_with(line->server, member) && has_pin(member, line->pin)
               ? member
               : NULL;
}

bool line_is_admitted(const struct line *line)
{
    return !line->peer || !stream_has_flag(line->stream, STREAM_SECURE) ||
           member_of(line, line->peer->host);
}

static void log_refused(const struct line *line, const char *host, const char *reason)
{
    line->server->strangers++;
    log_warn("net_refused", LOG_TEXT("addr", line->address), LOG_TEXT("host", host),
             LOG_TEXT("reason", reason));
}

/* Whoever it will say it is. */
static bool is_anybody(const struct line *line)
{
    const struct network_member *member = network_member_by_pin(line->server->network, line->pin);
    return member && server_is_linked_with(line->server, member);
}

/* Nothing is said to a stranger: not even the header. */
void line_secured(struct line *line)
{
    const char *host = line->peer ? line->peer->host : NULL;
    const struct network *network = line->server->network;
    const char *problem = NULL;
    if (!tls_has_protocol(conn_tls(line->conn)))
        problem = "it speaks another protocol";
    else if (tls_pin_of_peer(conn_tls(line->conn), line->pin) || !network)
        problem = "it has no key";
    else if (line->dialled ? !member_of(line, host) : !is_anybody(line))
        problem = "its key is not that of a member";
    if (problem) {
        log_refused(line, host, problem);
        line_fail(line, problem);
        return;
    }
    stream_set_flag(line->stream, STREAM_SECURE);
    if (line->dialled)
        stream_open(line->stream, line->peer->host, line->server->host);
}

static int judge_header(struct line *line, const char *from)
{
    struct peer *peer = from ? peer_find(line->server, from) : NULL;
    if (!from || !member_of(line, from) || !peer) {
        log_refused(line, from, "the key is not that of this host");
        return STREAM_NOT_AUTHORIZED;
    }
    if (line->peer && line->peer != peer)
        return STREAM_INVALID_FROM;
    line->peer = peer;
    return -1;
}

/* Whole names, as they stand in the document. */
int line_header(void *user, const struct stream_header *header)
{
    struct line *line = user;
    if (!stream_has_flag(line->stream, STREAM_SECURE))
        return STREAM_NOT_AUTHORIZED;
    if (!header->to || strcmp(header->to, line->server->host) != 0)
        return STREAM_HOST_UNKNOWN;
    int condition = judge_header(line, header->from);
    if (condition >= 0)
        return condition;
    if (!line->dialled)
        stream_set_local(line->stream, line->server->host, line->peer->host);
    stream_set_flag(line->stream, STREAM_AUTHENTICATED);
    stream_set_limits(line->stream, &line->server->limits.after_auth);
    if (line->stranger)
        gate_leave(line->server->gate, line->address);
    line->stranger = false;
    return -1;
}

/* --- what --- */

static void add_protocols(const struct line *line, struct element *protocols,
                          const unsigned *versions)
{
    char *serial = arena_printf(protocols->arena, "%" PRIu64, line->server->network->serial);
    element_set(protocols, "serial", serial);
    for (int i = 0; i < PROTOCOLS; i++) {
        unsigned version = versions ? versions[i] : SPOKEN[i].version;
        if (version == 0)
            continue;
        struct element *protocol = element_add(protocols, NS_LINK, "protocol");
        element_set(protocol, "name", SPOKEN[i].name);
        element_set(protocol, "version", arena_printf(protocols->arena, "%u", version));
    }
}

static void advertise(void *user, struct element *features)
{
    struct line *line = user;
    add_protocols(line, element_add(features, NS_LINK, "protocols"), NULL);
    element_add(features, NS_SM, "sm");
}

static uint64_t read_number(const struct element *element, const char *name)
{
    const char *text = element_get(element, name);
    int64_t number;
    return text && config_number_parse(CONFIG_NUMBER, text, &number) == 0 ? (uint64_t)number : 0;
}

static unsigned common_version(int protocol, uint64_t theirs)
{
    uint64_t version = MIN(theirs, SPOKEN[protocol].version);
    return version >= SPOKEN[protocol].oldest ? (unsigned)version : 0;
}

/* 0: it does not speak it. */
static unsigned highest_version(const struct element *protocols, const char *name)
{
    ELEMENT_FOREACH (protocol, protocols) {
        const char *found = element_get(protocol, "name");
        if (found && strcmp(found, name) == 0)
            return (unsigned)read_number(protocol, "version");
    }
    return 0;
}

static void read_protocols(const struct element *protocols, unsigned versions[PROTOCOLS])
{
    memset(versions, 0, PROTOCOLS * sizeof(*versions));
    ELEMENT_FOREACH (protocol, protocols) {
        const char *name = element_get(protocol, "name");
        for (int i = 0; name && i < PROTOCOLS; i++) {
            if (strcmp(name, SPOKEN[i].name) == 0)
                versions[i] = common_version(i, read_number(protocol, "version"));
        }
    }
}

/* What the operators of both nodes read: the peer gets it with the stream error. */
static void refuse_version(struct line *line, const struct element *protocols, int missing)
{
    const char *name = SPOKEN[missing].name;
    char *problem = xasprintf("%s speaks %s/%u, %s speaks %s/%u to %s/%u", line->peer->host, name,
                              highest_version(protocols, name), line->server->host, name,
                              SPOKEN[missing].oldest, name, SPOKEN[missing].version);
    line_log_incompatible(line, problem);
    line_close(line, STREAM_UNSUPPORTED_VERSION, problem);
    free(problem);
}

/* False: there is too little in common, and the stream ends. */
static bool take_protocols(struct line *line, const struct element *protocols)
{
    unsigned versions[PROTOCOLS];
    if (!protocols) {
        line_close(line, STREAM_BAD_FORMAT, NULL);
        return false;
    }
    read_protocols(protocols, versions);
    for (int i = 0; i < PROTOCOLS; i++) {
        if (SPOKEN[i].needed && versions[i] == 0) {
            refuse_version(line, protocols, i);
            return false;
        }
    }
    memcpy(line->peer->versions, versions, sizeof(versions));
    line->peer->serial = read_number(protocols, "serial");
    line->agreed = true;
    return true;
}

/* The dialling end: it answers with what both speak, and asks to be the link. */
void line_features(void *user, struct element *features)
{
    struct line *line = user;
    if (!line->peer || !take_protocols(line, element_find(features, NS_LINK, "protocols")))
        return;
    struct element *protocols = element_new(features->arena, NS_LINK, "protocols");
    add_protocols(line, protocols, line->peer->versions);
    stream_send_element(line->stream, protocols);
    line_sm_ask(line);
}

static void on_protocols(void *user, struct element *element)
{
    struct line *line = user;
    if (line->dialled || line->is_link)
        line_close(line, STREAM_POLICY_VIOLATION, NULL);
    else if (line->peer)
        (void)!take_protocols(line, element);
}

static const struct stream_element elements[] = {
    {NS_LINK, "protocols", on_protocols},
    {0},
};

const struct stream_feature line_protocols = {
    .name = "protocols",
    .requires = STREAM_AUTHENTICATED,
    .advertise = advertise,
    .elements = elements,
};
