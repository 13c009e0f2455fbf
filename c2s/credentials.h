/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Between a SASL exchange and the tables: what the exchange wants to know of an account is fetched
 * and given to it. For logins whose connection is here (login.c) and elsewhere
 * (front/home_login.c).
 */
#pragma once

#include "c2s/accounts.h"
#include "common/base/buffer.h"
#include "common/sasl/sasl.h"

/* What the exchange has made of it; `out` is wiped behind the call. `disabled`: the account, which
 * only who proves to be its user is told. */
typedef void credentials_given(void *user, enum sasl_step step, struct buffer *out, bool disabled);
struct credentials;
/* After SASL_STEP_CREDENTIALS. device: that the client says to be, for tokens; or NULL. An
 * outage is SASL_TEMPORARY_AUTH_FAILURE, never a wrong password. */
struct credentials *credentials_fetch(struct db *db, const struct jid *account,
                                      struct sasl_exchange *exchange, const char *device,
                                      credentials_given *given, void *user);
/* There is no such account. */
enum sasl_step credentials_of_nobody(struct sasl_exchange *exchange, struct buffer *out);
/* The callback will not be called. NULL is allowed. */
void credentials_cancel(struct credentials *credentials);
