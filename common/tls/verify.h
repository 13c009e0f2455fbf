/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether the peer of a session is a server of a domain, at either end of server-to-server streams:
 * by authorities (RFC 6120 §13.7.2, RFC 9525) or by TLSA records (RFC 6698, RFC 7671, RFC 7673).
 */
#pragma once

#include "common/tls/tls.h"

/* The peer's chain is trusted now and its certificate is for `domain`: by dNSName, SRVName of
 * _xmpp-server or id-on-xmppAddr; the common name is not looked at. Its purpose is not either: many
 * authorities issue for one purpose only. ERR_NOT_FOUND: it has shown none; ERR_DENIED. *problem is
 * static text. */
MUST_CHECK int tls_verify_domain(const struct tls_session *session, const char *domain,
                                 const char **problem);

#define TLS_DANE_DATA_MAX 64

/* A TLSA record with a digest. */
struct tls_dane {
    uint8_t usage;
    uint8_t selector;
    uint8_t matching;
    uint8_t length;
    uint8_t data[TLS_DANE_DATA_MAX];
};

/* From the data of a record. ERR_UNSUPPORTED: not DANE-EE (3) or DANE-TA (2) with SHA-256 or
 * SHA-512, which is to be treated as if it were not there (RFC 7671 §10.3). ERR_MALFORMED. */
MUST_CHECK int tls_dane_parse(const uint8_t *data, size_t length, struct tls_dane *record);
/* One of the records (proven by DNSSEC) is true of the peer. DANE-EE replaces every other check
 * (RFC 7671 §5.1); under DANE-TA the certificate has to be for the domain or the target. */
MUST_CHECK int tls_verify_dane(const struct tls_session *session, const struct tls_dane *records,
                               size_t count, const char *domain, const char *target,
                               const char **problem);

/* The certificate that the peer has shown, for people to read: what it says, whether or not it is
 * true. */
struct tls_description {
    char *subject, *issuer; /* distinguished names (RFC 4514) */
    char *begins, *ends;    /* "2026-11-27T14:00:00Z" */
    char *names;            /* "a.test, *.a.test, _xmpp-server.a.test" */
    char *fingerprint;      /* of SHA-256, in hexadecimal digits */
    int64_t ends_s;         /* since 1970 */
};
/* ERR_NOT_FOUND: it has shown none that can be read. */
MUST_CHECK int tls_describe_peer(const struct tls_session *session,
                                 struct tls_description *description);
void tls_description_fini(struct tls_description *description);
/* The certificates that a context shows, each with the name that it was added for, or NULL. */
void tls_describe_own(const struct tls_context *context,
                      void (*each)(void *user, const char *name,
                                   const struct tls_description *description),
                      void *user);

/* "münchen.example" as "xn--mnchen-3ya.example"; as it is if that is impossible. free() it. */
char *tls_name_ascii(const char *name);
