/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of contexts and sessions, for common/tls only.
 */
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "common/tls/tls.h"
#include "common/tls/verify.h"

/* A chain with its key. */
struct tls_certificate {
    struct tls_certificate *next;
    char *name; /* what it was added for, as an A-label; NULL: what it says itself */
    gnutls_x509_crt_t leaf;
    gnutls_pcert_st *chain;
    unsigned count;
    gnutls_privkey_t key;
    gnutls_pk_algorithm_t algorithm;
};

struct tls_context {
    unsigned references;
    enum tls_role role;
    bool request_certificate;
    bool known_keys;
    gnutls_priority_t priority;
    gnutls_certificate_credentials_t credentials;
    struct tls_certificate *certificates;
    gnutls_datum_t *alpn; /* points into alpn_names */
    char **alpn_names;
    unsigned alpn_count;
    gnutls_datum_t ticket_key; /* empty: no tickets */
};

struct tls_session {
    gnutls_session_t gnutls;
    struct tls_context *context;
    const struct tls_transport *transport;
    void *user;
    const char *problem; /* static text */
    char *server_name;   /* a client's wish; on a server, once it was asked for */
    bool bye_said;
};

/* verify.c: the chain that the peer has shown, the leaf first. A longer one is not looked at. */
#define TLS_CHAIN_MAX 16
struct tls_chain {
    gnutls_x509_crt_t certificates[TLS_CHAIN_MAX];
    unsigned count;
};
/* ERR_NOT_FOUND: it has shown none that can be read. */
MUST_CHECK int tls_chain_init(struct tls_chain *chain, const struct tls_session *session);
void tls_chain_fini(struct tls_chain *chain);

/* certificate.c */
MUST_CHECK int tls_certificate_load(const char *name, const char *certificate_file,
                                    const char *key_file, struct tls_certificate **certificate,
                                    const char **problem);
void tls_certificate_free(struct tls_certificate *certificate);
/* The one to show to a peer that asked for `server_name` (may be NULL); NULL if there is none. */
const struct tls_certificate *tls_certificate_choose(const struct tls_context *context,
                                                     gnutls_session_t session,
                                                     const char *server_name);

/* peer.c: the server name that a client asked for; free() it. NULL: none. */
char *tls_received_name(gnutls_session_t gnutls);

/* names.c */
/* Calls back for each subjectAltName until one says true. `value` is NUL-terminated; a name with a
 * NUL inside is passed over, since it is made to look like another one. `type` is one of
 * gnutls_x509_subject_alt_name_t. */
typedef bool tls_each_name(void *user, unsigned type, const char *value);
bool tls_certificate_any_name(gnutls_x509_crt_t certificate, tls_each_name *each, void *user);
/* The certificate says it is for `name` (an A-label): a dNSName, SRVName or xmppAddr
 * (RFC 6120 §13.7.1.2, RFC 6125 §6.4). The common name is not looked at (RFC 9525 §2). */
bool tls_certificate_covers(gnutls_x509_crt_t certificate, const char *name);
/* Of the SRVNames only that service counts: "_xmpp-server."; NULL: any. */
bool tls_certificate_covers_service(gnutls_x509_crt_t certificate, const char *name,
                                    const char *service);
/* Calls back for each id-on-xmppAddr (RFC 6120 §13.7.1.4). */
void tls_certificate_addresses(gnutls_x509_crt_t certificate,
                               void (*address)(void *user, const char *jid), void *user);
