/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading tokens.
 */
#include "c2s/tokens.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/xmpp/datetime.h"

static const struct db_statement fetch_statement = {
    .name = "token_fetch",
    .sql = "SELECT a.disabled, t.token_id, t.value, t.expires <= $4::timestamptz FROM account a"
           " LEFT JOIN token t ON t.owner = a.owner AND t.device = $3"
           " WHERE a.domain = $1 AND a.local = $2 ORDER BY t.issued DESC LIMIT 2",
    .parameters = 4,
};

struct token_fetch {
    struct db_unit *unit;
    tokens_fetched *fetched;
    void *user;
};

static size_t read_tokens(const struct db_result *rows, struct sasl_token *tokens)
{
    size_t count = 0;

    for (size_t row = 0; row < db_rows(rows) && count < SASL_TOKENS_MAX; row++) {
        const char *value = db_get_text(rows, row, 2);
        struct sasl_token *token = &tokens[count];

        if (!value)
            continue;
        *token = (struct sasl_token){
            .id = db_get_int(rows, row, 1),
            .expired = db_get_bool(rows, row, 3),
        };
        if (sasl_token_parse(value, token) == 0)
            count++;
    }
    return count;
}

static void on_rows(void *user, int status, const struct db_result *results, size_t results_count)
{
    struct token_fetch *fetch = user;
    struct sasl_token tokens[SASL_TOKENS_MAX] = {0};
    bool disabled = false;
    size_t count = 0;

    (void)results_count;
    if (status == 0) {
        count = read_tokens(&results[0], tokens);
        disabled = db_rows(&results[0]) > 0 && db_get_bool(&results[0], 0, 0);
    }
    fetch->fetched(fetch->user, status, tokens, count, disabled);
    crypto_wipe(tokens, sizeof(tokens));
    free(fetch);
}

struct token_fetch *tokens_fetch(struct db *db, const struct jid *account, const char *device,
                                 tokens_fetched *fetched, void *user)
{
    struct token_fetch *fetch = xcalloc(1, sizeof(*fetch));
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    const struct db_value values[] = {DB_TEXT(account->domain), DB_TEXT(account->local),
                                      DB_TEXT(device), DB_TEXT(now)};
    fetch->fetched = fetched;
    fetch->user = user;
    fetch->unit = db_read(db, &fetch_statement, values, on_rows, fetch);
    return fetch;
}

void tokens_fetch_cancel(struct token_fetch *fetch)
{
    if (fetch == NULL)
        return;
    db_cancel(fetch->unit);
    free(fetch);
}
