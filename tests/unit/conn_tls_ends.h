/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Two ends of a connection under TLS, and GnuTLS itself as the other end.
 */
#pragma once

#include "tests/unit/conn_ends.h"
#include "tests/unit/pki.h"

static struct pki pki;
static struct tls_context *server_context, *client_context;

static inline int make_contexts(void **state)
{
    (void)state;
    const char *problem = "";
    pki_new(&pki);
    struct pki_files files = pki_make(&pki, &(struct pki_request){.file = "a", .dns = {"a.test"}});
    struct tls_settings server = {.role = TLS_SERVER, .tickets = true};
    struct tls_settings client = {.role = TLS_CLIENT, .ca_file = pki.ca_file};
    assert_int_equal(tls_context_new(&server, &server_context, &problem), 0);
    assert_int_equal(tls_context_new(&client, &client_context, &problem), 0);
    assert_int_equal(tls_context_add_certificate(server_context, "a.test", files.certificate,
                                                 files.key, &problem),
                     0);
    pki_files_fini(&files);
    return 0;
}

static inline int drop_contexts(void **state)
{
    (void)state;
    tls_context_unref(server_context);
    tls_context_unref(client_context);
    pki_free(&pki);
    return 0;
}

/* `a` is the client, `b` the server, and both begin at once. */
static inline void make_tls_pair(struct world *world)
{
    make_pair(world);
    conn_start_tls(world->a.conn, client_context, "a.test");
    conn_start_tls(world->b.conn, server_context, NULL);
}

static inline void turns(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        turn(world);
    }
}

static inline void greet(struct end *end)
{
    conn_write(end->conn, "hello", 5);
}

static inline void close_conn(struct end *end)
{
    conn_close(end->conn);
}

struct raw {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static inline struct raw raw_new(int fd, const char *priority)
{
    struct raw raw;
    const char *where;
    pki_require(gnutls_init(&raw.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
    pki_require(gnutls_certificate_allocate_credentials(&raw.credentials));
    pki_require(gnutls_priority_set_direct(raw.session, priority, &where));
    pki_require(gnutls_credentials_set(raw.session, GNUTLS_CRD_CERTIFICATE, raw.credentials));
    gnutls_transport_set_int(raw.session, fd);
    return raw;
}

static inline void raw_free(struct raw *raw)
{
    gnutls_deinit(raw->session);
    gnutls_certificate_free_credentials(raw->credentials);
}

static inline int raw_shake(struct world *world, struct raw *raw)
{
    int rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 100 && rc == GNUTLS_E_AGAIN; i++) {
        rc = gnutls_handshake(raw->session);
        turn(world);
    }
    turns(world, 3);
    return rc;
}

static inline size_t receive(int fd, char *bytes, size_t size)
{
    ssize_t got = recv(fd, bytes, size, MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
}

static inline bool is_alert(const char *bytes, size_t length)
{
    return length == 7 && bytes[0] == 0x15;
}
