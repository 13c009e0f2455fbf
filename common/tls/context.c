/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * TLS contexts: what sessions of one kind share.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/tls/tls_internal.h"

/* RFC 9325: TLS 1.2 and 1.3, forward secrecy, authenticated encryption only. Certificates of peers
 * need keys of at least 112 bits of strength and no SHA-1 (§4.5). */
static const char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
    ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
    ":-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD"
    ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
    ":%PROFILE_MEDIUM";

/* Between programs that are both ours nothing older is needed. */
static const char priorities_known_keys[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3"
    ":-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD"
    ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1";

const char *tls_priorities(void)
{
    return priorities;
}

static int failed(int result, const char **problem)
{
    *problem = gnutls_strerror(result);
    return ERR_SYSTEM;
}

/* GnuTLS asks which certificate to show. None is an answer too, for clients. */
static int on_retrieve(gnutls_session_t gnutls, const struct gnutls_cert_retr_st *info,
                       gnutls_pcert_st **chain, unsigned *count, gnutls_ocsp_data_st **ocsp,
                       unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
    (void)info;
    struct tls_session *session = gnutls_session_get_ptr(gnutls);
    char *name = session->context->role == TLS_SERVER ? tls_received_name(gnutls) : NULL;
    const struct tls_certificate *chosen = tls_certificate_choose(session->context, gnutls, name);
    free(name);
    *ocsp = NULL;
    *ocsp_count = 0;
    *flags = 0;
    *chain = chosen ? chosen->chain : NULL;
    *count = chosen ? chosen->count : 0;
    *key = chosen ? chosen->key : NULL;
    return 0;
}

/* The CAs are needed only where somebody's certificate is verified. */
static int load_authorities(struct tls_context *context, const char *ca_file, const char **problem)
{
    if (context->known_keys || (context->role == TLS_SERVER && !context->request_certificate)) {
        return 0;
    }
    int loaded = ca_file ? gnutls_certificate_set_x509_trust_file(context->credentials, ca_file,
                                                                  GNUTLS_X509_FMT_PEM)
                         : gnutls_certificate_set_x509_system_trust(context->credentials);
    if (loaded < 0 && ca_file) {
        return failed(loaded, problem);
    }
    if (loaded == 0 && ca_file) {
        *problem = "no certificates in the file of trusted authorities";
        return ERR_INVALID;
    }
    return 0;
}

static void copy_alpn(struct tls_context *context, const char *const *names)
{
    unsigned count = 0;
    while (names && names[count]) {
        count++;
    }
    if (count == 0) {
        return;
    }
    context->alpn = xcalloc(count, sizeof(*context->alpn));
    context->alpn_names = xcalloc(count, sizeof(*context->alpn_names));
    context->alpn_count = count;
    for (unsigned i = 0; i < count; i++) {
        context->alpn_names[i] = xstrdup(names[i]);
        context->alpn[i].data = (unsigned char *)context->alpn_names[i];
        context->alpn[i].size = (unsigned)strlen(names[i]);
    }
}

static int set_up(struct tls_context *context, const struct tls_settings *settings,
                  const char **problem)
{
    int rc = gnutls_priority_init(&context->priority,
                                  context->known_keys ? priorities_known_keys : priorities, NULL);
    if (rc == 0) {
        rc = gnutls_certificate_allocate_credentials(&context->credentials);
    }
    if (rc == 0 && settings->tickets && settings->role == TLS_SERVER) {
        rc = gnutls_session_ticket_key_generate(&context->ticket_key);
    }
    if (rc < 0) {
        return failed(rc, problem);
    }
    gnutls_certificate_set_retrieve_function3(context->credentials, on_retrieve);
    return load_authorities(context, settings->ca_file, problem);
}

int tls_context_new(const struct tls_settings *settings, struct tls_context **context,
                    const char **problem)
{
    struct tls_context *new = xcalloc(1, sizeof(*new));
    new->references = 1;
    new->role = settings->role;
    new->request_certificate = settings->request_certificate;
    new->known_keys = settings->known_keys;
    copy_alpn(new, settings->alpn);
    int rc = set_up(new, settings, problem);
    if (rc < 0) {
        tls_context_unref(new);
        return rc;
    }
    *context = new;
    return 0;
}

int tls_context_add_certificate(struct tls_context *context, const char *name,
                                const char *certificate_file, const char *key_file,
                                const char **problem)
{
    struct tls_certificate *certificate;
    int rc = tls_certificate_load(name, certificate_file, key_file, &certificate, problem);
    if (rc < 0) {
        return rc;
    }
    LL_APPEND(context->certificates, certificate);
    return 0;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    context->references++;
    return context;
}

static void context_free(struct tls_context *context)
{
    struct tls_certificate *certificate, *next;
    LL_FOREACH_SAFE (context->certificates, certificate, next) {
        tls_certificate_free(certificate);
    }
    for (unsigned i = 0; i < context->alpn_count; i++) {
        free(context->alpn_names[i]);
    }
    free(context->alpn_names);
    free(context->alpn);
    if (context->ticket_key.data) {
        gnutls_memset(context->ticket_key.data, 0, context->ticket_key.size);
        gnutls_free(context->ticket_key.data);
    }
    if (context->credentials) {
        gnutls_certificate_free_credentials(context->credentials);
    }
    if (context->priority) {
        gnutls_priority_deinit(context->priority);
    }
    free(context);
}

void tls_context_unref(struct tls_context *context)
{
    if (context && --context->references == 0) {
        context_free(context);
    }
}
