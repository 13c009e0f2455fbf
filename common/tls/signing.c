/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Signatures with Ed25519, all from GnuTLS. What cannot fail with the arguments given here ends the
 * process if it does: the library is unusable then.
 */
#include "common/tls/signing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/abstract.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/tls/key_file.h"

struct signing_key {
    gnutls_x509_privkey_t x509;
    gnutls_privkey_t private;
    uint8_t public[SIGNING_KEY_SIZE];
};

static void require(int result)
{
    if (result < 0)
        abort();
}

static void take_half(const gnutls_datum_t *datum, uint8_t half[SIGNING_KEY_SIZE])
{
    if (datum->size != SIGNING_KEY_SIZE)
        abort();
    memcpy(half, datum->data, SIGNING_KEY_SIZE);
}

/* Takes the key. */
static struct signing_key *key_of(gnutls_x509_privkey_t x509)
{
    struct signing_key *key = xcalloc(1, sizeof(*key));
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x = {0}, secret = {0};

    key->x509 = x509;
    require(gnutls_privkey_init(&key->private));
    require(gnutls_privkey_import_x509(key->private, x509, 0));
    require(gnutls_x509_privkey_export_ecc_raw(x509, &curve, &x, NULL, &secret));
    take_half(&x, key->public);
    crypto_wipe(secret.data, secret.size);
    gnutls_free(x.data);
    gnutls_free(secret.data);
    return key;
}

struct signing_key *signing_key_generate(void)
{
    gnutls_x509_privkey_t x509;

    require(gnutls_x509_privkey_init(&x509));
    require(gnutls_x509_privkey_generate(x509, GNUTLS_PK_EDDSA_ED25519,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0));
    return key_of(x509);
}

static int refuse(int error, const char *text, const char **problem)
{
    *problem = text;
    return error;
}

static int check_file(const char *file, const char **problem)
{
    struct stat status;

    if (stat(file, &status) != 0)
        return errno == ENOENT ? refuse(ERR_NOT_FOUND, "there is no such file", problem)
                               : refuse(ERR_SYSTEM, "the file cannot be reached", problem);
    if (!S_ISREG(status.st_mode))
        return refuse(ERR_INVALID, "this is not a file", problem);
    if (status.st_mode & S_IRWXO)
        return refuse(ERR_DENIED,
                      "the file can be reached by others: take their rights away (chmod o= FILE)",
                      problem);
    return 0;
}

int signing_key_load(const char *file, struct signing_key **key, const char **problem)
{
    gnutls_datum_t pem;
    gnutls_x509_privkey_t x509;
    int error = check_file(file, problem);

    if (error)
        return error;
    if (gnutls_load_file(file, &pem) < 0)
        return refuse(ERR_SYSTEM, "the file cannot be read", problem);
    require(gnutls_x509_privkey_init(&x509));
    int rc = gnutls_x509_privkey_import(x509, &pem, GNUTLS_X509_FMT_PEM);
    crypto_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    if (rc < 0 || gnutls_x509_privkey_get_pk_algorithm(x509) != GNUTLS_PK_EDDSA_ED25519) {
        gnutls_x509_privkey_deinit(x509);
        return refuse(ERR_INVALID, "this is not an Ed25519 key in PEM", problem);
    }
    *key = key_of(x509);
    return 0;
}

int signing_key_save(const struct signing_key *key, const char *file)
{
    return key_file_save(key->x509, file);
}

void signing_key_free(struct signing_key *key)
{
    if (!key)
        return;
    gnutls_privkey_deinit(key->private);
    gnutls_x509_privkey_deinit(key->x509);
    free(key);
}

void signing_key_public(const struct signing_key *key, uint8_t public[SIGNING_KEY_SIZE])
{
    memcpy(public, key->public, SIGNING_KEY_SIZE);
}

/* GnuTLS only reads a datum, but it is not const. */
static gnutls_datum_t datum_of(const void *bytes, size_t length)
{
    return (gnutls_datum_t){(unsigned char *)bytes, (unsigned)length};
}

void signing_key_sign(const struct signing_key *key, const void *bytes, size_t length,
                      uint8_t signature[SIGNATURE_SIZE])
{
    gnutls_datum_t data = datum_of(bytes, length), made = {0};

    require(gnutls_privkey_sign_data2(key->private, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &made));
    if (made.size != SIGNATURE_SIZE)
        abort();
    memcpy(signature, made.data, SIGNATURE_SIZE);
    gnutls_free(made.data);
}

bool signature_is_good(const uint8_t public[SIGNING_KEY_SIZE], const void *bytes, size_t length,
                       const uint8_t signature[SIGNATURE_SIZE])
{
    gnutls_datum_t x = datum_of(public, SIGNING_KEY_SIZE), data = datum_of(bytes, length);
    gnutls_datum_t made = datum_of(signature, SIGNATURE_SIZE);
    gnutls_pubkey_t key;

    require(gnutls_pubkey_init(&key));
    bool good = gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, NULL) >= 0 &&
                gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &made) >= 0;
    gnutls_pubkey_deinit(key);
    return good;
}
