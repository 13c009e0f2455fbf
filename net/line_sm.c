/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XEP-0198 on links: a line becomes the link by <enable/> or <resume/>, and <r/> is the heartbeat.
 * `h` means "handed to the router" and serves resumption only: who answers for what is said by
 * urn:kontalk:durable:1.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/xmpp/namespaces.h"
#include "net/line.h"

#define SESSION_BYTES 16

static void write_text(struct line *line, struct buffer *text)
{
    line_write(line, text->data, text->length);
    buffer_fini(text);
}

static void become_link(struct line *line, bool resumed)
{
    timer_stop(line->deadline);
    line->is_link = true;
    stream_set_flag(line->stream, STREAM_BOUND);
    stream_ready(line->stream);
    peer_up(line->peer, line, resumed);
}

/* --- the dialling end --- */

static void send_enable(struct line *line)
{
    static const char enable[] = "<enable xmlns='" NS_SM "' resume='true'/>";
    line_write(line, enable, sizeof(enable) - 1);
}

void line_sm_ask(struct line *line)
{
    const struct peer *peer = line->peer;
    struct buffer text = {0};
    line->asked = true;
    if (!peer->session) {
        send_enable(line);
        return;
    }
    buffer_printf(&text, "<resume xmlns='" NS_SM "' h='%" PRIu32 "' previd='%s'/>",
                  peer->ledger.received, peer->session);
    write_text(line, &text);
}

static bool is_expected(struct line *line)
{
    if (line->dialled && line->asked && !line->is_link && line->peer)
        return true;
    line_close(line, STREAM_POLICY_VIOLATION, NULL);
    return false;
}

static void on_enabled(void *user, struct element *element)
{
    struct line *line = user;
    const char *id = element_get(element, "id");
    if (!is_expected(line))
        return;
    if (!id || strspn(id, "0123456789abcdef") != strlen(id)) {
        line_close(line, STREAM_BAD_FORMAT, NULL);
        return;
    }
    peer_end_session(line->peer);
    line->peer->session = xstrdup(id);
    become_link(line, false);
}

static bool is_our_session(const struct line *line, const struct element *element)
{
    const char *id = element_get(element, "previd");
    return id && line->peer->session && strcmp(id, line->peer->session) == 0;
}

static void on_resumed(void *user, struct element *element)
{
    struct line *line = user;
    uint32_t h;
    if (!is_expected(line))
        return;
    if (!is_our_session(line, element) || ack_read_h(element, &h) ||
        ledger_resume(&line->peer->ledger, h)) {
        line_close(line, STREAM_BAD_FORMAT, NULL);
        return;
    }
    become_link(line, true);
}

static void on_failed(void *user, struct element *element)
{
    struct line *line = user;
    (void)element;
    if (is_expected(line))
        send_enable(line);
}

/* --- the accepting end --- */

/* One link for each pair: the older one stays as long as it lives. */
static bool may_become_link(struct line *line)
{
    if (line->dialled || !line->agreed || line->is_link || !line->peer) {
        line_close(line, STREAM_POLICY_VIOLATION, NULL);
        return false;
    }
    if (!peer_prefers(line->peer, line)) {
        line_close(line, STREAM_CONFLICT, "there is a link");
        return false;
    }
    return true;
}

static void on_enable(void *user, struct element *element)
{
    struct line *line = user;
    struct buffer text = {0};
    (void)element;
    if (!may_become_link(line))
        return;
    peer_end_session(line->peer);
    line->peer->session = xmalloc(2 * SESSION_BYTES + 1);
    crypto_random_hex(line->peer->session, SESSION_BYTES);
    buffer_printf(&text, "<enabled xmlns='" NS_SM "' id='%s' resume='true' max='%" PRIu64 "'/>",
                  line->peer->session, line->server->limits.resume_ms / 1000);
    write_text(line, &text);
    become_link(line, false);
}

static void on_resume(void *user, struct element *element)
{
    static const char failed[] =
        "<failed xmlns='" NS_SM "'><item-not-found xmlns='" NS_STANZA_ERRORS "'/></failed>";
    struct line *line = user;
    struct buffer text = {0};
    uint32_t h;
    if (!may_become_link(line))
        return;
    if (!is_our_session(line, element) || ack_read_h(element, &h) ||
        ledger_resume(&line->peer->ledger, h)) {
        line_write(line, failed, sizeof(failed) - 1);
        return;
    }
    buffer_printf(&text, "<resumed xmlns='" NS_SM "' h='%" PRIu32 "' previd='%s'/>",
                  line->peer->ledger.received, line->peer->session);
    write_text(line, &text);
    become_link(line, true);
}

/* --- both --- */

/* Who does not read answers gets no more of them. */
static void on_r(void *user, struct element *element)
{
    struct line *line = user;
    struct buffer text = {0};
    (void)element;
    if (!line->peer || conn_queued(line->conn) > 2 * CONN_HIGH_WATER)
        return;
    buffer_append_text(&text, "<a xmlns='" NS_SM "' h='");
    buffer_append_number(&text, line->peer->ledger.received);
    buffer_append_text(&text, "'/>");
    write_text(line, &text);
}

static void on_a(void *user, struct element *element)
{
    struct line *line = user;
    uint32_t h;
    if (!line->peer)
        return;
    if (ack_read_h(element, &h) || ledger_acknowledge(&line->peer->ledger, h)) {
        line_close(line, STREAM_UNDEFINED_CONDITION, "h is no number of what was sent");
        return;
    }
    peer_alive(line->peer);
}

static const struct stream_element opening[] = {
    {NS_SM, "enable", on_enable},   {NS_SM, "resume", on_resume}, {NS_SM, "enabled", on_enabled},
    {NS_SM, "resumed", on_resumed}, {NS_SM, "failed", on_failed}, {0},
};

const struct stream_feature line_sm = {
    .name = "sm",
    .requires = STREAM_AUTHENTICATED,
    .excludes = STREAM_BOUND,
    .elements = opening,
};

static const struct stream_element counting[] = {
    {NS_SM, "r", on_r},
    {NS_SM, "a", on_a},
    {0},
};

const struct stream_feature line_counting = {
    .name = "counting",
    .requires = STREAM_BOUND,
    .elements = counting,
};
