/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is known about an established session: version, names, channel bindings, and who the peer
 * is.
 */
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/tls_internal.h"

const char *tls_version(const struct tls_session *session)
{
    switch (gnutls_protocol_get_version(session->gnutls)) {
    case GNUTLS_TLS1_3:
        return "TLSv1.3";
    case GNUTLS_TLS1_2:
        return "TLSv1.2";
    default:
        return "unknown";
    }
}

const char *tls_cipher(const struct tls_session *session)
{
    const char *name = gnutls_cipher_get_name(gnutls_cipher_get(session->gnutls));
    return name ? name : "unknown";
}

bool tls_has_protocol(const struct tls_session *session)
{
    gnutls_datum_t protocol;
    return gnutls_alpn_get_selected_protocol(session->gnutls, &protocol) == 0;
}

/* Only one name can be asked for (RFC 6066 §3). */
char *tls_received_name(gnutls_session_t gnutls)
{
    unsigned type;
    size_t size = 0;
    if (gnutls_server_name_get(gnutls, NULL, &size, &type, 0) != GNUTLS_E_SHORT_MEMORY_BUFFER) {
        return NULL;
    }
    char *name = xcalloc(1, size + 1);
    if (gnutls_server_name_get(gnutls, name, &size, &type, 0) < 0) {
        free(name);
        return NULL;
    }
    return name;
}

/* Kept from the first question on, which most sessions are never asked. */
const char *tls_server_name(const struct tls_session *session)
{
    struct tls_session *cache = (struct tls_session *)session;
    if (!session->server_name && session->context->role == TLS_SERVER) {
        cache->server_name = tls_received_name(session->gnutls);
    }
    return session->server_name;
}

/* RFC 9266 §4.2: below TLS 1.3 the exporter binds only with the extended master secret. */
static bool can_export(gnutls_session_t gnutls)
{
    return gnutls_protocol_get_version(gnutls) >= GNUTLS_TLS1_3 ||
           gnutls_session_ext_master_secret_status(gnutls) != 0;
}

static int library_binding(gnutls_session_t gnutls, gnutls_channel_binding_t type,
                           struct buffer *data)
{
    gnutls_datum_t value = {0};
    if (gnutls_session_channel_binding(gnutls, type, &value) < 0) {
        return ERR_UNSUPPORTED;
    }
    buffer_append(data, value.data, value.size);
    gnutls_free(value.data);
    return 0;
}

static int exporter(const struct tls_session *session, struct buffer *data)
{
    if (!can_export(session->gnutls)) {
        return ERR_UNSUPPORTED;
    }
    return library_binding(session->gnutls, GNUTLS_CB_TLS_EXPORTER, data);
}

/* RFC 5929 §4.1: the hash of the certificate's own signature, but nothing weaker than SHA-256. */
static int certificate_hash(const struct tls_certificate *certificate, struct buffer *data)
{
    int sign = gnutls_x509_crt_get_signature_algorithm(certificate->leaf);
    gnutls_digest_algorithm_t hash =
        sign < 0 ? GNUTLS_DIG_UNKNOWN : gnutls_sign_get_hash_algorithm((unsigned)sign);
    if (hash == GNUTLS_DIG_UNKNOWN) {
        return ERR_UNSUPPORTED;
    }
    if (hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1) {
        hash = GNUTLS_DIG_SHA256;
    }
    size_t size = gnutls_hash_get_len(hash);
    char *digest = buffer_reserve(data, size);
    if (gnutls_fingerprint(hash, &certificate->chain[0].cert, digest, &size) < 0) {
        return ERR_UNSUPPORTED;
    }
    buffer_added(data, size);
    return 0;
}

/* A resumed session shows no certificate, so GnuTLS knows of none; it was the one for this name,
 * since tickets are good for one context only. */
static int server_end_point(const struct tls_session *session, struct buffer *data)
{
    int rc = library_binding(session->gnutls, GNUTLS_CB_TLS_SERVER_END_POINT, data);
    if (rc == 0 || session->context->role != TLS_SERVER) {
        return rc;
    }
    const struct tls_certificate *shown =
        gnutls_session_is_resumed(session->gnutls)
            ? tls_certificate_choose(session->context, session->gnutls, tls_server_name(session))
            : NULL;
    return shown ? certificate_hash(shown, data) : ERR_UNSUPPORTED;
}

int tls_channel_binding(const struct tls_session *session, enum tls_binding binding,
                        struct buffer *data)
{
    switch (binding) {
    case TLS_BINDING_EXPORTER:
        return exporter(session, data);
    case TLS_BINDING_SERVER_END_POINT:
        return server_end_point(session, data);
    }
    return ERR_UNSUPPORTED;
}

static int peer_certificate(const struct tls_session *session, gnutls_x509_crt_t *certificate)
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session->gnutls, &count);
    if (!chain || count == 0 || gnutls_x509_crt_init(certificate) < 0) {
        return ERR_NOT_FOUND;
    }
    if (gnutls_x509_crt_import(*certificate, &chain[0], GNUTLS_X509_FMT_DER) < 0) {
        gnutls_x509_crt_deinit(*certificate);
        return ERR_NOT_FOUND;
    }
    return 0;
}

int tls_verify_peer(struct tls_session *session)
{
    unsigned count = 0;
    if (!gnutls_certificate_get_peers(session->gnutls, &count) || count == 0) {
        return ERR_NOT_FOUND;
    }
    unsigned status = 0;
    int rc = gnutls_certificate_verify_peers(session->gnutls, NULL, 0, &status);
    return rc < 0 || status != 0 ? ERR_DENIED : 0;
}

int tls_verify_server(struct tls_session *session)
{
    int rc = tls_verify_peer(session);
    if (rc < 0) {
        return rc;
    }
    gnutls_x509_crt_t certificate;
    rc = peer_certificate(session, &certificate);
    if (rc < 0) {
        return rc;
    }
    bool covered =
        session->server_name && tls_certificate_covers(certificate, session->server_name);
    gnutls_x509_crt_deinit(certificate);
    return covered ? 0 : ERR_DENIED;
}

void tls_peer_addresses(const struct tls_session *session,
                        void (*address)(void *user, const char *jid), void *user)
{
    gnutls_x509_crt_t certificate;
    if (peer_certificate(session, &certificate) < 0) {
        return;
    }
    tls_certificate_addresses(certificate, address, user);
    gnutls_x509_crt_deinit(certificate);
}
