/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * TLS sessions over bytes that somebody else moves (GnuTLS behind it, and nowhere else). TLS 1.2
 * and 1.3 with AEAD ciphers only, no renegotiation, no compression, no early data.
 *
 * A struct tls_context is what sessions of one kind share: certificates by server name,
 * priorities, ticket key, ALPN. It is counted: sessions keep the one they began with, so
 * certificates are renewed by making a new context for new sessions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"

struct tls_context;
struct tls_session;

enum tls_role { TLS_CLIENT, TLS_SERVER };

/* What sessions may be made of, as GnuTLS writes it: for libraries that do TLS by themselves. */
const char *tls_priorities(void);

struct tls_settings {
    enum tls_role role;
    const char *const *alpn;  /* offered or accepted protocols, NULL-terminated; NULL: none.
                                 With direct TLS a client that offers only others gets an alert. */
    bool request_certificate; /* of the client; its absence is fine, verification is asked later */
    const char *ca_file;      /* PEM with trusted CAs; NULL: the system's */
    bool tickets;             /* session resumption (server) */
    /* Both ends are known by their keys (pin.h): TLS 1.3 only, the peer has to show a certificate,
     * and who has signed it does not matter. No authorities are loaded. */
    bool known_keys;
};

/* ERR_SYSTEM or ERR_INVALID; *problem (static or thread-local text) says why. */
MUST_CHECK int tls_context_new(const struct tls_settings *settings, struct tls_context **context,
                               const char **problem);
/* A certificate chain with its key for these names (from the certificate itself if `name` is NULL);
 * checks that the key belongs to the certificate, that it is valid now, and that it covers `name`.
 * The first one added is the default for unknown or missing SNI. */
MUST_CHECK int tls_context_add_certificate(struct tls_context *context, const char *name,
                                           const char *certificate_file, const char *key_file,
                                           const char **problem);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);

/* How bytes move below the session: like recv(2)/send(2), negative errno, -EAGAIN when not now. */
struct tls_transport {
    ssize_t (*receive)(void *user, void *bytes, size_t size);
    ssize_t (*send)(void *user, const void *bytes, size_t length);
};

/* server_name: what a client asks for (SNI) and later verifies; NULL for servers. */
struct tls_session *tls_session_new(struct tls_context *context, const char *server_name,
                                    const struct tls_transport *transport, void *user);
void tls_session_free(struct tls_session *session);

/* 0 when done, ERR_AGAIN (see tls_wants_write), ERR_TLS (tls_problem() says why, an alert went). */
MUST_CHECK int tls_handshake(struct tls_session *session);
/* Bytes read, 0 at an orderly end (close_notify), ERR_AGAIN, ERR_CLOSED (cut off without
 * close_notify), ERR_TLS (also for renegotiation). */
MUST_CHECK ssize_t tls_read(struct tls_session *session, void *bytes, size_t size);
/* Bytes taken, ERR_AGAIN (call again with the same bytes), ERR_TLS. */
MUST_CHECK ssize_t tls_write(struct tls_session *session, const void *bytes, size_t length);
/* Sends close_notify, once, as far as the transport takes it. */
void tls_bye(struct tls_session *session);
/* Bytes already decrypted and waiting: read them before waiting for the socket. */
size_t tls_pending(const struct tls_session *session);
/* After ERR_AGAIN from the handshake: whether it waits for writability rather than bytes. */
bool tls_wants_write(const struct tls_session *session);
const char *tls_problem(const struct tls_session *session);

/* "TLSv1.3", "AES-256-GCM": for logs and features. */
const char *tls_version(const struct tls_session *session);
const char *tls_cipher(const struct tls_session *session);
/* One of the protocols of the context was agreed on (RFC 7301); a client need not offer any. */
bool tls_has_protocol(const struct tls_session *session);
const char *tls_server_name(const struct tls_session *session); /* SNI received, or NULL */

/* RFC 9266 and RFC 5929. ERR_UNSUPPORTED if this session has no such binding. */
enum tls_binding { TLS_BINDING_EXPORTER, TLS_BINDING_SERVER_END_POINT };
MUST_CHECK int tls_channel_binding(const struct tls_session *session, enum tls_binding binding,
                                   struct buffer *data);

/* The peer's certificate against the CAs of the context, for client use; ERR_NOT_FOUND if there is
 * none, ERR_DENIED if it is not trusted now. Purpose is not checked (RFC 6120 §13.7.2.2 leaves it).
 */
MUST_CHECK int tls_verify_peer(struct tls_session *session);
/* Authorities that certify clients, from a file in PEM. ERR_INVALID; *problem says why. */
struct tls_authorities;
MUST_CHECK int tls_authorities_load(const char *file, struct tls_authorities **authorities,
                                    const char **problem);
void tls_authorities_free(struct tls_authorities *authorities);
/* As tls_verify_peer(), against these and no others. */
MUST_CHECK int tls_verify_client(const struct tls_session *session,
                                 const struct tls_authorities *authorities);
/* Calls back for each id-on-xmppAddr of the peer's certificate (RFC 6120 §13.7.1.4). */
void tls_peer_addresses(const struct tls_session *session,
                        void (*address)(void *user, const char *jid), void *user);
/* For clients: the peer's certificate is trusted and covers the server name (RFC 6125). */
MUST_CHECK int tls_verify_server(struct tls_session *session);
