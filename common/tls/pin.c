/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of nodes, and their pins.
 */
#include "common/tls/pin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/tls/issue.h"
#include "common/tls/key_file.h"
#include "common/tls/tls_internal.h"

/* It has no end: it is worth what the pin is worth. */
static int save_certificate(gnutls_x509_privkey_t key, const char *host, const char *file)
{
    gnutls_x509_crt_t certificate;

    issue_begin(&certificate, key, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
    issue_add_name(certificate, host);
    issue_require(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    issue_sign(certificate, certificate, key);
    int error = issue_save(certificate, file);
    gnutls_x509_crt_deinit(certificate);
    return error;
}

int tls_node_key_make(const char *host, const char *certificate_file, const char *key_file,
                      const char **problem)
{
    gnutls_x509_privkey_t key;

    issue_key(&key);
    int error = key_file_save(key, key_file);
    if (error) {
        *problem = strerror(errno);
    } else if ((error = save_certificate(key, host, certificate_file)) != 0) {
        *problem = strerror(errno);
        unlink(key_file);
    }
    gnutls_x509_privkey_deinit(key);
    return error;
}

static int pin_of(gnutls_x509_crt_t certificate, uint8_t pin[TLS_PIN_SIZE])
{
    size_t size = TLS_PIN_SIZE;

    return gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, pin, &size) < 0 ||
                   size != TLS_PIN_SIZE
               ? ERR_INVALID
               : 0;
}

int tls_pin_of_file(const char *certificate_file, uint8_t pin[TLS_PIN_SIZE], const char **problem)
{
    gnutls_datum_t pem;
    gnutls_x509_crt_t certificate;

    if (gnutls_load_file(certificate_file, &pem) < 0) {
        *problem = "the certificate file cannot be read";
        return ERR_SYSTEM;
    }
    issue_require(gnutls_x509_crt_init(&certificate));
    int error = gnutls_x509_crt_import(certificate, &pem, GNUTLS_X509_FMT_PEM) < 0
                    ? ERR_INVALID
                    : pin_of(certificate, pin);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(certificate);
    if (error)
        *problem = "this is not a certificate in PEM";
    return error;
}

int tls_pin_of_peer(const struct tls_session *session, uint8_t pin[TLS_PIN_SIZE])
{
    struct tls_chain chain;
    int error = tls_chain_init(&chain, session);

    if (error)
        return error;
    error = pin_of(chain.certificates[0], pin);
    tls_chain_fini(&chain);
    return error ? ERR_NOT_FOUND : 0;
}
