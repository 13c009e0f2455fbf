/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Making certificates; for common/tls only. What GnuTLS cannot do there is a bug of ours, or memory
 * that has run out, and aborts.
 */
#pragma once

#include <time.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "common/base/macros.h"

void issue_require(int result);
/* A new key on P-256. */
void issue_key(gnutls_x509_privkey_t *key);
/* A new certificate for the key, to be completed and signed: it begins a day ago, which leaves room
 * for clocks. ends: GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION, or since 1970. */
void issue_begin(gnutls_x509_crt_t *certificate, gnutls_x509_privkey_t key, time_t ends);
/* One more DNS name. */
void issue_add_name(gnutls_x509_crt_t certificate, const char *name);
void issue_sign(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer,
                gnutls_x509_privkey_t issuer_key);
/* As PEM, for everybody to read. ERR_EXISTS, ERR_SYSTEM (see errno). */
MUST_CHECK int issue_save(gnutls_x509_crt_t certificate, const char *file);
