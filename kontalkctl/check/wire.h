/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A connection that waits, in clear or under TLS. All it does has to be done within
 * CHECK_PROBE_MS from its opening.
 */
#pragma once

#include "common/base/buffer.h"
#include "common/io/address.h"
#include "common/tls/tls.h"

struct wire;

/* Where this machine reaches what listens at the address of a configuration: "[::]:5222" is
 * everywhere. ERR_INVALID. */
MUST_CHECK int wire_local_address(const char *text, struct address *address);
/* NULL: *problem says why; static or of the thread. */
struct wire *wire_open(const struct address *address, const char **problem);
void wire_close(struct wire *wire);
/* TLS of a client, who asks for `name`. ca_file NULL: the authorities of the system; alpn NULL:
 * none. Whether the certificate is good is not asked here (tls_verify_server()). */
MUST_CHECK int wire_secure(struct wire *wire, const char *name, const char *ca_file,
                           const char *alpn, const char **problem);
/* NULL in clear. */
struct tls_session *wire_tls(struct wire *wire);
MUST_CHECK int wire_send(struct wire *wire, const void *bytes, size_t length, const char **problem);
MUST_CHECK int wire_write(struct wire *wire, const char *text, const char **problem);
/* Some more bytes; 0: the other end has closed. Negative: ERR_*. */
MUST_CHECK ssize_t wire_read(struct wire *wire, char *bytes, size_t size, const char **problem);
