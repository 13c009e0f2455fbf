/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A certificate to try a server out.
 */
#include "common/tls/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"
#include "common/tls/key_file.h"
#include "common/tls/tls_internal.h"

#define DAY 86400

struct pair {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

static void require(int result)
{
    if (result < 0)
        abort();
}

static void pair_begin(struct pair *pair, const char *common_name)
{
    uint8_t serial[16];
    time_t now = (time_t)(clock_wall_us() / 1000000);

    require(gnutls_x509_privkey_init(&pair->key));
    require(gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    require(gnutls_x509_crt_init(&pair->certificate));
    crypto_random(serial, sizeof(serial));
    serial[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
    require(gnutls_x509_crt_set_version(pair->certificate, 3));
    require(gnutls_x509_crt_set_serial(pair->certificate, serial, sizeof(serial)));
    require(gnutls_x509_crt_set_activation_time(pair->certificate, now - DAY));
    require(gnutls_x509_crt_set_expiration_time(pair->certificate, now + 365 * DAY));
    require(gnutls_x509_crt_set_dn_by_oid(pair->certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                          common_name, (unsigned)strlen(common_name)));
    require(gnutls_x509_crt_set_key(pair->certificate, pair->key));
}

static void pair_end(struct pair *pair)
{
    gnutls_x509_crt_deinit(pair->certificate);
    gnutls_x509_privkey_deinit(pair->key);
}

static void make_authority(struct pair *authority)
{
    pair_begin(authority, "Kontalk trial");
    require(gnutls_x509_crt_set_basic_constraints(authority->certificate, 1, 0));
    require(gnutls_x509_crt_set_key_usage(authority->certificate, GNUTLS_KEY_KEY_CERT_SIGN));
    require(gnutls_x509_crt_sign2(authority->certificate, authority->certificate, authority->key,
                                  GNUTLS_DIG_SHA256, 0));
}

static void make_leaf(struct pair *leaf, const struct pair *authority, const char *const *names,
                      size_t count)
{
    pair_begin(leaf, "Kontalk");
    for (size_t i = 0; i < count; i++) {
        char *ascii = tls_name_ascii(names[i]);
        require(gnutls_x509_crt_set_subject_alt_name(leaf->certificate, GNUTLS_SAN_DNSNAME, ascii,
                                                     (unsigned)strlen(ascii),
                                                     i ? GNUTLS_FSAN_APPEND : GNUTLS_FSAN_SET));
        free(ascii);
    }
    require(gnutls_x509_crt_set_basic_constraints(leaf->certificate, 0, 0));
    require(gnutls_x509_crt_set_key_usage(leaf->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    require(gnutls_x509_crt_sign2(leaf->certificate, authority->certificate, authority->key,
                                  GNUTLS_DIG_SHA256, 0));
}

static int save(gnutls_x509_crt_t certificate, const char *file)
{
    gnutls_datum_t pem;

    require(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem));
    int error = key_file_write(file, &pem, 0644);
    gnutls_free(pem.data);
    return error;
}

int tls_trial_make(const char *const *names, size_t count, const char *authority_file,
                   const char *certificate_file, const char *key_file, const char **problem)
{
    struct pair authority, leaf;

    make_authority(&authority);
    make_leaf(&leaf, &authority, names, count);
    int error = key_file_save(leaf.key, key_file);
    if (!error)
        error = save(leaf.certificate, certificate_file);
    if (!error)
        error = save(authority.certificate, authority_file);
    if (error)
        *problem = strerror(errno);
    pair_end(&authority);
    pair_end(&leaf);
    return error;
}
