/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Files with private keys; for common/tls only.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "common/base/macros.h"

/* Writes a new file. ERR_EXISTS, ERR_SYSTEM (see errno); nothing is left behind. */
MUST_CHECK int key_file_write(const char *file, const gnutls_datum_t *bytes, unsigned mode);
/* The key as PKCS #8 in PEM, for its owner alone. */
MUST_CHECK int key_file_save(gnutls_x509_privkey_t key, const char *file);
