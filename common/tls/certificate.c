/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Certificates with their keys: loaded, checked before they are used, chosen by server name.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/tls/tls_internal.h"

/* A chain beyond this is a mistake: the whole bundle of an authority, say. */
#define CHAIN_MAX 16

#define KEY_ID_SIZE 64

static int failed(int result, const char **problem)
{
    *problem = gnutls_strerror(result);
    return result == GNUTLS_E_FILE_ERROR ? ERR_SYSTEM : ERR_INVALID;
}

static int refused(const char *text, const char **problem)
{
    *problem = text;
    return ERR_INVALID;
}

static void free_all(gnutls_x509_crt_t *certificates, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(certificates[i]);
    }
    gnutls_free(certificates);
}

/* Keeps the first certificate as the leaf; takes the list. */
static int take_chain(struct tls_certificate *certificate, gnutls_x509_crt_t *list, unsigned count)
{
    certificate->chain = xcalloc(count, sizeof(*certificate->chain));
    unsigned taken = count;
    int rc = gnutls_pcert_import_x509_list(certificate->chain, list, &taken, 0);
    if (rc < 0) {
        free(certificate->chain);
        certificate->chain = NULL;
        free_all(list, count);
        return rc;
    }
    certificate->count = taken;
    certificate->leaf = list[0];
    for (unsigned i = 1; i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    certificate->algorithm =
        (gnutls_pk_algorithm_t)gnutls_x509_crt_get_pk_algorithm(certificate->leaf, NULL);
    return 0;
}

static int load_chain(struct tls_certificate *certificate, const char *file, const char **problem)
{
    gnutls_datum_t pem;
    int rc = gnutls_load_file(file, &pem);
    if (rc < 0) {
        *problem = "the certificate file cannot be read";
        return ERR_SYSTEM;
    }
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    rc = gnutls_x509_crt_list_import2(&list, &count, &pem, GNUTLS_X509_FMT_PEM,
                                      GNUTLS_X509_CRT_LIST_SORT);
    gnutls_free(pem.data);
    if (rc < 0) {
        return failed(rc, problem);
    }
    if (count == 0 || count > CHAIN_MAX) {
        free_all(list, count);
        return refused("the chain is empty or too long", problem);
    }
    rc = take_chain(certificate, list, count);
    return rc < 0 ? failed(rc, problem) : 0;
}

static int load_key(struct tls_certificate *certificate, const char *file, const char **problem)
{
    gnutls_datum_t pem;
    if (gnutls_load_file(file, &pem) < 0) {
        *problem = "the key file cannot be read";
        return ERR_SYSTEM;
    }
    int rc = gnutls_privkey_init(&certificate->key);
    if (rc == 0) {
        rc = gnutls_privkey_import_x509_raw(certificate->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    }
    crypto_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    return rc < 0 ? failed(rc, problem) : 0;
}

static int check_key(const struct tls_certificate *certificate, const char **problem)
{
    unsigned char of_leaf[KEY_ID_SIZE], of_key[KEY_ID_SIZE];
    size_t leaf_size = sizeof(of_leaf), key_size = sizeof(of_key);
    gnutls_pubkey_t public;
    int rc = gnutls_pubkey_init(&public);
    if (rc < 0) {
        return failed(rc, problem);
    }
    rc = gnutls_pubkey_import_privkey(public, certificate->key, 0, 0);
    if (rc == 0) {
        rc = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_size);
    }
    gnutls_pubkey_deinit(public);
    if (rc == 0) {
        rc = gnutls_x509_crt_get_key_id(certificate->leaf, GNUTLS_KEYID_USE_SHA256, of_leaf,
                                        &leaf_size);
    }
    if (rc < 0) {
        return failed(rc, problem);
    }
    if (key_size != leaf_size || memcmp(of_key, of_leaf, key_size) != 0) {
        return refused("the key does not belong to the certificate", problem);
    }
    return 0;
}

static int check_time(const struct tls_certificate *certificate, const char **problem)
{
    time_t now = (time_t)(clock_wall_us() / 1000000);
    if (gnutls_x509_crt_get_activation_time(certificate->leaf) > now) {
        return refused("the certificate is not valid yet", problem);
    }
    if (gnutls_x509_crt_get_expiration_time(certificate->leaf) < now) {
        return refused("the certificate has expired", problem);
    }
    return 0;
}

static int check_name(const struct tls_certificate *certificate, const char **problem)
{
    if (certificate->name && !tls_certificate_covers(certificate->leaf, certificate->name)) {
        return refused("the certificate is for other names", problem);
    }
    return 0;
}

int tls_certificate_load(const char *name, const char *certificate_file, const char *key_file,
                         struct tls_certificate **certificate, const char **problem)
{
    struct tls_certificate *loaded = xcalloc(1, sizeof(*loaded));
    loaded->name = name ? tls_name_ascii(name) : NULL;
    int rc = load_chain(loaded, certificate_file, problem);
    if (rc == 0) {
        rc = load_key(loaded, key_file, problem);
    }
    static int (*const checks[])(const struct tls_certificate *,
                                 const char **) = {check_key, check_time, check_name};
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(checks); i++) {
        rc = checks[i](loaded, problem);
    }
    if (rc < 0) {
        tls_certificate_free(loaded);
        return rc;
    }
    *certificate = loaded;
    return 0;
}

void tls_certificate_free(struct tls_certificate *certificate)
{
    for (unsigned i = 0; i < certificate->count; i++) {
        gnutls_pcert_deinit(&certificate->chain[i]);
    }
    free(certificate->chain);
    if (certificate->leaf) {
        gnutls_x509_crt_deinit(certificate->leaf);
    }
    if (certificate->key) {
        gnutls_privkey_deinit(certificate->key);
    }
    free(certificate->name);
    free(certificate);
}

static bool named(const struct tls_certificate *certificate, const char *name)
{
    return certificate->name && strcasecmp(certificate->name, name) == 0;
}

static bool covers(const struct tls_certificate *certificate, const char *name)
{
    return tls_certificate_covers(certificate->leaf, name);
}

/* Whether the peer can check signatures of such a key. */
static bool usable(const struct tls_certificate *certificate, gnutls_session_t session)
{
    gnutls_sign_algorithm_t sign;
    for (size_t i = 0; gnutls_sign_algorithm_get_requested(session, i, &sign) == 0; i++) {
        if (gnutls_sign_supports_pk_algorithm(sign, certificate->algorithm)) {
            return true;
        }
    }
    return false;
}

/* The first that fits, better one with a key that the peer understands. */
static const struct tls_certificate *
choose(const struct tls_certificate *list, gnutls_session_t session,
       bool (*fits)(const struct tls_certificate *certificate, const char *name), const char *name)
{
    const struct tls_certificate *first = NULL;
    for (const struct tls_certificate *one = list; one; one = one->next) {
        if (!fits(one, name)) {
            continue;
        }
        if (usable(one, session)) {
            return one;
        }
        first = first ? first : one;
    }
    return first;
}

const struct tls_certificate *tls_certificate_choose(const struct tls_context *context,
                                                     gnutls_session_t session,
                                                     const char *server_name)
{
    const struct tls_certificate *chosen = NULL;
    if (server_name) {
        chosen = choose(context->certificates, session, named, server_name);
    }
    if (!chosen && server_name) {
        chosen = choose(context->certificates, session, covers, server_name);
    }
    return chosen ? chosen : context->certificates;
}
