/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SASL EXTERNAL by the certificate of another server (XEP-0178 §3). It is offered only if it would
 * succeed for the domain of the header; dialback may follow a failure.
 */
#include <string.h>

#include "common/base/encode.h"
#include "common/base/log.h"
#include "common/tls/verify.h"
#include "common/xmpp/namespaces.h"
#include "s2s/in.h"

#define TRIES_MAX 3

static bool is_certified(const struct in *in)
{
    const struct tls_session *tls = conn_tls(in->conn);
    const char *problem = NULL;
    if (!tls || !in->from)
        return false;
    if (tls_verify_domain(tls, in->from, &problem) == 0)
        return true;
    log_debug("s2s_in_uncertified", LOG_TEXT("sid", stream_id(in->stream)),
              LOG_TEXT("remote", in->from), LOG_TEXT("reason", problem));
    return false;
}

static void advertise(void *user, struct element *features)
{
    if (!is_certified(user))
        return;
    struct element *mechanisms = element_add(features, NS_SASL, "mechanisms");
    element_add_with_text(mechanisms, NS_SASL, "mechanism", "EXTERNAL");
}

static void fail(struct in *in, enum sasl_condition condition)
{
    struct buffer text = {0};
    buffer_printf(&text, "<failure xmlns='" NS_SASL "'><%s/></failure>",
                  sasl_condition_name(condition));
    stream_send_bytes(in->stream, text.data, text.length);
    buffer_fini(&text);
    if (++in->tries >= TRIES_MAX)
        stream_fail(in->stream, STREAM_POLICY_VIOLATION, "too many tries");
}

/* Empty ("=") or nothing: the domain of the header; anything else has to be just that. */
static int judge_authzid(const struct in *in, const char *text)
{
    struct buffer bytes = {0};
    struct arena *arena = arena_new();
    const char *name;
    int condition = -1;
    if (strcmp(text, "=") != 0 && base64_decode(&bytes, text, strlen(text)))
        condition = SASL_INCORRECT_ENCODING;
    else if (bytes.length > 0 &&
             (memchr(bytes.data, '\0', bytes.length) ||
              jid_prepare_domain(arena, bytes.data, &name) || strcmp(name, in->from) != 0))
        condition = SASL_INVALID_AUTHZID;
    buffer_fini(&bytes);
    arena_free(arena);
    return condition;
}

static void on_auth(void *user, struct element *element)
{
    struct in *in = user;
    static const char success[] = "<success xmlns='" NS_SASL "'/>";
    const char *mechanism = element_get(element, "mechanism");
    if (!mechanism || strcmp(mechanism, "EXTERNAL") != 0) {
        fail(in, SASL_INVALID_MECHANISM);
        return;
    }
    if (!is_certified(in)) {
        fail(in, SASL_NOT_AUTHORIZED);
        return;
    }
    int condition = judge_authzid(in, element_text(element));
    if (condition >= 0) {
        fail(in, (enum sasl_condition)condition);
        return;
    }
    in_prove(in, in->from, in->to, "EXTERNAL");
    stream_send_bytes(in->stream, success, sizeof(success) - 1);
    stream_restart(in->stream);
}

static const struct stream_element elements[] = {
    {NS_SASL, "auth", on_auth},
    {0},
};

const struct stream_feature in_sasl = {
    .name = "sasl",
    .requires = STREAM_SECURE,
    .excludes = STREAM_AUTHENTICATED,
    .advertise = advertise,
    .elements = elements,
};
