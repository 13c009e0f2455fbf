/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys of nodes, and their pins.
 */
#include "common/tls/pin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/tls/key_file.h"
#include "common/tls/tls_internal.h"

#define DAY 86400

static void require(int result)
{
    if (result < 0)
        abort();
}

/* It has no end: it is worth what the pin is worth. Its beginning leaves room for clocks. */
static void fill_in(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, const char *host)
{
    uint8_t serial[16];
    time_t now = (time_t)(clock_wall_us() / 1000000);
    char *ascii = tls_name_ascii(host);

    crypto_random(serial, sizeof(serial));
    serial[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
    require(gnutls_x509_crt_set_version(certificate, 3));
    require(gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial)));
    require(gnutls_x509_crt_set_activation_time(certificate, now - DAY));
    require(
        gnutls_x509_crt_set_expiration_time(certificate, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION));
    require(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, ascii,
                                                 (unsigned)strlen(ascii), GNUTLS_FSAN_SET));
    require(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    require(gnutls_x509_crt_set_key(certificate, key));
    require(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0));
    free(ascii);
}

static int save_certificate(gnutls_x509_privkey_t key, const char *host, const char *file)
{
    gnutls_x509_crt_t certificate;
    gnutls_datum_t pem;

    require(gnutls_x509_crt_init(&certificate));
    fill_in(certificate, key, host);
    require(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem));
    int error = key_file_write(file, &pem, 0644);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(certificate);
    return error;
}

int tls_node_key_make(const char *host, const char *certificate_file, const char *key_file,
                      const char **problem)
{
    gnutls_x509_privkey_t key;

    require(gnutls_x509_privkey_init(&key));
    require(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
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
    require(gnutls_x509_crt_init(&certificate));
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
