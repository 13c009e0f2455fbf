/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Certificates for tests, made when they are needed: an authority and what it signs, as PEM files
 * in a directory that goes with it.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

#define PKI_DAY ((time_t)24 * 3600)

struct pki {
    char directory[32];
    char *ca_file;
    gnutls_x509_crt_t ca;
    gnutls_x509_privkey_t ca_key;
    struct buffer files; /* NUL-terminated names, to be removed */
};

/* A chain with its key, as files. */
struct pki_files {
    char *certificate, *key;
};

struct pki_request {
    const char *file;        /* base name of the files */
    const char *common_name; /* NULL: none */
    const char *dns[4];      /* dNSName */
    const char *address[4];  /* id-on-xmppAddr */
    const char *srv;         /* SRVName */
    const char *other_der;   /* a raw id-on-xmppAddr */
    size_t other_der_length;
    int from_days, to_days; /* from now; both 0: from yesterday to tomorrow */
    int rsa_bits;           /* 0: ECDSA on P-256 */
    bool ed25519;
    bool self_signed;
    const char *purpose; /* OID of an extended key usage; NULL: none */
};

static inline void pki_require(int rc)
{
    if (rc < 0) {
        fail_msg("GnuTLS: %s", gnutls_strerror(rc));
    }
}

static inline char *pki_write(struct pki *pki, const char *name, const gnutls_datum_t *bytes)
{
    char *path = xasprintf("%s/%s", pki->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->data, 1, bytes->size, file), bytes->size);
    fclose(file);
    buffer_append(&pki->files, path, strlen(path) + 1);
    return path;
}

static inline char *pki_write_text(struct pki *pki, const char *name, const char *text)
{
    gnutls_datum_t bytes = {(unsigned char *)text, (unsigned)strlen(text)};
    return pki_write(pki, name, &bytes);
}

static inline gnutls_x509_privkey_t pki_key(int rsa_bits, bool ed25519)
{
    gnutls_x509_privkey_t key;
    pki_require(gnutls_x509_privkey_init(&key));
    if (ed25519) {
        pki_require(gnutls_x509_privkey_generate(
            key, GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0));
    } else if (rsa_bits) {
        pki_require(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, (unsigned)rsa_bits, 0));
    } else {
        pki_require(gnutls_x509_privkey_generate(
            key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    }
    return key;
}

static inline gnutls_x509_crt_t pki_blank(gnutls_x509_privkey_t key, const char *common_name,
                                          time_t from, time_t to)
{
    static unsigned char serial;
    serial++;
    gnutls_x509_crt_t crt;
    pki_require(gnutls_x509_crt_init(&crt));
    pki_require(gnutls_x509_crt_set_version(crt, 3));
    pki_require(gnutls_x509_crt_set_serial(crt, &serial, 1));
    pki_require(gnutls_x509_crt_set_activation_time(crt, from));
    pki_require(gnutls_x509_crt_set_expiration_time(crt, to));
    pki_require(gnutls_x509_crt_set_key(crt, key));
    if (common_name) {
        pki_require(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                                  (unsigned)strlen(common_name)));
    }
    return crt;
}

static inline void pki_new(struct pki *pki)
{
    *pki = (struct pki){.directory = "/tmp/kontalk-pki-XXXXXX"};
    assert_non_null(mkdtemp(pki->directory));
    time_t now = time(NULL);
    pki->ca_key = pki_key(0, false);
    pki->ca = pki_blank(pki->ca_key, "Test CA", now - 1000 * PKI_DAY, now + 1000 * PKI_DAY);
    pki_require(gnutls_x509_crt_set_basic_constraints(pki->ca, 1, -1));
    pki_require(gnutls_x509_crt_set_key_usage(pki->ca, GNUTLS_KEY_KEY_CERT_SIGN));
    pki_require(gnutls_x509_crt_sign2(pki->ca, pki->ca, pki->ca_key, GNUTLS_DIG_SHA256, 0));
    gnutls_datum_t pem;
    pki_require(gnutls_x509_crt_export2(pki->ca, GNUTLS_X509_FMT_PEM, &pem));
    pki->ca_file = pki_write(pki, "ca.pem", &pem);
    gnutls_free(pem.data);
}

static inline void pki_free(struct pki *pki)
{
    for (size_t at = 0; at < pki->files.length; at += strlen(pki->files.data + at) + 1) {
        unlink(pki->files.data + at);
    }
    rmdir(pki->directory);
    buffer_fini(&pki->files);
    free(pki->ca_file);
    gnutls_x509_crt_deinit(pki->ca);
    gnutls_x509_privkey_deinit(pki->ca_key);
}

/* DER: a string of one type around text of less than 128 bytes. */
static inline void pki_other_name(gnutls_x509_crt_t crt, const char *oid, unsigned char tag,
                                  const char *text, size_t length)
{
    struct buffer der = {0};
    assert_true(length < 128);
    buffer_append_char(&der, (char)tag);
    buffer_append_char(&der, (char)length);
    buffer_append(&der, text, length);
    pki_require(gnutls_x509_crt_set_subject_alt_othername(crt, oid, der.data, (unsigned)der.length,
                                                          GNUTLS_FSAN_APPEND));
    buffer_fini(&der);
}

static inline void pki_names(gnutls_x509_crt_t crt, const struct pki_request *request)
{
    for (size_t i = 0; i < 4 && request->dns[i]; i++) {
        pki_require(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, request->dns[i],
                                                         (unsigned)strlen(request->dns[i]),
                                                         GNUTLS_FSAN_APPEND));
    }
    for (size_t i = 0; i < 4 && request->address[i]; i++) {
        pki_other_name(crt, "1.3.6.1.5.5.7.8.5", 0x0c, request->address[i],
                       strlen(request->address[i]));
    }
    if (request->srv) {
        pki_other_name(crt, "1.3.6.1.5.5.7.8.7", 0x16, request->srv, strlen(request->srv));
    }
    if (request->other_der) {
        pki_other_name(crt, "1.3.6.1.5.5.7.8.5", 0x0c, request->other_der,
                       request->other_der_length);
    }
}

static inline char *pki_write_pem(struct pki *pki, const char *file, const char *kind,
                                  const gnutls_datum_t *pem)
{
    char *name = xasprintf("%s.%s", file, kind);
    char *path = pki_write(pki, name, pem);
    free(name);
    return path;
}

static inline struct pki_files pki_make(struct pki *pki, const struct pki_request *request)
{
    time_t now = time(NULL);
    bool usual = request->from_days == 0 && request->to_days == 0;
    time_t from = now + (usual ? -1 : request->from_days) * PKI_DAY;
    time_t to = now + (usual ? 1 : request->to_days) * PKI_DAY;
    gnutls_x509_privkey_t key = pki_key(request->rsa_bits, request->ed25519);
    gnutls_x509_crt_t crt = pki_blank(key, request->common_name, from, to);
    pki_names(crt, request);
    if (request->purpose) {
        pki_require(gnutls_x509_crt_set_key_purpose_oid(crt, request->purpose, 0));
    }
    gnutls_digest_algorithm_t digest =
        request->self_signed && request->ed25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
    pki_require(gnutls_x509_crt_sign2(crt, request->self_signed ? crt : pki->ca,
                                      request->self_signed ? key : pki->ca_key, digest, 0));
    struct pki_files files;
    gnutls_datum_t pem;
    pki_require(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem));
    files.certificate = pki_write_pem(pki, request->file, "crt", &pem);
    gnutls_free(pem.data);
    pki_require(
        gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
    files.key = pki_write_pem(pki, request->file, "key", &pem);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    return files;
}

static inline void pki_files_fini(struct pki_files *files)
{
    free(files->certificate);
    free(files->key);
}
