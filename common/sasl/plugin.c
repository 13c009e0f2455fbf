/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Our mechanisms as Cyrus wants to see them. A connection of Cyrus leads back to the exchange by
 * the context of its policy callback.
 */
#include <string.h>

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/sasl/exchange.h"

static const struct mechanism *const mechanisms[] = {
    &mechanism_scram_sha_512,   &mechanism_scram_sha_256,   &mechanism_scram_sha_1,
    &mechanism_external,        &mechanism_plain,           &mechanism_ht_sha_512_expr,
    &mechanism_ht_sha_512_endp, &mechanism_ht_sha_512_none, &mechanism_ht_sha_256_expr,
    &mechanism_ht_sha_256_endp, &mechanism_ht_sha_256_none,
};

/* Cyrus keeps pointers into it. */
static sasl_server_plug_t plugs[ARRAY_SIZE(mechanisms)];

static struct sasl_exchange *exchange_of(const sasl_server_params_t *params)
{
    sasl_callback_ft proc = NULL;
    void *context = NULL;

    if (params->utils->getcallback(params->utils->conn, SASL_CB_PROXY_POLICY, &proc, &context) !=
        SASL_OK)
        return NULL;
    return context;
}

static int mech_new(void *mechanism, sasl_server_params_t *params, const char *challenge,
                    unsigned challenge_length, void **context)
{
    struct sasl_exchange *exchange = exchange_of(params);

    (void)challenge;
    (void)challenge_length;
    if (!exchange || exchange->class != mechanism)
        return SASL_BADPARAM;
    *context = exchange;
    return SASL_OK;
}

/* The properties of an account are none of Cyrus's business: "externally verified" says that none
 * have to be found. */
static int report_user(const struct sasl_exchange *exchange, sasl_server_params_t *params,
                       sasl_out_params_t *result)
{
    int rc =
        params->canon_user(params->utils->conn, exchange->user, (unsigned)strlen(exchange->user),
                           SASL_CU_AUTHID | SASL_CU_AUTHZID | SASL_CU_EXTERNALLY_VERIFIED, result);

    result->doneflag = rc == SASL_OK;
    return rc;
}

static int mech_step(void *context, sasl_server_params_t *params, const char *message,
                     unsigned length, const char **reply, unsigned *reply_length,
                     sasl_out_params_t *result)
{
    struct sasl_exchange *exchange = context;
    int rc;

    buffer_clear(&exchange->reply);
    rc = exchange->class->step(exchange, message, length);
    if (exchange->reply.length > 0) {
        *reply = exchange->reply.data;
        *reply_length = (unsigned)exchange->reply.length;
    }
    return rc == SASL_OK ? report_user(exchange, params, result) : rc;
}

/* The exchange outlives the connection. */
static void mech_dispose(void *context, const sasl_utils_t *utils)
{
    (void)context;
    (void)utils;
}

static int plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
                     sasl_server_plug_t **list, int *count)
{
    (void)utils;
    if (max_version < SASL_SERVER_PLUG_VERSION)
        return SASL_BADVERS;
    for (size_t i = 0; i < ARRAY_SIZE(mechanisms); i++) {
        plugs[i] = (sasl_server_plug_t){
            .mech_name = mechanisms[i]->plugin_name,
            .security_flags = SASL_SEC_NOANONYMOUS,
            .features = SASL_FEAT_WANT_CLIENT_FIRST,
            .glob_context = (void *)mechanisms[i],
            .mech_new = mech_new,
            .mech_step = mech_step,
            .mech_dispose = mech_dispose,
        };
    }
    *out_version = SASL_SERVER_PLUG_VERSION;
    *list = plugs;
    *count = ARRAY_SIZE(mechanisms);
    return SASL_OK;
}

int plugin_register(void)
{
    return sasl_server_add_plugin("kontalk", plug_init) == SASL_OK ? 0 : ERR_SYSTEM;
}
