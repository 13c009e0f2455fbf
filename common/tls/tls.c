/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Placeholder until TLS is there: what common/io needs to link.
 */
#include "common/tls/tls.h"

#include "common/base/error.h"

void tls_session_free(struct tls_session *session)
{
    (void)session;
}

ssize_t tls_read(struct tls_session *session, void *bytes, size_t size)
{
    (void)session, (void)bytes, (void)size;
    return ERR_TLS;
}

ssize_t tls_write(struct tls_session *session, const void *bytes, size_t length)
{
    (void)session, (void)bytes, (void)length;
    return ERR_TLS;
}

void tls_bye(struct tls_session *session)
{
    (void)session;
}

bool tls_wants_write(const struct tls_session *session)
{
    (void)session;
    return false;
}
