/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of TLS: two ends in memory, the other one often GnuTLS itself where ours would never
 * misbehave as the test wants it.
 */
#include "common/tls/tls.h"

#include <errno.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "tests/unit/pki.h"

struct side {
    struct buffer in;
    struct side *other;
    bool eof;     /* nothing more will come in */
    bool trickle; /* one byte at a time, every other time none */
    unsigned calls;
    size_t sends;
};

static ssize_t side_receive(void *user, void *bytes, size_t size)
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

static ssize_t side_send(void *user, const void *bytes, size_t length)
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

static ssize_t raw_pull(gnutls_transport_ptr_t user, void *bytes, size_t size)
{
    ssize_t got = side_receive(user, bytes, size);
    if (got < 0) {
        errno = (int)-got;
        return -1;
    }
    return got;
}

static ssize_t raw_push(gnutls_transport_ptr_t user, const void *bytes, size_t length)
{
    return side_send(user, bytes, length);
}

struct world {
    struct pki pki;
    struct pki_files a, b; /* a.test (the default), and b.test with *.wild.test */
    struct side client, server;
};

static void connect_sides(struct world *world)
{
    buffer_fini(&world->client.in);
    buffer_fini(&world->server.in);
    world->client = (struct side){.other = &world->server};
    world->server = (struct side){.other = &world->client};
}

static int setup(void **state)
{
    static struct world world;
    pki_new(&world.pki);
    world.a = pki_make(&world.pki, &(struct pki_request){.file = "a", .dns = {"a.test"}});
    world.b =
        pki_make(&world.pki, &(struct pki_request){.file = "b", .dns = {"b.test", "*.wild.test"}});
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    connect_sides(world);
    pki_files_fini(&world->a);
    pki_files_fini(&world->b);
    pki_free(&world->pki);
    return 0;
}

static struct tls_context *new_context(const struct tls_settings *settings)
{
    struct tls_context *context = NULL;
    const char *problem = "";
    if (tls_context_new(settings, &context, &problem) < 0) {
        fail_msg("%s", problem);
    }
    return context;
}

static void add(struct tls_context *context, const char *name, const struct pki_files *files)
{
    const char *problem = "";
    if (tls_context_add_certificate(context, name, files->certificate, files->key, &problem) < 0) {
        fail_msg("%s", problem);
    }
}

static struct tls_context *server_context(struct world *world, struct tls_settings settings)
{
    settings.role = TLS_SERVER;
    struct tls_context *context = new_context(&settings);
    add(context, "a.test", &world->a);
    add(context, NULL, &world->b);
    return context;
}

static struct tls_context *client_context(struct world *world)
{
    return new_context(&(struct tls_settings){.role = TLS_CLIENT, .ca_file = world->pki.ca_file});
}

struct pair {
    struct tls_session *client, *server;
};

static struct pair new_pair(struct world *world, struct tls_context *client,
                            struct tls_context *server, const char *name)
{
    connect_sides(world);
    return (struct pair){
        .client = tls_session_new(client, name, &transport, &world->client),
        .server = tls_session_new(server, NULL, &transport, &world->server),
    };
}

static void free_pair(struct pair *pair)
{
    tls_session_free(pair->client);
    tls_session_free(pair->server);
}

/* Until both have ended in one way or the other. */
static void shake_hands(struct pair *pair, int *client, int *server)
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

static void assert_handshake(struct pair *pair)
{
    int client, server;
    shake_hands(pair, &client, &server);
    assert_string_equal(tls_problem(pair->client), "");
    assert_string_equal(tls_problem(pair->server), "");
    assert_int_equal(client, 0);
    assert_int_equal(server, 0);
}

static ssize_t write_all(struct tls_session *session, const char *bytes, size_t length)
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

static ssize_t read_some(struct tls_session *session, char *bytes, size_t size)
{
    ssize_t n;
    int tries = 0;
    do {
        n = tls_read(session, bytes, size);
    } while (n == ERR_AGAIN && tries++ < 1000);
    return n;
}

static void assert_talk(struct tls_session *from, struct tls_session *to)
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

static struct raw raw_new(struct world *world, const char *priority, const char *name)
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

static void raw_free(struct raw *raw)
{
    gnutls_deinit(raw->session);
    gnutls_certificate_free_credentials(raw->credentials);
    gnutls_anon_free_client_credentials(raw->anonymous);
}

/* The server's result; the client's in *client. */
static int raw_shake(struct raw *raw, struct tls_session *server, int *client)
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

static void raw_binding(struct raw *raw, gnutls_channel_binding_t type, struct buffer *data)
{
    gnutls_datum_t value;
    pki_require(gnutls_session_channel_binding(raw->session, type, &value));
    buffer_append(data, value.data, value.size);
    gnutls_free(value.data);
}

static void assert_bindings(struct raw *raw, struct tls_session *server)
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

static void test_both_versions_and_their_bindings(void **state)
{
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, versions[i], "a.test");
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        assert_int_equal(raw_shake(&raw, server, &client), 0);
        assert_int_equal(client, 0);
        assert_string_equal(tls_version(server), names[i]);
        assert_string_equal(tls_cipher(server), "AES-256-GCM");
        assert_string_equal(tls_server_name(server), "a.test");
        assert_bindings(&raw, server);
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* Our two ends; and their bindings differ from session to session. */
static void test_two_of_ours(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    struct buffer exporter[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        assert_talk(pair.client, pair.server);
        assert_talk(pair.server, pair.client);
        assert_int_equal(tls_verify_server(pair.client), 0);
        assert_int_equal(tls_channel_binding(pair.client, TLS_BINDING_EXPORTER, &exporter[i]), 0);
        struct buffer other = {0};
        assert_int_equal(tls_channel_binding(pair.server, TLS_BINDING_EXPORTER, &other), 0);
        assert_memory_equal(exporter[i].data, other.data, 32);
        buffer_fini(&other);
        free_pair(&pair);
    }
    assert_memory_not_equal(exporter[0].data, exporter[1].data, 32);
    buffer_fini(&exporter[0]);
    buffer_fini(&exporter[1]);
    tls_context_unref(client);
    tls_context_unref(server);
}

/* RFC 7590, RFC 9325: nothing below TLS 1.2, authenticated encryption and forward secrecy only. */
static void test_old_versions_and_ciphers_are_refused(void **state)
{
    static const char *const rows[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.0",
        "NORMAL:-VERS-ALL:+VERS-TLS1.1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1:+3DES-CBC:+ARCFOUR-128:+MD5",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+ARCFOUR-128",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-CBC:-MAC-ALL:+SHA1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CAMELLIA-256-GCM",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-SECP192R1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP521R1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-CCM",
    };
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, rows[i], "a.test");
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        if (raw_shake(&raw, server, &client) != ERR_TLS) {
            fail_msg("accepted: %s", rows[i]);
        }
        assert_int_equal(client, GNUTLS_E_FATAL_ALERT_RECEIVED);
        assert_string_not_equal(tls_problem(server), "");
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* XEP-0368 */
static void test_alpn(void **state)
{
    static const struct {
        const char *offered[3];
        const char *chosen; /* NULL: refused */
    } rows[] = {
        {{"xmpp-client"}, "xmpp-client"},
        {{"h2", "xmpp-client"}, "xmpp-client"},
        {{NULL}, ""},
        {{"h2"}, NULL},
        {{"xmpp-server"}, NULL},
        {{"xmpp-clien", "xmpp-client2"}, NULL},
    };
    static const char *const accepted[] = {"xmpp-client", NULL};
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){.alpn = accepted});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, "NORMAL", "a.test");
        gnutls_datum_t offers[3];
        unsigned count = 0;
        for (; count < 3 && rows[i].offered[count]; count++) {
            const char *name = rows[i].offered[count];
            offers[count] = (gnutls_datum_t){(unsigned char *)name, (unsigned)strlen(name)};
        }
        if (count > 0) {
            pki_require(gnutls_alpn_set_protocols(raw.session, offers, count, 0));
        }
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client, rc = raw_shake(&raw, server, &client);
        gnutls_datum_t chosen = {0};
        if (!rows[i].chosen) {
            assert_int_equal(rc, ERR_TLS);
            assert_int_equal(client, GNUTLS_E_FATAL_ALERT_RECEIVED);
            assert_int_equal(gnutls_alert_get(raw.session), GNUTLS_A_NO_APPLICATION_PROTOCOL);
        } else {
            assert_int_equal(rc, 0);
            gnutls_alpn_get_selected_protocol(raw.session, &chosen);
            assert_int_equal(chosen.size, strlen(rows[i].chosen));
            assert_memory_equal(chosen.data ? (char *)chosen.data : "", rows[i].chosen,
                                chosen.size);
        }
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

static void test_the_certificate_follows_the_name(void **state)
{
    static const struct {
        const char *asked, *covers, *not ;
    } rows[] = {
        {"a.test", "a.test", "b.test"},
        {"b.test", "b.test", "a.test"},
        {"B.Test", "b.test", "a.test"},
        {"x.wild.test", "b.test", "a.test"},
        {"x.y.wild.test", "a.test", "b.test"},
        {"unknown.test", "a.test", "b.test"},
        {NULL, "a.test", "b.test"},
    };
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        size_t row = i / 2;
        connect_sides(world);
        struct raw raw = raw_new(world, versions[i % 2], rows[row].asked);
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        assert_int_equal(raw_shake(&raw, server, &client), 0);
        unsigned count;
        const gnutls_datum_t *chain = gnutls_certificate_get_peers(raw.session, &count);
        gnutls_x509_crt_t crt;
        pki_require(gnutls_x509_crt_init(&crt));
        pki_require(gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER));
        assert_true(gnutls_x509_crt_check_hostname(crt, rows[row].covers));
        assert_false(gnutls_x509_crt_check_hostname(crt, rows[row].not ));
        gnutls_x509_crt_deinit(crt);
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
}

/* An ECDSA and an RSA certificate for one name: each client gets what it understands. */
static void test_the_key_follows_the_client(void **state)
{
    static const struct {
        const char *priority;
        int algorithm;
    } rows[] = {
        {"NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256", GNUTLS_PK_RSA},
        {"NORMAL:-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256", GNUTLS_PK_ECDSA},
        {"NORMAL", GNUTLS_PK_ECDSA},
    };
    struct world *world = *state;
    struct pki_files rsa = pki_make(
        &world->pki, &(struct pki_request){.file = "rsa", .dns = {"a.test"}, .rsa_bits = 2048});
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    add(context, "a.test", &rsa);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct raw raw = raw_new(world, rows[i].priority, "a.test");
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        int client;
        assert_int_equal(raw_shake(&raw, server, &client), 0);
        assert_int_equal(gnutls_sign_supports_pk_algorithm(gnutls_sign_algorithm_get(raw.session),
                                                           rows[i].algorithm),
                         1);
        assert_bindings(&raw, server);
        tls_session_free(server);
        raw_free(&raw);
    }
    tls_context_unref(context);
    pki_files_fini(&rsa);
}

static void assert_add(struct world *world, const char *name, const char *certificate,
                       const char *key, int expected, const char *expected_problem)
{
    (void)world;
    struct tls_context *context = new_context(&(struct tls_settings){.role = TLS_SERVER});
    const char *problem = "";
    assert_int_equal(tls_context_add_certificate(context, name, certificate, key, &problem),
                     expected);
    if (expected_problem) {
        assert_string_equal(problem, expected_problem);
    } else {
        assert_true(expected == 0 || *problem != '\0');
    }
    tls_context_unref(context);
}

static void test_certificates_are_checked_before_use(void **state)
{
    struct world *world = *state;
    struct pki *pki = &world->pki;
    struct pki_files expired =
        pki_make(pki, &(struct pki_request){
                          .file = "expired", .dns = {"a.test"}, .from_days = -9, .to_days = -1});
    struct pki_files early = pki_make(
        pki,
        &(struct pki_request){.file = "early", .dns = {"a.test"}, .from_days = 1, .to_days = 9});
    char *junk = pki_write_text(pki, "junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    char *empty = pki_write_text(pki, "empty.pem", "");
    const char *crt = world->a.certificate, *key = world->a.key;

    assert_add(world, "a.test", crt, key, 0, NULL);
    assert_add(world, NULL, crt, key, 0, NULL);
    assert_add(world, "a.test", crt, world->b.key, ERR_INVALID,
               "the key does not belong to the certificate");
    assert_add(world, "other.test", crt, key, ERR_INVALID, "the certificate is for other names");
    assert_add(world, "a.test", expired.certificate, expired.key, ERR_INVALID,
               "the certificate has expired");
    assert_add(world, "a.test", early.certificate, early.key, ERR_INVALID,
               "the certificate is not valid yet");
    assert_add(world, "a.test", "/nobody/here", key, ERR_SYSTEM,
               "the certificate file cannot be read");
    assert_add(world, "a.test", crt, "/nobody/here", ERR_SYSTEM, "the key file cannot be read");
    assert_add(world, "a.test", junk, key, ERR_INVALID, NULL);
    assert_add(world, "a.test", crt, junk, ERR_INVALID, NULL);
    assert_add(world, "a.test", empty, key, ERR_INVALID, NULL);
    assert_add(world, "a.test", key, crt, ERR_INVALID, NULL);

    struct tls_context *context = NULL;
    const char *problem = "";
    assert_true(tls_context_new(&(struct tls_settings){.role = TLS_CLIENT, .ca_file = empty},
                                &context, &problem) < 0);
    assert_string_not_equal(problem, "");
    assert_null(context);
    free(junk);
    free(empty);
    pki_files_fini(&expired);
    pki_files_fini(&early);
}

/* RFC 6125, RFC 9525, RFC 6120 §13.7.1 */
static void test_names_of_certificates(void **state)
{
    static const struct {
        struct pki_request request;
        const char *name;
        bool covered;
    } rows[] = {
        {{.dns = {"x.test"}}, "x.test", true},
        {{.dns = {"x.test"}}, "X.TEST", true},
        {{.dns = {"x.test"}}, "y.x.test", false},
        {{.dns = {"x.test"}}, "ax.test", false},
        {{.dns = {"*.x.test"}}, "a.x.test", true},
        {{.dns = {"*.x.test"}}, "x.test", false},
        {{.dns = {"*.x.test"}}, ".x.test", false},
        {{.dns = {"*.x.test"}}, "a.b.x.test", false},
        {{.dns = {"*.test"}}, "x.test", false},
        {{.dns = {"*.*.test"}}, "a.b.test", false},
        {{.dns = {"a*.x.test"}}, "ab.x.test", false},
        {{.dns = {"*"}}, "x.test", false},
        {{.dns = {"xn--mnchen-3ya.test"}}, "m\303\274nchen.test", true},
        {{.common_name = "x.test"}, "x.test", false},
        {{.common_name = "x.test", .dns = {"y.test"}}, "x.test", false},
        {{.srv = "_xmpp-client.x.test"}, "x.test", true},
        {{.srv = "_xmpp-server.X.test"}, "x.test", true},
        {{.srv = "_imap.x.test"}, "x.test", false},
        {{.srv = "_xmpp-client.y.x.test"}, "x.test", false},
        {{.address = {"x.test"}}, "x.test", true},
        {{.address = {"m\303\274nchen.test"}}, "m\303\274nchen.test", true},
        {{.address = {"user@x.test"}}, "x.test", false},
        {{.other_der = "x.test\0.evil.test", .other_der_length = 17}, "x.test", false},
        {{.dns = {"y.test", "z.test"}, .address = {"x.test"}}, "x.test", true},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        request.file = "name";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_context *context = new_context(&(struct tls_settings){.role = TLS_SERVER});
        const char *problem = "";
        int rc = tls_context_add_certificate(context, rows[i].name, files.certificate, files.key,
                                             &problem);
        if ((rc == 0) != rows[i].covered) {
            fail_msg("row %zu: %s %s", i, rows[i].name, problem);
        }
        tls_context_unref(context);
        pki_files_fini(&files);
    }
}

static void test_servers_are_verified(void **state)
{
    struct world *world = *state;
    static const struct {
        struct pki_request request;
        const char *name;
        int expected;
    } rows[] = {
        {{.dns = {"x.test"}}, "x.test", 0},
        {{.dns = {"x.test"}}, "y.test", ERR_DENIED},
        {{.dns = {"x.test"}, .self_signed = true}, "x.test", ERR_DENIED},
        {{.dns = {"x.test"}, .rsa_bits = 1024}, "x.test", ERR_DENIED},
        {{.dns = {"x.test"}, .purpose = GNUTLS_KP_TLS_WWW_CLIENT}, "x.test", 0},
        {{.srv = "_xmpp-server.x.test"}, "x.test", 0},
        {{.common_name = "x.test"}, "x.test", ERR_DENIED},
        {{.dns = {"x.test"}}, NULL, ERR_DENIED},
    };
    struct tls_context *client = client_context(world);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        request.file = "server";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_context *server = new_context(&(struct tls_settings){.role = TLS_SERVER});
        add(server, NULL, &files);
        struct pair pair = new_pair(world, client, server, rows[i].name);
        assert_handshake(&pair);
        if (tls_verify_server(pair.client) != rows[i].expected) {
            fail_msg("row %zu", i);
        }
        free_pair(&pair);
        tls_context_unref(server);
        pki_files_fini(&files);
    }
    tls_context_unref(client);
}

static void note_address(void *user, const char *jid)
{
    struct buffer *all = user;
    buffer_append_text(all, jid);
    buffer_append_char(all, ' ');
}

/* RFC 6120 §13.7.1.4, XEP-0178; certificates for servers only are fine (RFC 6120 §13.7.2.2). */
static void test_clients_are_verified(void **state)
{
    struct world *world = *state;
    static const struct {
        struct pki_request request;
        int expected;
        const char *addresses;
    } rows[] = {
        {{.address = {"alice@a.test"}}, 0, "alice@a.test "},
        {{.address = {"alice@a.test", "bob@a.test"}}, 0, "alice@a.test bob@a.test "},
        {{.dns = {"x.test"}}, 0, ""},
        {{.address = {"alice@a.test"}, .purpose = GNUTLS_KP_TLS_WWW_SERVER}, 0, "alice@a.test "},
        {{.address = {"alice@a.test"}, .self_signed = true}, ERR_DENIED, "alice@a.test "},
        {{.address = {"bob@a.test"}, .other_der = "alice@a.test\0.evil", .other_der_length = 18},
         0,
         "bob@a.test "},
        {{.address = {"alice@a.test"}, .ed25519 = true}, 0, "alice@a.test "},
    };
    struct tls_context *server = server_context(
        world, (struct tls_settings){.request_certificate = true, .ca_file = world->pki.ca_file});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pki_request request = rows[i].request;
        request.file = "client";
        struct pki_files files = pki_make(&world->pki, &request);
        struct tls_context *client = client_context(world);
        add(client, NULL, &files);
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        if (tls_verify_peer(pair.server) != rows[i].expected) {
            fail_msg("row %zu", i);
        }
        struct buffer addresses = {0};
        buffer_append_text(&addresses, "");
        tls_peer_addresses(pair.server, note_address, &addresses);
        assert_string_equal(addresses.data, rows[i].addresses);
        buffer_fini(&addresses);
        free_pair(&pair);
        tls_context_unref(client);
        pki_files_fini(&files);
    }
    tls_context_unref(server);
}

static void test_clients_without_a_certificate(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_context(world);
    for (int request = 0; request < 2; request++) {
        struct tls_context *server =
            server_context(world, (struct tls_settings){.request_certificate = request != 0,
                                                        .ca_file = world->pki.ca_file});
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        assert_int_equal(tls_verify_peer(pair.server), ERR_NOT_FOUND);
        struct buffer addresses = {0};
        tls_peer_addresses(pair.server, note_address, &addresses);
        assert_int_equal(addresses.length, 0);
        assert_talk(pair.client, pair.server);
        free_pair(&pair);
        tls_context_unref(server);
    }
    tls_context_unref(client);
}

/* A whole session; returns what the next one may resume. */
static gnutls_datum_t visit(struct world *world, struct tls_context *context, const char *priority,
                            const gnutls_datum_t *ticket, bool *resumed)
{
    connect_sides(world);
    struct raw raw = raw_new(world, priority, "a.test");
    if (ticket && ticket->size > 0) {
        pki_require(gnutls_session_set_data(raw.session, ticket->data, ticket->size));
    }
    struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
    int client;
    assert_int_equal(raw_shake(&raw, server, &client), 0);
    assert_int_equal(client, 0);
    assert_int_equal(write_all(server, "x", 1), 1);
    char byte;
    ssize_t got = GNUTLS_E_AGAIN;
    for (int i = 0; i < 10 && got == GNUTLS_E_AGAIN; i++) {
        got = gnutls_record_recv(raw.session, &byte, 1); /* the tickets come before */
    }
    assert_int_equal(got, 1);
    *resumed = gnutls_session_is_resumed(raw.session) != 0;
    assert_bindings(&raw, server);
    gnutls_datum_t next = {0};
    gnutls_session_get_data2(raw.session, &next);
    tls_session_free(server);
    raw_free(&raw);
    return next;
}

static void test_tickets(void **state)
{
    struct world *world = *state;
    static const struct {
        bool tickets, other_context, resumed;
    } rows[] = {{true, false, true}, {false, false, false}, {true, true, false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        size_t row = i / 2;
        struct tls_settings settings = {.tickets = rows[row].tickets};
        struct tls_context *first = server_context(world, settings);
        struct tls_context *second =
            rows[row].other_context ? server_context(world, settings) : tls_context_ref(first);
        bool resumed;
        gnutls_datum_t ticket = visit(world, first, versions[i % 2], NULL, &resumed);
        assert_false(resumed);
        gnutls_datum_t again = visit(world, second, versions[i % 2], &ticket, &resumed);
        assert_int_equal(resumed, rows[row].resumed);
        gnutls_free(ticket.data);
        gnutls_free(again.data);
        tls_context_unref(first);
        tls_context_unref(second);
    }
}

/* RFC 5746; CVE-2021-32920: asking for a new handshake ends the session. */
static void test_renegotiation_is_refused(void **state)
{
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    connect_sides(world);
    struct raw raw = raw_new(world, versions[0], "a.test");
    struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
    int client;
    assert_int_equal(raw_shake(&raw, server, &client), 0);
    assert_int_equal(gnutls_handshake(raw.session), GNUTLS_E_AGAIN);
    char bytes[16];
    assert_int_equal(tls_read(server, bytes, sizeof(bytes)), ERR_TLS);
    assert_string_not_equal(tls_problem(server), "");
    tls_session_free(server);
    raw_free(&raw);
    tls_context_unref(context);
}

static void test_the_end_is_in_order_or_not(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    for (int said = 0; said < 2; said++) {
        struct pair pair = new_pair(world, client, server, "a.test");
        assert_handshake(&pair);
        assert_talk(pair.client, pair.server);
        if (said) {
            tls_bye(pair.client);
            size_t sends = world->client.sends;
            tls_bye(pair.client);
            assert_int_equal(world->client.sends, sends);
        }
        world->server.eof = true;
        char bytes[16];
        assert_int_equal(tls_read(pair.server, bytes, sizeof(bytes)), said ? 0 : ERR_CLOSED);
        free_pair(&pair);
    }
    tls_context_unref(client);
    tls_context_unref(server);
}

static void test_byte_by_byte(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    struct pair pair = new_pair(world, client, server, "a.test");
    world->client.trickle = true;
    world->server.trickle = true;
    assert_handshake(&pair);
    assert_talk(pair.client, pair.server);
    assert_talk(pair.server, pair.client);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

/* The direction says what a handshake waits for. */
static void test_what_a_handshake_waits_for(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_context(world);
    connect_sides(world);
    struct tls_session *session = tls_session_new(client, "a.test", &transport, &world->client);
    world->client.trickle = true; /* the first call is refused */
    assert_int_equal(tls_handshake(session), ERR_AGAIN);
    assert_true(tls_wants_write(session));
    world->client.trickle = false;
    assert_int_equal(tls_handshake(session), ERR_AGAIN);
    assert_false(tls_wants_write(session));
    tls_session_free(session);
    tls_context_unref(client);
}

static void test_a_flight_leaves_together(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    struct pair pair = new_pair(world, client, server, "a.test");
    assert_int_equal(tls_handshake(pair.client), ERR_AGAIN);
    assert_int_equal(tls_handshake(pair.server), ERR_AGAIN);
    /* The ServerHello, and all that is encrypted behind it. */
    assert_in_range(world->server.sends, 1, 2);
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
}

static void test_garbage_is_no_handshake(void **state)
{
    static const char *const rows[] = {
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client'>",
        "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "\026\003\001\377\377................",
        "\025\003\001\000\002\002\050",
        "\027\003\003\000\005hello",
    };
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        connect_sides(world);
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        size_t length = i == 3 ? 7 : i == 4 ? 10 : strlen(rows[i]);
        buffer_append(&world->server.in, rows[i], length);
        world->server.eof = true;
        assert_int_equal(tls_handshake(server), ERR_TLS);
        assert_string_not_equal(tls_problem(server), "");
        tls_session_free(server);
    }
    tls_context_unref(context);
}

/* Every byte of a ClientHello wrong in turn: refused or not, but nothing worse. */
static void test_mutated_client_hellos(void **state)
{
    struct world *world = *state;
    struct tls_context *context = server_context(world, (struct tls_settings){0});
    struct tls_context *client = client_context(world);
    connect_sides(world);
    struct tls_session *session = tls_session_new(client, "a.test", &transport, &world->client);
    assert_int_equal(tls_handshake(session), ERR_AGAIN);
    struct buffer hello = world->server.in;
    world->server.in = (struct buffer){0};
    tls_session_free(session);
    int refused = 0;
    for (size_t at = 0; at < hello.length; at++) {
        connect_sides(world);
        struct tls_session *server = tls_session_new(context, NULL, &transport, &world->server);
        buffer_append(&world->server.in, hello.data, hello.length);
        world->server.in.data[at] ^= (char)0xff;
        world->server.eof = true;
        int rc = tls_handshake(server);
        if (rc == ERR_AGAIN) {
            rc = tls_handshake(server); /* what is left of a record came before the end */
        }
        refused += rc == ERR_TLS;
        tls_session_free(server);
    }
    /* The peer is gone behind it, so every single one has to end. */
    assert_int_equal(refused, hello.length);
    buffer_fini(&hello);
    tls_context_unref(client);
    tls_context_unref(context);
}

static void test_sessions_keep_their_context(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_context(world, (struct tls_settings){.tickets = true});
    struct tls_context *client = client_context(world);
    struct pair pair = new_pair(world, client, server, "a.test");
    tls_context_unref(server);
    tls_context_unref(client);
    assert_handshake(&pair);
    assert_talk(pair.client, pair.server);
    free_pair(&pair);
    tls_context_unref(NULL);
    tls_session_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_and_their_bindings),
        cmocka_unit_test(test_two_of_ours),
        cmocka_unit_test(test_old_versions_and_ciphers_are_refused),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_the_certificate_follows_the_name),
        cmocka_unit_test(test_the_key_follows_the_client),
        cmocka_unit_test(test_certificates_are_checked_before_use),
        cmocka_unit_test(test_names_of_certificates),
        cmocka_unit_test(test_servers_are_verified),
        cmocka_unit_test(test_clients_are_verified),
        cmocka_unit_test(test_clients_without_a_certificate),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_renegotiation_is_refused),
        cmocka_unit_test(test_the_end_is_in_order_or_not),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_what_a_handshake_waits_for),
        cmocka_unit_test(test_a_flight_leaves_together),
        cmocka_unit_test(test_garbage_is_no_handshake),
        cmocka_unit_test(test_mutated_client_hellos),
        cmocka_unit_test(test_sessions_keep_their_context),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
