/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Nodes of a network know each other by their keys: a self-signed certificate and the SHA-256 of
 * its SubjectPublicKeyInfo, the pin (as in RFC 7469 §2.4). No authority has a say, and dates do not
 * count.
 */
#pragma once

#include <stdint.h>

#include "common/tls/tls.h"

#define TLS_PIN_SIZE 32

/* A new key with a certificate for `host`, each in a new file; the key for its owner alone.
 * ERR_EXISTS, ERR_SYSTEM: *problem (static, or from errno) says why. */
MUST_CHECK int tls_node_key_make(const char *host, const char *certificate_file,
                                 const char *key_file, const char **problem);
/* Of the first certificate in the file. ERR_SYSTEM, ERR_INVALID. */
MUST_CHECK int tls_pin_of_file(const char *certificate_file, uint8_t pin[TLS_PIN_SIZE],
                               const char **problem);
/* Of the certificate that the peer has shown, which it has the key of. ERR_NOT_FOUND: none. */
MUST_CHECK int tls_pin_of_peer(const struct tls_session *session, uint8_t pin[TLS_PIN_SIZE]);
