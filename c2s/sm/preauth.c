/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tokens in subscription requests.
 */
#include "c2s/sm/preauth.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

#define NS_PARS          "urn:xmpp:pars:0"
#define TOKEN_LENGTH_MAX 1024

/* By the token, while nobody has used it, nor is making an account by it; or by the id, by whoever
 * has made an account by it ($5). */
static const struct db_statement check_statement = {
    .name = "preauth_check",
    .sql = "SELECT invitation_id FROM invitation WHERE inviter = $1 AND"
           " (token_hash = $2::bytea AND uses_left > 0 AND expires > $3::timestamptz"
           " AND (held_until IS NULL OR held_until <= $3::timestamptz)"
           " OR invitation_id = $4 AND invitee = $5)",
    .parameters = 5,
};

static const struct db_statement use_statement = {
    .name = "preauth_use",
    .sql = "UPDATE invitation SET uses_left = 0, invitee = $2 WHERE invitation_id = $1",
    .parameters = 2,
};

const char *preauth_token(const struct stanza *request)
{
    const struct element *preauth = element_find(request->root, NS_PARS, "preauth");
    const char *token = preauth ? element_get(preauth, "token") : NULL;

    return token && *token && strlen(token) <= TOKEN_LENGTH_MAX ? token : NULL;
}

void preauth_add(struct stanza *request, const char *token)
{
    element_set(element_add(request->root, NS_PARS, "preauth"), "token", token);
}

void preauth_check(struct account *account, const char *token, const struct jid *contact,
                   sm_done *checked, void *user)
{
    uint8_t hash[CRYPTO_HASH_MAX];
    char now[DATETIME_SIZE];

    crypto_digest(CRYPTO_SHA256, token, strlen(token), hash);
    datetime_format(clock_wall_us(), now);
    const struct db_value values[] = {DB_TEXT(account->jid->bare),
                                      DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256)), DB_TEXT(now),
                                      DB_TEXT(token), DB_TEXT(contact->bare)};
    sm_query(account, SM_READ_HELD, &check_statement, values, checked, user);
}

void preauth_use(struct sm_unit *unit, const char *id, const struct jid *contact)
{
    sm_add_values(unit, &use_statement, DB_TEXT(id), DB_TEXT(contact->bare));
}
