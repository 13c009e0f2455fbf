/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Streams over time: two ends joined in memory, restarts, holds, timers, injection around TLS.
 */
#include "tests/unit/stream_end.h"

#define STREAMS    "xmlns:stream='http://etherx.jabber.org/streams'"
#define H          "<stream:stream xmlns='jabber:client' " STREAMS " to='h.test' version='1.0'>"
#define STARTTLS   "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define AUTH       "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
#define BIND       "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
#define END        "</stream:stream>"
#define HEADER_IN  "header(to=h.test from=- lang=-) "
#define HEADER_OUT "header(to=- from=h.test lang=en) "

/* --- an initiator that takes each feature it is offered --- */

static void send_feature(struct end *end, const char *ns, const char *name)
{
    struct arena *arena = arena_new();
    stream_send_element(end->stream, element_new(arena, ns, name));
    arena_free(arena);
}

static void on_features_received(void *user, struct element *features)
{
    struct end *end = user;
    end_on_features(user, features);
    if (element_find(features, NS_TLS, "starttls")) {
        send_feature(end, NS_TLS, "starttls");
    } else if (element_find(features, NS_SASL, "mechanisms")) {
        send_feature(end, NS_SASL, "auth");
    } else if (element_find(features, NS_BIND, "bind")) {
        send_feature(end, NS_BIND, "bind");
        stream_set_flag(end->stream, STREAM_BOUND);
        stream_ready(end->stream);
    }
}

static void on_proceed(void *user, struct element *element)
{
    struct end *end = user;
    end_note(end, "%s", element->name);
    stream_set_flag(end->stream, STREAM_SECURE);
    stream_restart(end->stream);
}

static void on_success(void *user, struct element *element)
{
    struct end *end = user;
    end_note(end, "%s", element->name);
    stream_set_flag(end->stream, STREAM_AUTHENTICATED);
    stream_restart(end->stream);
}

static const struct stream_element proceed_elements[] = {{NS_TLS, "proceed", on_proceed}, {0}};
static const struct stream_element success_elements[] = {{NS_SASL, "success", on_success}, {0}};
static const struct stream_feature proceed_feature = {.excludes = STREAM_SECURE,
                                                      .elements = proceed_elements};
static const struct stream_feature success_feature = {
    .requires = STREAM_SECURE, .excludes = STREAM_AUTHENTICATED, .elements = success_elements};
static const struct stream_feature *const initiator_features[] = {&proceed_feature,
                                                                  &success_feature, NULL};

static const struct stream_profile initiator_profile = {
    .role = STREAM_INITIATOR,
    .content_ns = NS_CLIENT,
    .has_version = true,
    .stanzas_require = STREAM_BOUND,
    .features = initiator_features,
    .timeout_ms = {[STREAM_OPENING] = 10000, [STREAM_NEGOTIATING] = 20000},
};

static struct end *initiator_new(void)
{
    static struct stream_ops ops;
    struct end *end = xcalloc(1, sizeof(*end));
    ops = end_ops;
    ops.features = on_features_received;
    end->refuse_header = -1;
    end->pool = parser_pool_new();
    end->stream = stream_new(&initiator_profile, end->pool, &parser_limits_after_auth, &ops, end);
    return end;
}

static void send_message(struct end *end, const char *id)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    element_set(stanza->root, "id", id);
    stream_send(end->stream, stanza);
    stanza_unref(stanza);
}

static void two_ends_negotiate(void **state)
{
    struct end *server = end_new(&acceptor_profile);
    struct end *client = initiator_new();
    (void)state;
    server->peer = client;
    client->peer = server;
    stream_open(server->stream, NULL, "h.test");
    stream_open(client->stream, "h.test", NULL);

    assert_string_equal(end_events(server), "header(to=h.test from=- lang=en) starttls "
                                            "header(to=h.test from=- lang=en) auth "
                                            "header(to=h.test from=- lang=en) bind ");
    assert_string_equal(end_events(client),
                        HEADER_OUT "features(starttls) proceed " HEADER_OUT
                                   "features(mechanisms) success " HEADER_OUT "features(bind) ");
    assert_int_equal(stream_state(server->stream), STREAM_READY);
    assert_int_equal(stream_state(client->stream), STREAM_READY);
    assert_string_equal(stream_id(server->stream), stream_id(client->stream));
    assert_string_equal(stream_lang(server->stream), "en");

    end_forget(server);
    end_forget(client);
    send_message(client, "1");
    send_message(server, "2");
    stream_close(client->stream);
    send_message(client, "3");
    assert_string_equal(end_events(server), "message(1) ended(-) ");
    assert_string_equal(end_events(client), "message(2) ended(-) ");
    end_free(server);
    end_free(client);
}

static void initiators_judge_the_answer(void **state)
{
    static const struct {
        const char *in;
        const char *events;
        const char *out;
    } rows[] = {
        {"<stream:stream xmlns='jabber:server' " STREAMS " version='1.0'>", "",
         "<invalid-namespace xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"},
        {"<stream:stream xmlns='jabber:client' " STREAMS ">", "",
         "<unsupported-version xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"},
        {"<stream:stream xmlns='jabber:client' " STREAMS " version='1.0' id='7'><stream:error>"
         "<host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>" END,
         "header(to=- from=- lang=-) ended(- host-unknown) ", END},
        {"<stream:stream xmlns='jabber:client' " STREAMS " version='1.0'>"
         "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message/>",
         "header(to=- from=- lang=-) proceed ", "<stream:stream"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct end *end = initiator_new();
        stream_open(end->stream, "h.test", "a@h.test");
        assert_string_equal(end_sent(end),
                            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' " STREAMS
                            " from='a@h.test' to='h.test' version='1.0' xml:lang='en'>");
        end_forget(end);
        end_feed(end, rows[i].in, 0);
        assert_true(!strncmp(end_events(end), rows[i].events, strlen(rows[i].events)));
        assert_non_null(strstr(end_sent(end), rows[i].out));
        end_free(end);
    }
}

/* --- acceptors alone --- */

static struct end *start(unsigned flags)
{
    struct end *end = end_new(&acceptor_profile);
    for (unsigned flag = STREAM_SECURE; flag <= STREAM_BOUND; flag <<= 1) {
        if (flags & flag)
            stream_set_flag(end->stream, (enum stream_flag)flag);
    }
    stream_open(end->stream, NULL, "h.test");
    return end;
}

#define LOGGED (STREAM_SECURE | STREAM_AUTHENTICATED)
#define BOUND  (LOGGED | STREAM_BOUND)

/* T1, CVE-2011-0411: whatever follows <starttls/> in clear, but for blanks, ends the connection. */
static void bytes_behind_starttls_end_the_stream(void **state)
{
    static const char *const behind[] = {AUTH, " <", "<", "\n" H};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
        struct end *end = start(0);
        char *in = xasprintf(H STARTTLS "%s", behind[i]);
        end_feed(end, H, 0);
        end_forget(end);
        end_feed(end, in + strlen(H), 0);
        assert_string_equal(end_events(end), "starttls ended(- abrupt) ");
        assert_string_equal(end_sent(end), "");
        stream_feed(end->stream, AUTH, strlen(AUTH));
        assert_string_equal(end_sent(end), "");
        free(in);
        end_free(end);
    }
}

static void starttls_alone_is_clean(void **state)
{
    static const char *const rows[] = {STARTTLS, STARTTLS "\n", STARTTLS " \t\r\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct end *end = start(0);
        end_feed(end, H, 0);
        end_feed(end, rows[i], 0);
        assert_string_equal(end_events(end), HEADER_IN "starttls ");
        assert_int_equal(stream_state(end->stream), STREAM_OPENING);
        end_feed(end, H, 0);
        assert_string_equal(end_events(end), HEADER_IN "starttls " HEADER_IN);
        end_free(end);
    }
}

/* A client that does not wait for <success/> before its new header is understood. */
static void a_new_stream_may_follow_at_once(void **state)
{
    const char *in = H AUTH "\n<?xml version='1.0'?>" H BIND "<message id='1'/>";
    int length = (int)strlen(in);
    (void)state;
    for (int cut = -1; cut < length; cut++) {
        struct end *end = start(STREAM_SECURE);
        end_feed(end, in, cut);
        assert_string_equal(end_events(end), HEADER_IN "auth " HEADER_IN "bind message(1) ");
        assert_int_equal(stream_state(end->stream), STREAM_READY);
        end_free(end);
    }
}

static void ids_change_with_each_stream(void **state)
{
    struct end *end = start(STREAM_SECURE);
    char *first = xstrdup(stream_id(end->stream));
    (void)state;
    assert_int_equal(strlen(first), 32);
    end_feed(end, H AUTH, 0);
    assert_string_not_equal(stream_id(end->stream), first);
    free(first);
    end_free(end);
}

static void a_held_stream_delivers_nothing(void **state)
{
    const char *in = H AUTH H BIND "<message id='1'/>" END;
    (void)state;
    for (int cut = -1; cut < (int)strlen(in); cut++) {
        struct end *end = start(STREAM_SECURE);
        end->hold_on_auth = true;
        end_feed(end, in, cut);
        assert_string_equal(end_events(end), HEADER_IN "auth hold ");
        assert_int_equal(stream_state(end->stream), STREAM_NEGOTIATING);
        end_forget(end);
        end_authenticate(end);
        assert_string_equal(end_events(end), "");
        stream_release(end->stream);
        assert_string_equal(end_events(end), "release " HEADER_IN "bind message(1) ended(-) ");
        end_free(end);
    }
}

static void holds_nest(void **state)
{
    struct end *end = start(BOUND);
    (void)state;
    end_feed(end, H, 0);
    end_forget(end);
    stream_hold(end->stream);
    stream_hold(end->stream);
    end_feed(end, "<message id='1'/>", 5);
    stream_release(end->stream);
    assert_string_equal(end_events(end), "hold ");
    stream_release(end->stream);
    stream_release(end->stream);
    assert_string_equal(end_events(end), "hold release message(1) ");
    end_free(end);
}

/* Also where stanzas hold: the second one waits in the parser's input. */
static void stanzas_may_hold(void **state)
{
    struct end *end = start(BOUND);
    (void)state;
    end_feed(end, H, 0);
    end_forget(end);
    end->hold_on_stanza = true;
    end_feed(end, "<message id='1'/><message id='2'/><presence id='3'/>", 0);
    assert_string_equal(end_events(end), "message(1) hold ");
    stream_release(end->stream);
    assert_string_equal(end_events(end), "message(1) hold release message(2) hold ");
    end->hold_on_stanza = false;
    end_feed(end, "<message id='4'/>", 0);
    stream_release(end->stream);
    assert_string_equal(end_events(end),
                        "message(1) hold release message(2) hold release presence(3) message(4) ");
    end_free(end);
}

/* Nobody releases a stream that has failed, so the hold goes with it and the footer is read. */
static void closing_ends_a_hold(void **state)
{
    struct end *end = start(STREAM_SECURE);
    (void)state;
    end->hold_on_auth = true;
    end_feed(end, H AUTH AUTH, 0);
    end_forget(end);
    stream_fail(end->stream, STREAM_CONNECTION_TIMEOUT, NULL);
    stream_release(end->stream);
    end_feed(end, END, 0);
    assert_string_equal(end_events(end), "release ended(connection-timeout) ");
    end_free(end);
}

static void owners_may_close_while_reading(void **state)
{
    struct end *end = start(BOUND);
    (void)state;
    end->close_on_stanza = true;
    end_feed(end, H "<message id='1'/><message id='2'/>" END, 0);
    assert_string_equal(end_events(end), HEADER_IN "message(1) ended(-) ");
    end_free(end);
}

/* P3: one time span for all of negotiation. */
static void negotiation_has_one_deadline(void **state)
{
    struct end *end = start(STREAM_SECURE);
    (void)state;
    assert_int_equal(end->armed_ms, 30000);
    end->armed_ms = 1;
    end_feed(end, H AUTH H, 0);
    assert_int_equal(end->armed_ms, 1);
    end_forget(end);
    stream_timeout(end->stream);
    assert_string_equal(end_sent(end),
                        "<stream:error><connection-timeout "
                        "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>" END);
    assert_int_equal(end->armed_ms, 1);
    stream_timeout(end->stream);
    assert_string_equal(end_events(end), "ended(connection-timeout) ");
    end_free(end);
}

static void ready_streams_have_no_deadline(void **state)
{
    struct end *end = start(LOGGED);
    (void)state;
    end_feed(end, H BIND, 0);
    assert_int_equal(end->armed_ms, 0);
    stream_close(end->stream);
    assert_int_equal(end->armed_ms, 5000);
    stream_timeout(end->stream);
    assert_string_equal(end_events(end), HEADER_IN "bind ended(-) ");
    end_free(end);
}

static void a_deadline_for_after_the_header_is_armed_once(void **state)
{
    struct end *end = initiator_new();
    (void)state;
    stream_open(end->stream, "h.test", NULL);
    assert_int_equal(end->armed_ms, 10000);
    end_feed(end, H, 0);
    assert_int_equal(end->armed_ms, 20000);
    end->armed_ms = 1;
    end_feed(end, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", 0);
    end_feed(end, H, 0);
    assert_int_equal(end->armed_ms, 1);
    end_free(end);
}

/* A client that connects and says nothing gets the header, too (RFC 6120 §4.9.1.2). */
static void a_silent_peer_times_out(void **state)
{
    struct end *end = start(0);
    (void)state;
    stream_timeout(end->stream);
    assert_string_equal(end_sent(end),
                        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' " STREAMS
                        " id='ID' from='h.test' version='1.0' xml:lang='en'><stream:error>"
                        "<connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                        "</stream:error>" END);
    end_free(end);
}

static void closing_before_the_header_says_nothing(void **state)
{
    struct end *end = start(0);
    (void)state;
    stream_close(end->stream);
    assert_string_equal(end_sent(end), "");
    assert_string_equal(end_events(end), "ended(-) ");
    end_free(end);
}

static void idle_streams_hold_no_parser(void **state)
{
    struct end *end = start(BOUND);
    (void)state;
    end_feed(end, H "<message id='1'/> ", 0);
    assert_int_equal(parser_pool_lent(end->pool), 0);
    end_free(end);
}

/* --- without version and features, with bytes: the router's kind --- */

static const struct stream_profile component_profile = {
    .role = STREAM_ACCEPTOR,
    .content_ns = NS_COMPONENT,
    .keep_bytes = true,
};

static void bytes_come_as_received(void **state)
{
    const char *in = "<stream:stream xmlns='jabber:component:accept' " STREAMS " to='c'>"
                     "<message id='1'  to='a@b'><x a=\"&gt;\"/>&#65;</message >\n"
                     "<presence\tid='2'/>";
    (void)state;
    for (int cut = -1; cut < (int)strlen(in); cut++) {
        struct end *end = end_new(&component_profile);
        stream_open(end->stream, NULL, NULL);
        end_feed(end, in, cut);
        assert_string_equal(
            end_sent(end),
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' " STREAMS
            " id='ID' from='h.test'>");
        assert_string_equal(end_events(end),
                            "header(to=c from=- lang=-) message(1) "
                            "[<message id='1'  to='a@b'><x a=\"&gt;\"/>&#65;</message >] "
                            "presence(2) [<presence\tid='2'/>] ");
        end_free(end);
    }
}

static void bytes_are_kept_while_held(void **state)
{
    struct end *end = end_new(&component_profile);
    (void)state;
    stream_open(end->stream, NULL, NULL);
    end_feed(end, "<stream:stream xmlns='jabber:component:accept' " STREAMS ">", 0);
    end_forget(end);
    stream_hold(end->stream);
    end_feed(end, "<message id='1'>x</message><iq id='2' type='result'/>", 20);
    stream_release(end->stream);
    assert_string_equal(end_events(end), "hold release message(1) [<message id='1'>x</message>] "
                                         "iq(2) [<iq id='2' type='result'/>] ");
    end_free(end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_ends_negotiate),
        cmocka_unit_test(initiators_judge_the_answer),
        cmocka_unit_test(bytes_behind_starttls_end_the_stream),
        cmocka_unit_test(starttls_alone_is_clean),
        cmocka_unit_test(a_new_stream_may_follow_at_once),
        cmocka_unit_test(ids_change_with_each_stream),
        cmocka_unit_test(a_held_stream_delivers_nothing),
        cmocka_unit_test(holds_nest),
        cmocka_unit_test(stanzas_may_hold),
        cmocka_unit_test(closing_ends_a_hold),
        cmocka_unit_test(owners_may_close_while_reading),
        cmocka_unit_test(negotiation_has_one_deadline),
        cmocka_unit_test(ready_streams_have_no_deadline),
        cmocka_unit_test(a_deadline_for_after_the_header_is_armed_once),
        cmocka_unit_test(a_silent_peer_times_out),
        cmocka_unit_test(closing_before_the_header_says_nothing),
        cmocka_unit_test(idle_streams_hold_no_parser),
        cmocka_unit_test(bytes_come_as_received),
        cmocka_unit_test(bytes_are_kept_while_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
