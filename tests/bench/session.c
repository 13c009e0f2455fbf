/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 *     TLS ──► SCRAM ──► bind ──► presence and roster ──► ready
 */
#include "tests/bench/session.h"

#include <errno.h>
#include <fcntl.h>
#include <gsasl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/address.h"
#include "common/io/conn.h"
#include "common/stream/ack.h"
#include "common/stream/stream.h"
#include "common/xmpp/namespaces.h"
#include "tests/bench/scram.h"

#define NS_MUC    "http://jabber.org/protocol/muc"
#define ID_BIND   "bind"
#define ID_ROSTER "roster"
#define ID_OPEN   "open"
/* About what people write, in a message as clients write it. */
#define MESSAGE_FORMAT                                                                             \
    "<message type='%s' to='%s' id='0f6a2e91-7d53-4c'>"                                            \
    "<body>Shall we meet at the station at seven, or is that too early for you?</body>"            \
    "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"

struct session {
    const struct session_setup *setup;
    const struct session_ops *ops;
    void *user;
    const char *jid;
    const char *password;
    struct conn *conn;
    struct stream *stream;
    struct scram *scram;
    const char *problem; /* static, or reason below */
    char *reason;
    bool closing;
    bool counts; /* XEP-0198 */
    uint32_t received;
};

static void fail(struct session *session, const char *problem, const char *detail)
{
    if (session->reason == NULL)
        session->reason = xasprintf("%s%s%s", problem, detail ? ": " : "", detail ? detail : "");
    conn_abort(session->conn);
}

static void send_text(struct session *session, const char *text)
{
    stream_send_bytes(session->stream, text, strlen(text));
}

/* --- SASL --- */

static void answer(struct session *session, const char *challenge, const char *format)
{
    char *text;

    if (scram_step(session->scram, challenge, &text) != 0) {
        fail(session, "SCRAM failed", NULL);
        return;
    }
    char *element = xasprintf(format, text);
    send_text(session, element);
    free(element);
    gsasl_free(text);
}

static void authenticate(struct session *session)
{
    char *user = xstrndup(session->jid, strcspn(session->jid, "@"));

    session->scram = scram_new(user, session->password);
    free(user);
    answer(session, NULL, "<auth xmlns='" NS_SASL "' mechanism='SCRAM-SHA-256'>%s</auth>");
}

static void on_challenge(void *user, struct element *element)
{
    answer(user, element_text(element), "<response xmlns='" NS_SASL "'>%s</response>");
}

static void on_success(void *user, struct element *element)
{
    struct session *session = user;
    char *text = NULL;

    if (scram_step(session->scram, element_text(element), &text) != 0) {
        fail(session, "the server could not prove itself", NULL);
        return;
    }
    gsasl_free(text);
    scram_free(session->scram);
    session->scram = NULL;
    stream_set_flag(session->stream, STREAM_AUTHENTICATED);
    stream_restart(session->stream);
}

static void on_failure(void *user, struct element *element)
{
    const struct element *condition = element_first(element);

    fail(user, "login refused", condition ? condition->name : NULL);
}

static const struct stream_element sasl_elements[] = {
    {NS_SASL, "challenge", on_challenge},
    {NS_SASL, "success", on_success},
    {NS_SASL, "failure", on_failure},
    {0},
};
static const struct stream_feature sasl_feature = {
    .name = "sasl",
    .excludes = STREAM_AUTHENTICATED,
    .elements = sasl_elements,
};

/* --- XEP-0198 --- */

static void on_enabled(void *user, struct element *element UNUSED)
{
    struct session *session = user;

    session->counts = true;
    session->received = 0;
}

static void on_ask(void *user, struct element *element UNUSED)
{
    struct session *session = user;
    char *text = xasprintf("<a xmlns='" NS_SM "' h='%" PRIu32 "'/>", session->received);

    send_text(session, text);
    free(text);
}

static void on_acknowledgement(void *user, struct element *element)
{
    struct session *session = user;
    const char *h = element_get(element, "h");

    session->ops->acknowledged(session->user, h ? (uint32_t)strtoul(h, NULL, 10) : 0);
}

static const struct stream_element sm_elements[] = {
    {NS_SM, "enabled", on_enabled},
    {NS_SM, "failed", on_failure},
    {NS_SM, "r", on_ask},
    {NS_SM, "a", on_acknowledgement},
    {0},
};
static const struct stream_feature sm_feature = {
    .name = "sm",
    .requires = STREAM_AUTHENTICATED,
    .elements = sm_elements,
};
static const struct stream_feature *const features[] = {&sasl_feature, &sm_feature, NULL};
static const struct stream_profile profile = {
    .role = STREAM_INITIATOR,
    .content_ns = NS_CLIENT,
    .has_version = true,
    .stanzas_require = STREAM_AUTHENTICATED,
    .features = features,
    .timeout_ms = {[STREAM_OPENING] = 60000},
};

/* --- the stream --- */

static void on_write(void *user, const char *bytes, size_t length)
{
    struct session *session = user;

    conn_write(session->conn, bytes, length);
}

static int on_header(void *user UNUSED, const struct stream_header *header UNUSED)
{
    return -1;
}

static void on_features(void *user, struct element *element UNUSED)
{
    struct session *session = user;

    if (!stream_has_flag(session->stream, STREAM_AUTHENTICATED)) {
        authenticate(session);
        return;
    }
    stream_ready(session->stream);
    send_text(session, "<iq type='set' id='" ID_BIND "'><bind xmlns='" NS_BIND "'/></iq>");
}

static void on_iq(struct session *session, const struct stanza *stanza)
{
    const char *id = stanza_id(stanza);

    if (stanza->type == IQ_ERROR)
        fail(session, "an iq was refused", id);
    else if (stanza->type == IQ_RESULT && strcmp(id, ID_BIND) == 0)
        send_text(session, "<presence/><iq type='get' id='" ID_ROSTER
                           "'><query xmlns='jabber:iq:roster'/></iq>");
    else if (stanza->type == IQ_RESULT && strcmp(id, ID_ROSTER) == 0)
        session->ops->ready(session->user);
    else if (stanza->type == IQ_RESULT && strcmp(id, ID_OPEN) == 0)
        session->ops->entered(session->user);
}

static const char *error_text_of(const struct stanza *stanza)
{
    const struct element *error = element_find(stanza->root, NS_CLIENT, "error");
    const struct element *text = error ? element_find(error, NS_STANZA_ERRORS, "text") : NULL;

    return text ? element_text(text) : NULL;
}

static void on_message(struct session *session, const struct stanza *stanza)
{
    if (stanza_is_error(stanza))
        fail(session, "a message came back", error_text_of(stanza));
    else if (element_find(stanza->root, NS_CLIENT, "body"))
        session->ops->message(session->user);
    else if (element_find(stanza->root, NS_CLIENT, "subject"))
        session->ops->entered(session->user);
}

static void on_stanza(void *user, struct stanza *stanza, int problem, const char *bytes UNUSED,
                      size_t length UNUSED)
{
    struct session *session = user;

    session->received++;
    if (stanza->kind == STANZA_IQ && problem < 0)
        on_iq(session, stanza);
    else if (stanza->kind == STANZA_MESSAGE)
        on_message(session, stanza);
    else if (stanza->kind == STANZA_PRESENCE && stanza_is_error(stanza))
        fail(session, "a presence came back", error_text_of(stanza));
    stanza_unref(stanza);
}

static void on_hold(void *user UNUSED, bool hold UNUSED)
{
}

static void on_arm(void *user UNUSED, uint64_t after_ms UNUSED)
{
}

static void on_ended(void *user, int condition, const char *text, bool abrupt UNUSED)
{
    struct session *session = user;

    if (!session->closing && session->reason == NULL)
        session->reason = xasprintf("the stream ended: %s", text            ? text
                                                            : condition < 0 ? "by the server"
                                                                            : "by us");
    conn_close(session->conn);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = on_header,
    .features = on_features,
    .stanza = on_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

/* --- the connection --- */

static void on_secured(void *user)
{
    struct session *session = user;

    if (tls_verify_server(conn_tls(session->conn)) != 0) {
        fail(session, "the certificate is not trusted", NULL);
        return;
    }
    stream_open(session->stream, strchr(session->jid, '@') + 1, NULL);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct session *session = user;

    stream_feed(session->stream, bytes, length);
}

static void on_closed(void *user, int reason)
{
    struct session *session = user;

    if (session->reason == NULL && !session->closing)
        session->reason =
            xasprintf("the connection ended: %s", reason ? error_text(reason) : "by the server");
    session->ops->ended(session->user, session->reason);
    stream_free(session->stream);
    scram_free(session->scram);
    free(session->reason);
    free(session);
}

static const struct conn_ops conn_ops = {
    .secured = on_secured,
    .data = on_data,
    .closed = on_closed,
};

/* Connecting within this machine does not block. Returns -1 if it fails. */
static int connect_from(uint32_t source, const char *server)
{
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct address to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && address_parse(server, &to) == 0 &&
        bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0 &&
        connect(fd, &to.any, to.length) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

struct session *session_new(const struct session_setup *setup, const char *server, const char *jid,
                            const char *password, uint32_t source, const struct session_ops *ops,
                            void *user)
{
    int fd = connect_from(source, server);
    struct session *session;

    if (fd < 0)
        return NULL;
    session = xcalloc(1, sizeof(*session));
    session->setup = setup;
    session->ops = ops;
    session->user = user;
    session->jid = jid;
    session->password = password;
    session->conn = conn_accepted(setup->loop, fd, &conn_ops, session);
    session->stream =
        stream_new(&profile, setup->parsers, &parser_limits_after_auth, &stream_ops, session);
    conn_start_tls(session->conn, setup->tls, strchr(jid, '@') + 1);
    return session;
}

void session_send(struct session *session, const char *to)
{
    char *text = xasprintf(MESSAGE_FORMAT, "chat", to);

    send_text(session, text);
    free(text);
}

void session_enter(struct session *session, const char *room, const char *nick)
{
    char *text = xasprintf("<presence to='%s/%s'><x xmlns='" NS_MUC
                           "'><history maxstanzas='0'/></x></presence>",
                           room, nick);

    send_text(session, text);
    free(text);
}

void session_open_room(struct session *session, const char *room)
{
    char *text =
        xasprintf("<iq type='set' id='" ID_OPEN "' to='%s'><query xmlns='" NS_MUC "#owner'>"
                  "<x xmlns='jabber:x:data' type='submit'/></query></iq>",
                  room);

    send_text(session, text);
    free(text);
}

void session_say(struct session *session, const char *room)
{
    char *text = xasprintf(MESSAGE_FORMAT, "groupchat", room);

    send_text(session, text);
    free(text);
}

void session_enable(struct session *session)
{
    send_text(session, "<enable xmlns='" NS_SM "'/>");
}

void session_ask(struct session *session)
{
    send_text(session, "<r xmlns='" NS_SM "'/>");
}

void session_close(struct session *session)
{
    session->closing = true;
    stream_close(session->stream);
}
