/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Fetching what an exchange asks for.
 */
#include "c2s/credentials.h"

#include <stdlib.h>

#include "c2s/tokens.h"
#include "common/base/memory.h"

struct credentials {
    struct sasl_exchange *exchange;
    struct account_fetch *fetch;
    struct token_fetch *tokens;
    credentials_given *given;
    void *user;
};

static void give(struct credentials *credentials, enum sasl_step step, struct buffer *out,
                 bool disabled)
{
    struct credentials was = *credentials;

    free(credentials);
    was.given(was.user, step, out, disabled);
    buffer_wipe(out);
    buffer_fini(out);
}

static void on_fetched(void *user, int status, const struct account_credentials *found)
{
    struct credentials *credentials = user;
    struct sasl_exchange *exchange = credentials->exchange;
    struct buffer out = {0};
    enum sasl_step step;

    if (status != 0)
        step = sasl_exchange_unavailable(exchange);
    else
        step = sasl_exchange_credentials(exchange, found->has_verifier ? &found->verifier : NULL,
                                         found->exists, &out);
    give(credentials, step, &out, found->disabled);
}

static void on_tokens(void *user, int status, const struct sasl_token *tokens, size_t count,
                      bool disabled)
{
    struct credentials *credentials = user;
    struct buffer out = {0};
    enum sasl_step step = status != 0
                              ? sasl_exchange_unavailable(credentials->exchange)
                              : sasl_exchange_tokens(credentials->exchange, tokens, count, &out);

    give(credentials, step, &out, disabled);
}

struct credentials *credentials_fetch(struct db *db, const struct jid *account,
                                      struct sasl_exchange *exchange, const char *device,
                                      credentials_given *given, void *user)
{
    struct credentials *credentials = xcalloc(1, sizeof(*credentials));

    credentials->exchange = exchange;
    credentials->given = given;
    credentials->user = user;
    if (sasl_exchange_wants_tokens(exchange))
        credentials->tokens =
            tokens_fetch(db, account, device ? device : "", on_tokens, credentials);
    else
        credentials->fetch = account_fetch(db, account, sasl_exchange_wanted_hash(exchange),
                                           on_fetched, credentials);
    return credentials;
}

enum sasl_step credentials_of_nobody(struct sasl_exchange *exchange, struct buffer *out)
{
    return sasl_exchange_wants_tokens(exchange)
               ? sasl_exchange_tokens(exchange, NULL, 0, out)
               : sasl_exchange_credentials(exchange, NULL, false, out);
}

void credentials_cancel(struct credentials *credentials)
{
    if (credentials == NULL)
        return;
    account_fetch_cancel(credentials->fetch);
    tokens_fetch_cancel(credentials->tokens);
    free(credentials);
}
