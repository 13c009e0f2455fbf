/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Client State Indication: what is held back, and when it is let go.
 */
#include "c2s/sm/csi.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"
#include "c2s/sm/push.h"
#include "c2s/sm/smacks_row.h"

/* What may wait for one client. Beyond it is written, whoever looks. */
#define HELD_MAX   1000
#define HELD_BYTES (2 * 1024 * 1024)

struct held {
    char *key; /* what it takes the place of */
    struct stanza *stanza;
    struct held *prev, *next;
    UT_hash_handle hh;
};

/* Of a session that is inactive. */
struct csi {
    struct held *list; /* in order */
    struct held *keys;
    size_t count, bytes;
};

/* The message inside of a copy (XEP-0280), or the message itself. */
static const struct element *innermost(const struct stanza *message)
{
    const struct element *copy = element_find(message->root, "urn:xmpp:carbons:2", NULL);
    const struct element *forwarded = copy ? element_first(copy) : NULL;
    const struct element *inner = forwarded ? element_find(forwarded, NS_CLIENT, "message") : NULL;

    return inner ? inner : message->root;
}

static const char *attribute(const struct element *element, const char *name)
{
    const char *value = element_get(element, name);

    return value ? value : "";
}

/* NULL: it does not wait. */
static char *key_of(const struct stanza *stanza)
{
    const struct element *message;

    if (stanza->type == PRESENCE_AVAILABLE || stanza->type == PRESENCE_UNAVAILABLE)
        return xasprintf("presence %s", attribute(stanza->root, "from"));
    if (stanza->kind != STANZA_MESSAGE || stanza_is_error(stanza))
        return NULL;
    message = innermost(stanza);
    if (!content_is_chat_state(message))
        return NULL;
    return xasprintf("state %s\n%s", attribute(message, "from"), attribute(message, "to"));
}

static void drop(struct csi *csi, struct held *held)
{
    HASH_DEL(csi->keys, held);
    DL_DELETE(csi->list, held);
    csi->count--;
    csi->bytes -= arena_size(held->stanza->arena);
    stanza_unref(held->stanza);
    free(held->key);
    free(held);
}

static void keep(struct csi *csi, char *key, struct stanza *stanza)
{
    struct held *held;

    HASH_FIND_STR(csi->keys, key, held);
    if (held)
        drop(csi, held);
    held = xcalloc(1, sizeof(*held));
    held->key = key;
    held->stanza = stanza_ref(stanza);
    HASH_ADD_KEYPTR(hh, csi->keys, held->key, strlen(held->key), held);
    DL_APPEND(csi->list, held);
    csi->count++;
    csi->bytes += arena_size(stanza->arena);
}

static void flush(struct session *session)
{
    struct csi *csi = session->csi;

    while (csi->list) {
        session_write(session, csi->list->stanza, 0);
        drop(csi, csi->list);
    }
}

bool csi_hold(struct session *session, struct stanza *stanza)
{
    struct csi *csi = session->csi;
    char *key = csi ? key_of(stanza) : NULL;

    if (!csi)
        return false;
    if (!key) {
        flush(session);
        return false;
    }
    keep(csi, key, stanza);
    if (csi->count > HELD_MAX || csi->bytes > HELD_BYTES)
        flush(session);
    return true;
}

static void leave(struct session *session)
{
    struct csi *csi = session->csi;

    while (csi && csi->list)
        drop(csi, csi->list);
    free(csi);
    session->csi = NULL;
}

void csi_activate(struct session *session)
{
    if (session->csi) {
        flush(session);
        leave(session);
        smacks_row_touch(session);
    }
    push_session_seen(session);
}

void csi_restore(struct session *session, bool inactive)
{
    if (inactive)
        session->csi = xcalloc(1, sizeof(*session->csi));
}

static void active_job(struct account *account, struct session *session, struct stanza *stanza,
                       int problem)
{
    (void)account;
    (void)stanza;
    (void)problem;
    csi_activate(session);
}

void csi_inactivate(struct session *session)
{
    if (session->csi || session->ended)
        return;
    session->csi = xcalloc(1, sizeof(*session->csi));
    smacks_row_touch(session);
}

static void inactive_job(struct account *account, struct session *session, struct stanza *stanza,
                         int problem)
{
    (void)account;
    (void)stanza;
    (void)problem;
    csi_inactivate(session);
}

/* In the order of what the client sends (§5.1). */
void csi_on_active(void *state, struct client *client, void *session, struct element *element)
{
    (void)state;
    (void)client;
    (void)element;
    session_queue(session, active_job, NULL, -1);
}

void csi_on_inactive(void *state, struct client *client, void *session, struct element *element)
{
    (void)state;
    (void)client;
    (void)element;
    session_queue(session, inactive_job, NULL, -1);
}

static void stream_features(struct sm *sm, struct element *features)
{
    (void)sm;
    element_add(features, NS_CSI, "csi");
}

static const struct spec specs[] = {{"XEP-0352", "1.0.0", NULL}, {0}};

const struct sm_module csi_module = {
    .name = "csi",
    .specs = specs,
    .stream_features = stream_features,
    .session_closed = leave,
};
