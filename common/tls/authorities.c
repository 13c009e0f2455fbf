/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Authorities of client certificates: each domain has its own, and those of another domain count
 * for nothing with it.
 */
#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/tls_internal.h"

struct tls_authorities {
    gnutls_x509_trust_list_t list;
};

int tls_authorities_load(const char *file, struct tls_authorities **authorities,
                         const char **problem)
{
    struct tls_authorities *loaded = xcalloc(1, sizeof(*loaded));
    int count = gnutls_x509_trust_list_init(&loaded->list, 0);

    if (count >= 0)
        count = gnutls_x509_trust_list_add_trust_file(loaded->list, file, NULL, GNUTLS_X509_FMT_PEM,
                                                      0, 0);
    if (count > 0) {
        *authorities = loaded;
        return 0;
    }
    *problem = count < 0 ? gnutls_strerror(count) : "there is no certificate in the file";
    tls_authorities_free(loaded);
    return ERR_INVALID;
}

void tls_authorities_free(struct tls_authorities *authorities)
{
    if (!authorities)
        return;
    if (authorities->list)
        gnutls_x509_trust_list_deinit(authorities->list, 1);
    free(authorities);
}

int tls_verify_client(const struct tls_session *session, const struct tls_authorities *authorities)
{
    const unsigned flags = GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM);
    struct tls_chain chain;
    unsigned status = 0;
    int error = tls_chain_init(&chain, session);

    if (error)
        return error;
    error = gnutls_x509_trust_list_verify_crt2(authorities->list, chain.certificates, chain.count,
                                               NULL, 0, flags, &status, NULL);
    tls_chain_fini(&chain);
    return error < 0 || status != 0 ? ERR_DENIED : 0;
}
