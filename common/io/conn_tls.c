/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * TLS on a connection. Placeholder until common/tls is there.
 */
#include "common/io/conn_internal.h"

void conn_handshake(struct conn *conn)
{
    conn_abort(conn);
}

void conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name)
{
    (void)context;
    (void)server_name;
    conn_abort(conn);
}

struct tls_session *conn_tls(struct conn *conn)
{
    return conn->tls;
}
