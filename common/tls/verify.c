/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether the peer is a server of a domain.
 */
#include "common/tls/verify.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "common/base/error.h"
#include "common/tls/tls_internal.h"

#define SERVICE "_xmpp-server."

enum { USAGE_TA = 2, USAGE_EE = 3 };
enum { SELECTOR_CERTIFICATE, SELECTOR_KEY, SELECTORS };
enum { MATCHING_SHA256 = 1, MATCHING_SHA512 = 2 };

void tls_chain_fini(struct tls_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++)
        gnutls_x509_crt_deinit(chain->certificates[i]);
}

int tls_chain_init(struct tls_chain *chain, const struct tls_session *session)
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session->gnutls, &count);
    chain->count = 0;
    for (unsigned i = 0; shown && i < count && i < TLS_CHAIN_MAX; i++) {
        gnutls_x509_crt_t certificate;
        if (gnutls_x509_crt_init(&certificate) < 0)
            break;
        chain->certificates[chain->count++] = certificate;
        if (gnutls_x509_crt_import(certificate, &shown[i], GNUTLS_X509_FMT_DER) < 0)
            break;
    }
    if (chain->count > 0 && chain->count == MIN(count, TLS_CHAIN_MAX))
        return 0;
    tls_chain_fini(chain);
    return ERR_NOT_FOUND;
}

/* --- authorities --- */

static const struct {
    unsigned bit;
    const char *text;
} STATUS_ROWS[] = {
    {GNUTLS_CERT_REVOKED, "its certificate has been revoked"},
    {GNUTLS_CERT_EXPIRED, "its certificate has expired"},
    {GNUTLS_CERT_NOT_ACTIVATED, "its certificate is not valid yet"},
    {GNUTLS_CERT_INSECURE_ALGORITHM, "its certificate uses an algorithm or key that is too weak"},
    {GNUTLS_CERT_SIGNER_NOT_FOUND, "its certificate is from an authority that is not trusted"},
    {GNUTLS_CERT_SIGNER_NOT_CA, "its certificate is from somebody who is no authority"},
    {GNUTLS_CERT_SIGNATURE_FAILURE, "the signature of its certificate is wrong"},
};

static int refused(unsigned status, const char **problem)
{
    *problem = "its certificate is not valid";
    for (size_t i = 0; i < ARRAY_SIZE(STATUS_ROWS); i++) {
        if (!(status & STATUS_ROWS[i].bit))
            continue;
        *problem = STATUS_ROWS[i].text;
        break;
    }
    return ERR_DENIED;
}

static bool is_for(gnutls_x509_crt_t certificate, const char *name)
{
    char *ascii = tls_name_ascii(name);
    bool covered = tls_certificate_covers_service(certificate, ascii, SERVICE);
    free(ascii);
    return covered;
}

static int check_name(const struct tls_chain *chain, const char *name, const char **problem)
{
    if (is_for(chain->certificates[0], name))
        return 0;
    *problem = "its certificate is for other names";
    return ERR_DENIED;
}

int tls_verify_domain(const struct tls_session *session, const char *domain, const char **problem)
{
    struct tls_chain chain;
    unsigned status = 0;
    if (tls_chain_init(&chain, session)) {
        *problem = "it has shown no certificate";
        return ERR_NOT_FOUND;
    }
    int error = gnutls_certificate_verify_peers(session->gnutls, NULL, 0, &status);
    if (error < 0 || status != 0)
        error = refused(status, problem);
    else
        error = check_name(&chain, domain, problem);
    tls_chain_fini(&chain);
    return error;
}

/* --- DANE --- */

static gnutls_digest_algorithm_t digest_of(unsigned matching)
{
    return matching == MATCHING_SHA512 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
}

int tls_dane_parse(const uint8_t *data, size_t length, struct tls_dane *record)
{
    if (length < 4)
        return ERR_MALFORMED;
    *record = (struct tls_dane){.usage = data[0], .selector = data[1], .matching = data[2]};
    if ((record->usage != USAGE_TA && record->usage != USAGE_EE) || record->selector >= SELECTORS ||
        (record->matching != MATCHING_SHA256 && record->matching != MATCHING_SHA512))
        return ERR_UNSUPPORTED;
    if (length - 3 != gnutls_hash_get_len(digest_of(record->matching)))
        return ERR_MALFORMED;
    record->length = (uint8_t)(length - 3);
    memcpy(record->data, data + 3, record->length);
    return 0;
}

static int export_key(gnutls_x509_crt_t certificate, gnutls_datum_t *der)
{
    gnutls_pubkey_t key;
    if (gnutls_pubkey_init(&key) < 0)
        return ERR_SYSTEM;
    int error = gnutls_pubkey_import_x509(key, certificate, 0);
    if (error >= 0)
        error = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, der);
    gnutls_pubkey_deinit(key);
    return error < 0 ? ERR_SYSTEM : 0;
}

static bool matches(const struct tls_dane *record, gnutls_x509_crt_t certificate)
{
    gnutls_datum_t der = {0};
    uint8_t digest[TLS_DANE_DATA_MAX];
    int error = record->selector == SELECTOR_KEY
                    ? export_key(certificate, &der)
                    : gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der);
    if (error < 0)
        return false;
    error = gnutls_hash_fast(digest_of(record->matching), der.data, der.size, digest);
    gnutls_free(der.data);
    return error >= 0 && memcmp(digest, record->data, record->length) == 0;
}

/* The chain up to the certificate that the record names as its anchor. */
static bool leads_to(const struct tls_chain *chain, gnutls_x509_crt_t anchor)
{
    gnutls_x509_trust_list_t list;
    unsigned status = 0;
    if (gnutls_x509_trust_list_init(&list, 0) < 0)
        return false;
    gnutls_x509_crt_t anchors[] = {anchor};
    bool good = gnutls_x509_trust_list_add_cas(list, anchors, 1, 0) == 1 &&
                gnutls_x509_trust_list_verify_crt(list, (gnutls_x509_crt_t *)chain->certificates,
                                                  chain->count, 0, &status, NULL) >= 0 &&
                status == 0;
    gnutls_x509_trust_list_deinit(list, 0);
    return good;
}

static bool is_true(const struct tls_dane *record, const struct tls_chain *chain,
                    const char *domain, const char *target)
{
    if (record->usage == USAGE_EE)
        return matches(record, chain->certificates[0]);
    if (!is_for(chain->certificates[0], domain) && !is_for(chain->certificates[0], target))
        return false;
    for (unsigned i = 1; i < chain->count; i++) {
        if (matches(record, chain->certificates[i]) && leads_to(chain, chain->certificates[i]))
            return true;
    }
    return false;
}

int tls_verify_dane(const struct tls_session *session, const struct tls_dane *records, size_t count,
                    const char *domain, const char *target, const char **problem)
{
    struct tls_chain chain;
    bool found = false;
    if (tls_chain_init(&chain, session)) {
        *problem = "it has shown no certificate";
        return ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < count && !found; i++)
        found = is_true(&records[i], &chain, domain, target);
    tls_chain_fini(&chain);
    *problem = found ? NULL : "no TLSA record of the domain is true of its certificate";
    return found ? 0 : ERR_DENIED;
}
