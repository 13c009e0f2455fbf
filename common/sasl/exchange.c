/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The state machine in front of Cyrus. It decides which call is possible when, because the library
 * does not survive every order, and it stops at the places where the caller has work to do.
 */
#include "common/sasl/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/jid.h"

/* PLAIN with two addresses and a password of 1023 bytes each, and more than SCRAM needs. */
#define MESSAGE_MAX 4096

static const struct mechanism *const classes[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA_512_PLUS] = &mechanism_scram_sha_512,
    [SASL_SCRAM_SHA_256_PLUS] = &mechanism_scram_sha_256,
    [SASL_SCRAM_SHA_1_PLUS] = &mechanism_scram_sha_1,
    [SASL_SCRAM_SHA_512] = &mechanism_scram_sha_512,
    [SASL_SCRAM_SHA_256] = &mechanism_scram_sha_256,
    [SASL_SCRAM_SHA_1] = &mechanism_scram_sha_1,
    [SASL_EXTERNAL] = &mechanism_external,
    [SASL_PLAIN] = &mechanism_plain,
    [SASL_HT_SHA_512_EXPR] = &mechanism_ht_sha_512_expr,
    [SASL_HT_SHA_512_ENDP] = &mechanism_ht_sha_512_endp,
    [SASL_HT_SHA_512_NONE] = &mechanism_ht_sha_512_none,
    [SASL_HT_SHA_256_EXPR] = &mechanism_ht_sha_256_expr,
    [SASL_HT_SHA_256_ENDP] = &mechanism_ht_sha_256_endp,
    [SASL_HT_SHA_256_NONE] = &mechanism_ht_sha_256_none,
};

struct sasl_exchange *sasl_exchange_new(const struct sasl_settings *settings)
{
    struct sasl_exchange *exchange = xcalloc(1, sizeof(*exchange));

    exchange->settings = settings;
    exchange->arena = arena_new();
    exchange->password_result = ERR_DENIED;
    exchange->token.proven = -1;
    exchange->failure = SASL_TEMPORARY_AUTH_FAILURE;
    return exchange;
}

/* What is not needed after the end: secrets, and the 7 kB of Cyrus. */
static void release(struct sasl_exchange *exchange)
{
    if (exchange->conn)
        sasl_dispose(&exchange->conn);
    exchange->password = NULL;
    scram_client_first_fini(&exchange->scram.first);
    buffer_fini(&exchange->scram.server_first);
    free(exchange->scram.server_nonce);
    exchange->scram.server_nonce = NULL;
    buffer_wipe(&exchange->message);
    buffer_wipe(&exchange->reply);
    crypto_wipe(&exchange->verifier, sizeof(exchange->verifier));
    crypto_wipe(exchange->token.tokens, sizeof(exchange->token.tokens));
}

void sasl_exchange_free(struct sasl_exchange *exchange)
{
    if (!exchange)
        return;
    release(exchange);
    arena_free(exchange->arena);
    free(exchange);
}

/* new → (wants first →) wants credentials → (wants check →) (wants response →) done; from each of
 * them to failed. Done and failed are the ends. */
static void enter(struct sasl_exchange *exchange, enum exchange_state state)
{
    exchange->state = state;
    if (state == EXCHANGE_DONE || state == EXCHANGE_FAILED)
        release(exchange);
}

int exchange_refuse(struct sasl_exchange *exchange, enum sasl_condition condition, bool counts)
{
    exchange->failure = condition;
    exchange->failure_counts = counts;
    return ERR_DENIED;
}

static enum sasl_step fail(struct sasl_exchange *exchange, enum sasl_condition condition)
{
    exchange_refuse(exchange, condition, false);
    enter(exchange, EXCHANGE_FAILED);
    return SASL_STEP_FAILED;
}

/* The identity that Cyrus was told, or none. */
static bool authenticated_as_user(const struct sasl_exchange *exchange)
{
    const void *identity = NULL;

    return sasl_getprop(exchange->conn, SASL_USERNAME, &identity) == SASL_OK && identity &&
           strcmp(identity, exchange->user) == 0;
}

/* What a call of Cyrus came to. Its own complaints leave the failure at temporary-auth-failure. */
static enum sasl_step finish_step(struct sasl_exchange *exchange, int result, const char *reply,
                                  unsigned length, struct buffer *out)
{
    bool done = result == SASL_OK && authenticated_as_user(exchange);

    if (!done && result != SASL_CONTINUE) {
        enter(exchange, EXCHANGE_FAILED);
        return SASL_STEP_FAILED;
    }
    if (length > 0)
        buffer_append(out, reply, length);
    enter(exchange, done ? EXCHANGE_DONE : EXCHANGE_WANTS_RESPONSE);
    return done ? SASL_STEP_DONE : SASL_STEP_CHALLENGE;
}

/* Equality is all that is allowed, and was checked already; here it is checked for whatever Cyrus
 * makes of the names. */
static int authorize(sasl_conn_t *conn, void *context, const char *requested,
                     unsigned requested_length, const char *identity, unsigned identity_length,
                     const char *realm, unsigned realm_length, struct propctx *properties)
{
    const struct sasl_exchange *exchange = context;

    (void)conn;
    (void)realm;
    (void)realm_length;
    (void)properties;
    if (requested_length != identity_length || memcmp(requested, identity, identity_length) != 0 ||
        strlen(exchange->user) != identity_length ||
        memcmp(exchange->user, identity, identity_length) != 0)
        return SASL_NOAUTHZ;
    return SASL_OK;
}

static int connect_to_cyrus(struct sasl_exchange *exchange)
{
    const sasl_security_properties_t properties = {.security_flags = SASL_SEC_NOANONYMOUS};
    int result;

    exchange->callbacks[0] =
        (sasl_callback_t){SASL_CB_PROXY_POLICY, CYRUS_CALLBACK(authorize), exchange};
    exchange->callbacks[1] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
    result = sasl_server_new("xmpp", exchange->settings->domain, NULL, NULL, NULL,
                             exchange->callbacks, SASL_SUCCESS_DATA, &exchange->conn);
    if (result != SASL_OK)
        return result;
    return sasl_setprop(exchange->conn, SASL_SEC_PROPS, &properties);
}

static enum sasl_step begin_with_cyrus(struct sasl_exchange *exchange, struct buffer *out)
{
    const char *reply = NULL;
    unsigned length = 0;
    int result = connect_to_cyrus(exchange);

    if (result == SASL_OK)
        result =
            sasl_server_start(exchange->conn, exchange->class->plugin_name, exchange->message.data,
                              (unsigned)exchange->message.length, &reply, &length);
    return finish_step(exchange, result, reply, length, out);
}

static enum sasl_step go_on_with_cyrus(struct sasl_exchange *exchange, const char *message,
                                       size_t message_length, struct buffer *out)
{
    const char *reply = NULL;
    unsigned length = 0;
    int result =
        sasl_server_step(exchange->conn, message, (unsigned)message_length, &reply, &length);

    return finish_step(exchange, result, reply, length, out);
}

static enum sasl_step read_first(struct sasl_exchange *exchange, const char *message, size_t length)
{
    buffer_append(&exchange->message, message, length);
    if (exchange->class->begin(exchange) < 0) {
        enter(exchange, EXCHANGE_FAILED);
        return SASL_STEP_FAILED;
    }
    enter(exchange, EXCHANGE_WANTS_CREDENTIALS);
    return SASL_STEP_CREDENTIALS;
}

static bool is_offered(const struct sasl_settings *settings, enum sasl_mechanism mechanism)
{
    return (unsigned)mechanism < SASL_MECHANISMS && settings->offered & 1U << mechanism;
}

enum sasl_step sasl_exchange_start(struct sasl_exchange *exchange, enum sasl_mechanism mechanism,
                                   const char *initial, size_t length, bool has_initial,
                                   struct buffer *out)
{
    (void)out;
    if (exchange->state != EXCHANGE_NEW || length > MESSAGE_MAX)
        return fail(exchange, SASL_MALFORMED_REQUEST);
    if (!is_offered(exchange->settings, mechanism))
        return fail(exchange, SASL_INVALID_MECHANISM);
    exchange->mechanism = mechanism;
    exchange->class = classes[mechanism];
    if (has_initial)
        return read_first(exchange, initial, length);
    /* RFC 4422 §5: in all of these mechanisms the client speaks first; an empty challenge says
     * that it may. */
    enter(exchange, EXCHANGE_WANTS_FIRST);
    return SASL_STEP_CHALLENGE;
}

enum sasl_step sasl_exchange_step(struct sasl_exchange *exchange, const char *response,
                                  size_t length, struct buffer *out)
{
    if (length > MESSAGE_MAX)
        return fail(exchange, SASL_MALFORMED_REQUEST);
    /* An empty message is a message, and Cyrus takes NULL for none. */
    if (length == 0)
        response = "";
    switch (exchange->state) {
    case EXCHANGE_WANTS_FIRST:
        return read_first(exchange, response, length);
    case EXCHANGE_WANTS_RESPONSE:
        return go_on_with_cyrus(exchange, response, length, out);
    default:
        return fail(exchange, SASL_MALFORMED_REQUEST);
    }
}

const char *sasl_exchange_user(const struct sasl_exchange *exchange)
{
    return exchange->user;
}

int sasl_exchange_wanted_hash(const struct sasl_exchange *exchange)
{
    return exchange->class->hash;
}

/* The decoy is made for those who need none, too: who measures time sees no difference. */
static void set_verifier(struct sasl_exchange *exchange, const struct verifier *verifier)
{
    int wanted = exchange->class->hash;

    verifier_decoy(wanted < 0 ? CRYPTO_SHA256 : (enum crypto_hash)wanted,
                   exchange->settings->decoy_secret, exchange->settings->decoy_secret_length,
                   exchange->user, &exchange->verifier);
    if (!verifier || (wanted >= 0 && (enum crypto_hash)wanted != verifier->hash))
        return;
    exchange->verifier = *verifier;
    exchange->known = true;
}

enum sasl_step sasl_exchange_credentials(struct sasl_exchange *exchange,
                                         const struct verifier *verifier, bool account_exists,
                                         struct buffer *out)
{
    if (exchange->state != EXCHANGE_WANTS_CREDENTIALS || sasl_exchange_wants_tokens(exchange))
        return fail(exchange, SASL_MALFORMED_REQUEST);
    if (exchange->class->needs_verifier)
        set_verifier(exchange, verifier);
    else
        exchange->known = account_exists;
    if (!exchange->class->checks_password)
        return begin_with_cyrus(exchange, out);
    enter(exchange, EXCHANGE_WANTS_CHECK);
    return SASL_STEP_PASSWORD;
}

bool sasl_exchange_wants_tokens(const struct sasl_exchange *exchange)
{
    return sasl_mechanism_is_token(exchange->mechanism);
}

/* A token is good for the mechanism that it was asked for and no other (XEP-0484 §3.4). */
enum sasl_step sasl_exchange_tokens(struct sasl_exchange *exchange, const struct sasl_token *tokens,
                                    size_t count, struct buffer *out)
{
    size_t taken = 0;

    if (exchange->state != EXCHANGE_WANTS_CREDENTIALS || !sasl_exchange_wants_tokens(exchange))
        return fail(exchange, SASL_MALFORMED_REQUEST);
    for (size_t i = 0; i < count && taken < SASL_TOKENS_MAX; i++)
        if (tokens[i].mechanism == (int)exchange->mechanism)
            exchange->token.tokens[taken++] = tokens[i];
    return begin_with_cyrus(exchange, out);
}

int64_t sasl_exchange_token(const struct sasl_exchange *exchange)
{
    return exchange->state == EXCHANGE_DONE ? exchange->token.proven : -1;
}

enum sasl_step sasl_exchange_unavailable(struct sasl_exchange *exchange)
{
    return fail(exchange, SASL_TEMPORARY_AUTH_FAILURE);
}

void sasl_exchange_check_password(struct sasl_exchange *exchange)
{
    if (exchange->state == EXCHANGE_WANTS_CHECK)
        exchange->password_result = verifier_check(&exchange->verifier, exchange->password);
}

enum sasl_step sasl_exchange_checked(struct sasl_exchange *exchange, struct buffer *out)
{
    if (exchange->state != EXCHANGE_WANTS_CHECK)
        return fail(exchange, SASL_MALFORMED_REQUEST);
    return begin_with_cyrus(exchange, out);
}

enum sasl_condition sasl_exchange_failure(const struct sasl_exchange *exchange)
{
    return exchange->failure;
}

bool sasl_exchange_failure_counts(const struct sasl_exchange *exchange)
{
    return exchange->failure_counts;
}

const char *sasl_exchange_authenticated(const struct sasl_exchange *exchange)
{
    return exchange->state == EXCHANGE_DONE ? exchange->user : NULL;
}

int exchange_set_user(struct sasl_exchange *exchange, const char *user)
{
    if (jid_prepare_local(exchange->arena, user, &exchange->user) < 0)
        return exchange_refuse(exchange, SASL_NOT_AUTHORIZED, false);
    return 0;
}

int exchange_check_authzid(struct sasl_exchange *exchange, const char *authzid)
{
    struct jid jid;

    if (jid_parse(exchange->arena, authzid, &jid) < 0 || !jid.local || jid.resource ||
        strcmp(jid.local, exchange->user) != 0 ||
        strcmp(jid.domain, exchange->settings->domain) != 0)
        return exchange_refuse(exchange, SASL_INVALID_AUTHZID, false);
    return 0;
}

const struct sasl_binding *exchange_binding(const struct sasl_settings *settings, struct span name)
{
    for (size_t i = 0; i < settings->bindings_count; i++) {
        const struct sasl_binding *binding = &settings->bindings[i];
        if (strlen(binding->name) == name.length &&
            memcmp(binding->name, name.text, name.length) == 0)
            return binding;
    }
    return NULL;
}

void exchange_fix_nonce(struct sasl_exchange *exchange, const char *nonce)
{
    exchange->scram.server_nonce = xstrdup(nonce);
}
