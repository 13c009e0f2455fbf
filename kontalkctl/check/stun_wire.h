/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A way to a STUN server, of which questions are asked one after another (RFC 8489 §6.2): by
 * datagrams, which are sent again since they get lost, or by TCP, in clear or under TLS.
 */
#pragma once

#include "common/base/buffer.h"
#include "kontalkctl/check/wire.h"

enum stun_transport { STUN_BY_UDP, STUN_BY_TCP, STUN_BY_TLS };

struct stun_wire;

/* NULL: *problem says why. For TLS the server is `host`, by the authorities of ca_file (NULL: those
 * of the system). */
struct stun_wire *stun_wire_open(const struct address *address, enum stun_transport transport,
                                 const char *host, const char *ca_file, const char **problem);
/* NULL is allowed. */
void stun_wire_close(struct stun_wire *wire);
/* Under TLS: the certificate is for the host, and to be trusted. */
bool stun_wire_is_trusted(const struct stun_wire *wire);
/* Negative: ERR_*, and *problem says why. What was in `answer` is overwritten. */
MUST_CHECK int stun_wire_ask(struct stun_wire *wire, const struct buffer *request,
                             struct buffer *answer, const char **problem);
