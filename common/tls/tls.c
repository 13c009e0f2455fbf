/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * TLS sessions.
 */
#include "common/tls/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/tls_internal.h"

/* Alerts that only warn are passed over, but not for ever. */
#define WARNINGS_MAX 8

static ssize_t moved(struct tls_session *session, ssize_t result)
{
    if (result >= 0) {
        return result;
    }
    gnutls_transport_set_errno(session->gnutls, (int)-result);
    return -1;
}

static ssize_t on_pull(gnutls_transport_ptr_t user, void *bytes, size_t size)
{
    struct tls_session *session = user;
    return moved(session, session->transport->receive(session->user, bytes, size));
}

/* A flight of handshake messages comes in pieces; it leaves as one. */
static ssize_t send_joined(struct tls_session *session, const giovec_t *pieces, int count)
{
    struct buffer joined = {0};
    for (int i = 0; i < count; i++) {
        buffer_append(&joined, pieces[i].iov_base, pieces[i].iov_len);
    }
    ssize_t sent = session->transport->send(session->user, joined.data, joined.length);
    buffer_fini(&joined);
    return sent;
}

static ssize_t on_push(gnutls_transport_ptr_t user, const giovec_t *pieces, int count)
{
    struct tls_session *session = user;
    ssize_t sent =
        count == 1 ? session->transport->send(session->user, pieces[0].iov_base, pieces[0].iov_len)
                   : send_joined(session, pieces, count);
    return moved(session, sent);
}

static void configure_server(struct tls_session *session)
{
    const struct tls_context *context = session->context;
    if (context->ticket_key.data) {
        gnutls_session_ticket_enable_server(session->gnutls, &context->ticket_key);
    }
    if (context->request_certificate || context->known_keys) {
        gnutls_certificate_server_set_request(
            session->gnutls, context->known_keys ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
        /* The names of all CAs would be more than the rest of the handshake. */
        gnutls_certificate_send_x509_rdn_sequence(session->gnutls, 1);
    }
}

static void configure_client(struct tls_session *session)
{
    const char *name = session->server_name;
    if (name) {
        gnutls_server_name_set(session->gnutls, GNUTLS_NAME_DNS, name, strlen(name));
    }
}

static unsigned flags(const struct tls_context *context)
{
    unsigned common = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    if (context->role == TLS_CLIENT) {
        return common | GNUTLS_CLIENT | GNUTLS_NO_TICKETS;
    }
    return common | GNUTLS_SERVER | (context->ticket_key.data ? 0 : GNUTLS_NO_TICKETS);
}

struct tls_session *tls_session_new(struct tls_context *context, const char *server_name,
                                    const struct tls_transport *transport, void *user)
{
    struct tls_session *session = xcalloc(1, sizeof(*session));
    if (gnutls_init(&session->gnutls, flags(context)) < 0) {
        abort(); /* out of memory */
    }
    session->context = tls_context_ref(context);
    session->transport = transport;
    session->user = user;
    session->problem = "";
    session->server_name = server_name ? tls_name_ascii(server_name) : NULL;
    gnutls_session_set_ptr(session->gnutls, session);
    gnutls_priority_set(session->gnutls, context->priority);
    gnutls_credentials_set(session->gnutls, GNUTLS_CRD_CERTIFICATE, context->credentials);
    if (context->alpn_count > 0) {
        gnutls_alpn_set_protocols(session->gnutls, context->alpn, context->alpn_count,
                                  GNUTLS_ALPN_MANDATORY);
    }
    gnutls_transport_set_ptr(session->gnutls, session);
    gnutls_transport_set_pull_function(session->gnutls, on_pull);
    gnutls_transport_set_vec_push_function(session->gnutls, on_push);
    if (context->role == TLS_SERVER) {
        configure_server(session);
    } else {
        configure_client(session);
    }
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (!session) {
        return;
    }
    gnutls_deinit(session->gnutls);
    tls_context_unref(session->context);
    free(session->server_name);
    free(session);
}

static const char *describe(const struct tls_session *session, int result)
{
    if (result != GNUTLS_E_FATAL_ALERT_RECEIVED) {
        return gnutls_strerror(result);
    }
    const char *alert = gnutls_alert_get_name(gnutls_alert_get(session->gnutls));
    return alert ? alert : "unknown alert";
}

static int fatal(struct tls_session *session, int result)
{
    session->problem = describe(session, result);
    if (result == GNUTLS_E_PULL_ERROR || result == GNUTLS_E_PREMATURE_TERMINATION) {
        return ERR_CLOSED;
    }
    if (result != GNUTLS_E_PUSH_ERROR && result != GNUTLS_E_FATAL_ALERT_RECEIVED) {
        gnutls_alert_send_appropriate(session->gnutls, result);
    }
    return ERR_TLS;
}

static bool is_again(int result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

int tls_handshake(struct tls_session *session)
{
    for (int warnings = 0;; warnings++) {
        int rc = gnutls_handshake(session->gnutls);
        if (rc == GNUTLS_E_SUCCESS) {
            return 0;
        }
        if (is_again(rc)) {
            return ERR_AGAIN;
        }
        if (gnutls_error_is_fatal(rc) || warnings == WARNINGS_MAX) {
            (void)fatal(session, rc);
            return ERR_TLS;
        }
    }
}

/* Renegotiation (GNUTLS_E_REHANDSHAKE) is no fatal error to GnuTLS, but one to us: it costs the
 * server far more than the client that asks for it. */
ssize_t tls_read(struct tls_session *session, void *bytes, size_t size)
{
    for (int warnings = 0;; warnings++) {
        ssize_t rc = gnutls_record_recv(session->gnutls, bytes, size);
        if (rc >= 0) {
            return rc;
        }
        if (is_again((int)rc)) {
            return ERR_AGAIN;
        }
        if (rc != GNUTLS_E_WARNING_ALERT_RECEIVED || warnings == WARNINGS_MAX) {
            return fatal(session, (int)rc);
        }
    }
}

ssize_t tls_write(struct tls_session *session, const void *bytes, size_t length)
{
    ssize_t rc = gnutls_record_send(session->gnutls, bytes, length);
    if (rc >= 0) {
        return rc;
    }
    if (is_again((int)rc)) {
        return ERR_AGAIN;
    }
    session->problem = describe(session, (int)rc);
    return ERR_TLS;
}

void tls_bye(struct tls_session *session)
{
    if (!session->bye_said) {
        session->bye_said = true;
        gnutls_bye(session->gnutls, GNUTLS_SHUT_WR);
    }
}

size_t tls_pending(const struct tls_session *session)
{
    return gnutls_record_check_pending(session->gnutls);
}

bool tls_wants_write(const struct tls_session *session)
{
    return gnutls_record_get_direction(session->gnutls) == 1;
}

const char *tls_problem(const struct tls_session *session)
{
    return session->problem;
}
