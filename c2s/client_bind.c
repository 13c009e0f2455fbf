/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Resource binding (RFC 6120 §7). Which resource a client gets is the plugin's decision.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "c2s/front/front.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"

static void advertise(void *user, struct element *features)
{
    (void)user;
    element_add(features, NS_BIND, "bind");
    /* RFC 3921 clients ask for a session; it does nothing and need not be asked for. */
    element_add(element_add(features, NS_SESSION, "session"), NS_SESSION, "optional");
}

const struct stream_feature client_bind = {
    .name = "bind",
    .requires = STREAM_SECURE | STREAM_AUTHENTICATED,
    .excludes = STREAM_BOUND,
    .advertise = advertise,
};

static void refuse(struct client *client, struct stanza *request, enum stanza_condition condition)
{
    struct stanza *error = stanza_error(request, condition, NULL);

    if (error)
        stream_send(client->stream, error);
    stanza_unref(error);
}

/* An empty one asks for the server's choice. */
bool client_wanted_resource(struct arena *arena, const struct element *bind, const char **resource)
{
    const char *text = element_child_text(bind, NS_BIND, "resource");

    *resource = NULL;
    if (text == NULL || text[0] == '\0')
        return true;
    return jid_prepare_resource(arena, text, resource) == 0;
}

static void request(struct client *client, struct stanza *stanza, const struct element *bind)
{
    struct worker *worker = client->worker;
    const char *resource;

    if (client->bind_id) { /* the first request has not been answered yet */
        refuse(client, stanza, STANZA_NOT_ALLOWED);
    } else if (!client_wanted_resource(stanza->arena, bind, &resource)) {
        refuse(client, stanza, STANZA_BAD_REQUEST);
    } else {
        client->bind_id = xstrdup(stanza_id(stanza));
        if (relay_begin(client))
            relay_bind(client, resource);
        else
            worker->plugin->bind(worker->plugin_state, client, client->jid, resource);
    }
}

void client_bind_stanza(struct client *client, struct stanza *stanza, int problem)
{
    struct element *payload = stanza_payload(stanza);

    if (stanza->kind == STANZA_IQ && stanza->type == IQ_SET && problem < 0 && payload &&
        element_is(payload, NS_BIND, "bind"))
        request(client, stanza, payload);
    else
        stream_fail(client->stream, STREAM_NOT_AUTHORIZED, "no resource is bound");
    stanza_unref(stanza);
}

/* The answer to the request whose id was kept. */
static struct stanza *make_answer(struct client *client, enum stanza_type type)
{
    struct stanza *answer = stanza_new(STANZA_IQ, type);

    element_set(answer->root, "id", client->bind_id);
    free(client->bind_id);
    client->bind_id = NULL;
    return answer;
}

void client_join_session(struct client *client, const struct jid *full, void *session)
{
    free(client->jid);
    client->jid = jid_dup(full);
    client->session = session;
    client->bound = true;
}

void client_enter_session(struct client *client, const struct jid *full, void *session)
{
    client_join_session(client, full, session);
    client_time_bound(client);
    if (client->stranger) {
        client->stranger = false;
        admission_done(client->worker->admission, client_address(client));
    }
    stream_set_flag(client->stream, STREAM_BOUND);
}

void client_bound(struct client *client, const struct jid *full, void *session)
{
    struct stanza *answer;
    struct element *bind;

    if (client->ops) {
        client_join_session(client, full, session);
        client->ops->bound(client, full);
        return;
    }
    answer = make_answer(client, IQ_RESULT);
    bind = element_add(answer->root, NS_BIND, "bind");
    element_add_with_text(bind, NS_BIND, "jid", full->full);
    client_enter_session(client, full, session);
    log_info("client_bound", LOG_TEXT("sid", stream_id(client->stream)),
             LOG_TEXT("jid", full->full), LOG_TEXT("addr", client_address(client)));
    stream_send(client->stream, answer);
    stanza_unref(answer);
    stream_ready(client->stream);
}

void client_bind_refused(struct client *client, enum stanza_condition condition, const char *type,
                         const char *app_name)
{
    struct stanza *answer;
    struct element *error;

    if (client->ops) {
        client->ops->bind_refused(client, condition, type, app_name);
        return;
    }
    answer = make_answer(client, IQ_ERROR);
    error = element_add(answer->root, NS_CLIENT, "error");
    element_set(error, "type", type ? type : stanza_condition_type(condition));
    element_add(error, NS_STANZA_ERRORS, stanza_condition_name(condition));
    if (app_name)
        element_add(error, NS_APP_ERRORS, app_name);
    stream_send(client->stream, answer);
    stanza_unref(answer);
}
