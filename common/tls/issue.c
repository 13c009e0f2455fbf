/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Making certificates.
 */
#include "common/tls/issue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/tls/key_file.h"
#include "common/tls/tls_internal.h"

#define DAY 86400

void issue_require(int result)
{
    if (result < 0)
        abort();
}

void issue_key(gnutls_x509_privkey_t *key)
{
    issue_require(gnutls_x509_privkey_init(key));
    issue_require(gnutls_x509_privkey_generate(
        *key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
}

void issue_begin(gnutls_x509_crt_t *certificate, gnutls_x509_privkey_t key, time_t ends)
{
    uint8_t serial[16];
    time_t now = (time_t)(clock_wall_us() / 1000000);

    crypto_random(serial, sizeof(serial));
    serial[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
    issue_require(gnutls_x509_crt_init(certificate));
    issue_require(gnutls_x509_crt_set_version(*certificate, 3));
    issue_require(gnutls_x509_crt_set_serial(*certificate, serial, sizeof(serial)));
    issue_require(gnutls_x509_crt_set_activation_time(*certificate, now - DAY));
    issue_require(gnutls_x509_crt_set_expiration_time(*certificate, ends));
    issue_require(gnutls_x509_crt_set_key(*certificate, key));
}

void issue_add_name(gnutls_x509_crt_t certificate, const char *name)
{
    char *ascii = tls_name_ascii(name);

    issue_require(gnutls_x509_crt_set_subject_alt_name(
        certificate, GNUTLS_SAN_DNSNAME, ascii, (unsigned)strlen(ascii), GNUTLS_FSAN_APPEND));
    free(ascii);
}

void issue_sign(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer,
                gnutls_x509_privkey_t issuer_key)
{
    issue_require(gnutls_x509_crt_sign2(certificate, issuer, issuer_key, GNUTLS_DIG_SHA256, 0));
}

int issue_save(gnutls_x509_crt_t certificate, const char *file)
{
    gnutls_datum_t pem;

    issue_require(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem));
    int error = key_file_write(file, &pem, 0644);
    gnutls_free(pem.data);
    return error;
}
