/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * STARTTLS (RFC 6120 §5) and client certificates (XEP-0178).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "common/base/limit.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

static void advertise(void *user, struct element *features)
{
    (void)user;
    element_add(element_add(features, NS_TLS, "starttls"), NS_TLS, "required");
}

static void start(struct client *client)
{
    struct domains *domains = client->domains;
    uint32_t limit = client->worker->limits.tls_ms;

    if (admission_stressed(client->worker->admission))
        limit /= 2;
    conn_set_handshake_timeout(client_conn(client), limit);
    conn_start_tls(client_conn(client), client->direct_tls ? domains->direct : domains->starttls,
                   NULL);
}

void client_begin_tls(struct client *client)
{
    uint64_t wait = worker_handshake_wait(client->worker);

    if (wait == 0) {
        start(client);
        return;
    }
    limit_reached("handshakes-per-second");
    transport_pause(&client->transport); /* what comes meanwhile is TLS already */
    client_deadline(client, DEADLINE_TLS, wait);
}

void client_tls_turn(struct client *client)
{
    start(client);
    transport_resume(&client->transport);
}

static void on_starttls(void *user, struct element *element)
{
    struct client *client = user;
    (void)element;

    /* Bytes behind <starttls/> would be obeyed inside TLS (CVE-2011-0411). */
    if (!stream_is_clean(client->stream))
        return;
    static const char proceed[] = "<proceed xmlns='" NS_TLS "'/>";
    stream_send_bytes(client->stream, proceed, sizeof(proceed) - 1);
    stream_restart(client->stream);
    client_begin_tls(client);
}

static const struct stream_element elements[] = {
    {NS_TLS, "starttls", on_starttls},
    {0},
};

const struct stream_feature client_starttls = {
    .name = "starttls",
    .excludes = STREAM_SECURE,
    .advertise = advertise,
    .elements = elements,
};

struct finding {
    const char *wanted; /* a bare JID, or NULL */
    const char *domain;
    char *user; /* the one local part of `domain` that was found */
    size_t users;
    bool found;
};

static void look_at_address(void *user, const char *text)
{
    struct finding *finding = user;
    struct arena *arena = arena_new();
    struct jid jid;

    if (jid_parse(arena, text, &jid) == 0 && jid.local != NULL) {
        if (finding->wanted && strcmp(jid.bare, finding->wanted) == 0)
            finding->found = true;
        if (strcmp(jid.domain, finding->domain) == 0 && finding->users++ == 0)
            finding->user = xstrdup(jid.local);
    }
    arena_free(arena);
}

static struct finding look(struct client *client, const char *wanted)
{
    struct finding finding = {.wanted = wanted, .domain = client->domain->name};

    tls_peer_addresses(transport_tls(&client->transport), look_at_address, &finding);
    return finding;
}

bool client_has_certificate(struct client *client)
{
    struct tls_session *tls = transport_tls(&client->transport);
    const struct tls_authorities *authorities = client->domain->client_ca;

    if (tls == NULL || authorities == NULL || tls_verify_client(tls, authorities) != 0)
        return false;
    struct finding finding = look(client, NULL);
    free(finding.user);
    return finding.users > 0;
}

bool client_certificate_proves(void *client, const char *bare_jid)
{
    struct finding finding = look(client, bare_jid);

    free(finding.user);
    return finding.found;
}

char *client_certificate_user(struct client *client)
{
    struct finding finding = look(client, NULL);

    if (finding.users == 1)
        return finding.user;
    free(finding.user);
    return NULL;
}
