/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the configuration says about domains, ours and others': one immutable set. A reload makes a
 * new one; a stream keeps a count on the one it began with. All names are prepared.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/config/config.h"
#include "common/tls/tls.h"
#include "s2s/resolve.h"

struct policy;

/* Logs what is wrong. ERR_INVALID. `before` NULL, or where a secret that was made up goes on. */
MUST_CHECK int policy_load(const struct config *config, const struct policy *before,
                           struct policy **policy);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);

/* A domain that may be written to from outside. */
bool policy_is_ours(const struct policy *policy, const char *domain);
/* One of those that no component serves. */
bool policy_has_accounts(const struct policy *policy, const char *domain);
/* May be federated with. */
bool policy_admits(const struct policy *policy, const char *domain);
bool policy_requires_tls(const struct policy *policy, const char *domain);
bool policy_requires_certificate(const struct policy *policy, const char *domain);
/* NULL, or where its servers are by hand; free() it. */
struct resolution *policy_addresses(const struct policy *policy, const char *domain);

struct tls_context *policy_server_tls(const struct policy *policy, bool direct);
/* With the certificate of our domain `local`. */
struct tls_context *policy_client_tls(const struct policy *policy, const char *local, bool direct);
const char *policy_secret(const struct policy *policy, size_t *length);
