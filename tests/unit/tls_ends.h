/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Two ends of TLS in memory, the other one often GnuTLS itself where ours would never misbehave as
 * the test wants it.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/tls/tls.h"
#include "tests/unit/pki.h"

struct side {
    struct buffer in;
    struct side *other;
    bool eof;     /* nothing more will come in */
    bool trickle; /* one byte at a time, every other time none */
    unsigned calls;
    size_t sends;
};

static inline ssize_t side_receive(void *user, void *bytes, size_t size)
{
    struct side *side = user;
    if (side->in.length == 0) {
        return side->eof ? 0 : -EAGAIN;
    }
    if (side->trickle && side->calls++ % 2 == 0) {
        return -EAGAIN;
    }
    size_t length = MIN(side->trickle ? 1 : size, side->in.length);
    memcpy(bytes, side->in.data, length);
    buffer_consume(&side->in, length);
    return (ssize_t)length;
}

static inline ssize_t side_send(void *user, const void *bytes, size_t length)
{
    struct side *side = user;
    if (side->trickle && side->calls++ % 2 == 0) {
        return -EAGAIN;
    }
    length = side->trickle ? 1 : length;
    side->sends++;
    buffer_append(&side->other->in, bytes, length);
    return (ssize_t)length;
}

static const struct tls_transport transport = {side_receive, side_send};

static inline ssize_t raw_pull(gnutls_transport_ptr_t user, void *bytes, size_t size)
{
    ssize_t got = side_receive(user, bytes, size);
    if (got < 0) {
        errno = (int)-got;
        return -1;
    }
    return got;
}

static inline ssize_t raw_push(gnutls_transport_ptr_t user, const void *bytes, size_t length)
{
    return side_send(user, bytes, length);
}

struct world {
    struct pki pki;
    struct pki_files a, b; /* a.test (the default), and b.test with *.wild.test */
    struct side client, server;
};

static inline void connect_sides(struct world *world)
{
    buffer_fini(&world->client.in);
    buffer_fini(&world->server.in);
    world->client = (struct side){.other = &world->server};
    world->server = (struct side){.other = &world->client};
}

static inline int setup(void **state)
{
    static struct world world;
    pki_new(&world.pki);
    world.a = pki_make(&world.pki, &(struct pki_request){.file = "a", .dns = {"a.test"}});
    world.b =
        pki_make(&world.pki, &(struct pki_request){.file = "b", .dns = {"b.test", "*.wild.test"}});
    *state = &world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    connect_sides(world);
    pki_files_fini(&world->a);
    pki_files_fini(&world->b);
    pki_free(&world->pki);
    return 0;
}

static inline struct tls_context *new_context(const struct tls_settings *settings)
{
    struct tls_context *context = NULL;
    const char *problem = "";
    if (tls_context_new(settings, &context, &problem) < 0) {
        fail_msg("%s", problem);
    }
    return context;
}

static inline void add(struct tls_context *context, const char *name, const struct pki_files *files)
{
    const char *problem = "";
    if (tls_context_add_certificate(context, name, files->certificate, files->key, &problem) < 0) {
        fail_msg("%s", problem);
    }
}

static inline struct tls_context *server_context(struct world *world, struct tls_settings settings)
{
    settings.role = TLS_SERVER;
    struct tls_context *context = new_context(&settings);
    add(context, "a.test", &world->a);
    add(context, NULL, &world->b);
    return context;
}

static inline struct tls_context *client_context(struct world *world)
{
    return new_context(&(struct tls_settings){.role = TLS_CLIENT, .ca_file = world->pki.ca_file});
}

struct pair {
    struct tls_session *client, *server;
};

static inline struct pair new_pair(struct world *world, struct tls_context *client,
                                   struct tls_context *server, const char *name)
{
    connect_sides(world);
    return (struct pair){
        .client = tls_session_new(client, name, &transport, &world->client),
        .server = tls_session_new(server, NULL, &transport, &world->server),
    };
}

static inline void free_pair(struct pair *pair)
{
    tls_session_free(pair->client);
    tls_session_free(pair->server);
}

/* Until both have ended in one way or the other. */
static inline void shake_hands(struct pair *pair, int *client, int *server)
{
    *client = *server = ERR_AGAIN;
    for (int i = 0; i < 100000 && (*client == ERR_AGAIN || *server == ERR_AGAIN); i++) {
        if (*client == ERR_AGAIN) {
            *client = tls_handshake(pair->client);
        }
        if (*server == ERR_AGAIN) {
            *server = tls_handshake(pair->server);
        }
        if (*client == ERR_TLS || *server == ERR_TLS) {
            break;
        }
    }
}

static inline void assert_handshake(struct pair *pair)
{
    int client, server;
    shake_hands(pair, &client, &server);
    assert_string_equal(tls_problem(pair->client), "");
    assert_string_equal(tls_problem(pair->server), "");
    assert_int_equal(client, 0);
    assert_int_equal(server, 0);
}

static inline ssize_t write_all(struct tls_session *session, const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = tls_write(session, bytes + done, length - done);
        if (n < 0 && n != ERR_AGAIN) {
            return n;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

static inline ssize_t read_some(struct tls_session *session, char *bytes, size_t size)
{
    ssize_t n;
    int tries = 0;
    do {
        n = tls_read(session, bytes, size);
    } while (n == ERR_AGAIN && tries++ < 1000);
    return n;
}

static inline void assert_talk(struct tls_session *from, struct tls_session *to)
{
    char got[32];
    assert_int_equal(write_all(from, "hello", 5), 5);
    assert_int_equal(read_some(to, got, sizeof(got)), 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(tls_pending(to), 0);
}

struct raw {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    gnutls_anon_client_credentials_t anonymous;
};

static inline struct raw raw_new(struct world *world, const char *priority, const char *name)
{
    struct raw raw;
    const char *where;
    pki_require(gnutls_init(&raw.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
    pki_require(gnutls_certificate_allocate_credentials(&raw.credentials));
    pki_require(gnutls_anon_allocate_client_credentials(&raw.anonymous));
    pki_require(gnutls_priority_set_direct(raw.session, priority, &where));
    pki_require(gnutls_credentials_set(raw.session, GNUTLS_CRD_CERTIFICATE, raw.credentials));
    pki_require(gnutls_credentials_set(raw.session, GNUTLS_CRD_ANON, raw.anonymous));
    if (name) {
        pki_require(gnutls_server_name_set(raw.session, GNUTLS_NAME_DNS, name, strlen(name)));
    }
    gnutls_transport_set_ptr(raw.session, &world->client);
    gnutls_transport_set_pull_function(raw.session, raw_pull);
    gnutls_transport_set_push_function(raw.session, raw_push);
    return raw;
}

static inline void raw_free(struct raw *raw)
{
    gnutls_deinit(raw->session);
    gnutls_certificate_free_credentials(raw->credentials);
    gnutls_anon_free_client_credentials(raw->anonymous);
}

/* The server's result; the client's in *client. */
static inline int raw_shake(struct raw *raw, struct tls_session *server, int *client)
{
    int rc = ERR_AGAIN;
    *client = GNUTLS_E_AGAIN;
    for (int i = 0; i < 100; i++) {
        if (*client == GNUTLS_E_AGAIN || *client == GNUTLS_E_WARNING_ALERT_RECEIVED) {
            *client = gnutls_handshake(raw->session);
        }
        if (rc == ERR_AGAIN) {
            rc = tls_handshake(server);
        }
    }
    return rc;
}

static const char *const versions[] = {
    "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    "NORMAL:-VERS-ALL:+VERS-TLS1.3",
};

static inline void raw_binding(struct raw *raw, gnutls_channel_binding_t type, struct buffer *data)
{
    gnutls_datum_t value;
    pki_require(gnutls_session_channel_binding(raw->session, type, &value));
    buffer_append(data, value.data, value.size);
    gnutls_free(value.data);
}

static inline void assert_bindings(struct raw *raw, struct tls_session *server)
{
    static const struct {
        enum tls_binding ours;
        gnutls_channel_binding_t theirs;
    } rows[] = {{TLS_BINDING_EXPORTER, GNUTLS_CB_TLS_EXPORTER},
                {TLS_BINDING_SERVER_END_POINT, GNUTLS_CB_TLS_SERVER_END_POINT}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer ours = {0}, theirs = {0};
        raw_binding(raw, rows[i].theirs, &theirs);
        assert_int_equal(tls_channel_binding(server, rows[i].ours, &ours), 0);
        assert_int_equal(ours.length, 32);
        assert_int_equal(theirs.length, 32);
        assert_memory_equal(ours.data, theirs.data, 32);
        buffer_fini(&ours);
        buffer_fini(&theirs);
    }
}
