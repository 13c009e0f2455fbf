/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A certificate to try a server out.
 */
#include "common/tls/trial.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/tls/issue.h"
#include "common/tls/key_file.h"

#define YEAR (365 * 86400)

struct pair {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

static void pair_begin(struct pair *pair, const char *common_name)
{
    issue_key(&pair->key);
    issue_begin(&pair->certificate, pair->key, (time_t)(clock_wall_us() / 1000000) + YEAR);
    issue_require(gnutls_x509_crt_set_dn_by_oid(pair->certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                                common_name, (unsigned)strlen(common_name)));
}

static void pair_end(struct pair *pair)
{
    gnutls_x509_crt_deinit(pair->certificate);
    gnutls_x509_privkey_deinit(pair->key);
}

static void make_authority(struct pair *authority)
{
    pair_begin(authority, "Kontalk trial");
    issue_require(gnutls_x509_crt_set_basic_constraints(authority->certificate, 1, 0));
    issue_require(gnutls_x509_crt_set_key_usage(authority->certificate, GNUTLS_KEY_KEY_CERT_SIGN));
    issue_sign(authority->certificate, authority->certificate, authority->key);
}

static void make_leaf(struct pair *leaf, const struct pair *authority, const char *const *names,
                      size_t count)
{
    pair_begin(leaf, "Kontalk");
    for (size_t i = 0; i < count; i++)
        issue_add_name(leaf->certificate, names[i]);
    issue_require(gnutls_x509_crt_set_basic_constraints(leaf->certificate, 0, 0));
    issue_require(gnutls_x509_crt_set_key_usage(leaf->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    issue_sign(leaf->certificate, authority->certificate, authority->key);
}

int tls_trial_make(const char *const *names, size_t count, const char *authority_file,
                   const char *certificate_file, const char *key_file, const char **problem)
{
    struct pair authority, leaf;

    make_authority(&authority);
    make_leaf(&leaf, &authority, names, count);
    int error = key_file_save(leaf.key, key_file);
    if (!error)
        error = issue_save(leaf.certificate, certificate_file);
    if (!error)
        error = issue_save(authority.certificate, authority_file);
    if (error)
        *problem = strerror(errno);
    pair_end(&authority);
    pair_end(&leaf);
    return error;
}
