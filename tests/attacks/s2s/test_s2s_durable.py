# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What was taken from a client is neither lost nor doubled on its way to another server, as far as
# that server's side of the protocol goes (docs/FEDERATION.md, "Who answers for what").

import pytest

from tests.attacks.s2s.conftest import federation, user_of
from tests.attacks.s2s.servers import SERVER, peers_of
from tests.node.client import PING

ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
BRIEF = {"s2s": {"retry-min": "100ms", "retry-max": "500ms", "ack-timeout": "2s"}}


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    """A node that does not wait for long."""
    with federation(tmp_path_factory.mktemp("brief"), BRIEF) as scene:
        yield scene


@pytest.fixture
def scene(brief):
    return brief


def say(alice, peer, *bodies, kind="chat"):
    for body in bodies:
        alice.send_message(f"bob@{peer.domain}", body, kind)


def hear(stream, *bodies):
    assert [stream.next_stanza().findtext("{*}body") for _ in bodies] == list(bodies)


def hear_with_delay(stream, *expected):
    """(body, by which domain it was delayed or None)"""
    heard = []
    for _ in expected:
        message = stream.next_stanza()
        delay = message.find("{urn:xmpp:delay}delay")
        heard.append((message.findtext("{*}body"), None if delay is None else delay.get("from")))
    assert heard == list(expected)


def next_ping(stream):
    return stream.wait_for(lambda e: e.tag == f"{{{SERVER}}}iq" and e.get("type") == "get"
                           and e.find(f"{{{PING}}}ping") is not None)


def answer(stream, ping, kind="result", **attributes):
    """On the way back, which is another stream."""
    attributes = {"from": ping.get("to"), "to": ping.get("from"), "id": ping.get("id"),
                  **attributes}
    text = " ".join(f"{key}='{value}'" for key, value in attributes.items())
    error = ("<error type='cancel'><service-unavailable "
             "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
    stream.send(f"<iq type='{kind}' {text}>{error if kind == 'error' else ''}</iq>")


def test_it_waits_for_who_is_away(peer, alice):
    """However often that is tried in vain."""
    say(alice, peer, "1", "2")
    for _ in range(3):
        peer.accept().close()
    say(alice, peer, "3")
    hear(peer.accept().serve().enable(), "1", "2", "3")


def test_killed_before_it_acknowledged(peer, alice):
    """What it acknowledged is not sent again, everything else is, in order."""
    say(alice, peer, "1", "2", "3")
    stream = peer.accept().serve().enable()
    hear(stream, "1", "2", "3")
    stream.acknowledge(2)
    say(alice, peer, "4")
    hear(stream, "4")
    stream.close()
    stream = peer.accept().serve().enable()
    ours = alice.bare.partition("@")[2]
    hear_with_delay(stream, ("3", ours), ("4", ours))
    stream.acknowledge(2)
    say(alice, peer, "5")
    hear_with_delay(stream, ("5", None))


@pytest.mark.parametrize("daemon", ["s2s", "router"])
def test_a_daemon_dies(scene, peer, alice, daemon):
    """Whatever it had in hand is offered to the next one."""
    say(alice, peer, "1", "2", "3")
    stream = peer.accept().serve().enable()
    hear(stream, "1", "2", "3")
    stream.acknowledge(1)
    say(alice, peer, "4")  # which comes when the first has been taken
    hear(stream, "4")
    scene.node.daemon("s2s").mark_log()
    scene.node.daemon(daemon).kill()
    say(alice, peer, "5")
    scene.node.daemon(daemon).start()
    scene.node.daemon("s2s").wait_log("event=link_up")
    if daemon == "s2s":
        stream = peer.accept().serve().enable()
        hear(stream, "2", "3", "4", "5")
    else:
        hear(stream, "5")
    scene.lives["s2s"].__init__(scene.node.daemon("s2s"))


def test_the_session_manager_dies(scene, peer, alice):
    """What waits for who is away waits in its table."""
    say(alice, peer, "1", "2")
    peer.accept().close()
    alice.ask("get", "<query xmlns='jabber:iq:roster'/>")  # what came before has been committed
    scene.node.daemon("c2s").kill()
    scene.node.daemon("c2s").start()
    hear(peer.accept().serve().enable(), "1", "2")
    scene.lives["c2s"].__init__(scene.node.daemon("c2s"))


def test_a_ping_where_there_are_no_acknowledgements(peer, alice):
    """One for all that was sent before; only its own answer counts, but any."""
    say(alice, peer, "1", "2")
    stream = peer.accept().serve(more="")
    hear(stream, "1")
    back = peer.dial_proven()
    first = next_ping(stream)
    assert (first.get("from"), first.get("to")) == (peer.node.network, peer.domain)
    hear(stream, "2")
    answer(back, first, "error")
    second = next_ping(stream)
    assert second.get("id") != first.get("id")
    answer(back, second)
    say(alice, peer, "3")
    hear(stream, "3")
    answer(back, next_ping(stream))
    back.ping()
    stream.close()
    say(alice, peer, "4")
    hear(peer.accept().serve(more=""), "4")


FORGERIES = {
    "another-id": {"id": "guessed"},
    "a-user": {"from": "bob@{domain}"},
    "a-resource": {"from": "{domain}/x"},
    "to-a-user": {"to": "alice@{network}"},
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_F11_an_answer_nobody_asked_for(peer, alice, forged):
    """The message is not taken to have arrived, and comes again."""
    forged = {key: value.format(domain=peer.domain, network=peer.node.network)
              for key, value in forged.items()}
    say(alice, peer, "1")
    stream = peer.accept().serve(more="")
    hear(stream, "1")
    back = peer.dial_proven()
    answer(back, next_ping(stream), **forged)
    back.ping()
    stream.close()
    hear(peer.accept().serve(more=""), "1")


def test_F11_an_answer_from_another_domain(peers, alice):
    peer, other = peers(), peers()
    say(alice, peer, "1")
    stream = peer.accept().serve(more="")
    hear(stream, "1")
    back = other.dial_proven()
    answer(back, next_ping(stream), **{"from": other.domain})
    back.ping()
    stream.close()
    hear(peer.accept().serve(more=""), "1")


def test_a_server_whose_answers_never_come(peer, alice):
    """Not doubled for ever: after some streams what was written counts as there."""
    say(alice, peer, "1")
    for _ in range(2):
        stream = peer.accept().serve(more="")
        hear(stream, "1")
        next_ping(stream)
        assert stream.read_to_end().closed
    stream = peer.accept().serve(more="")
    hear(stream, "1")
    say(alice, peer, "2")
    hear(stream, "2")


def end_with(stream, condition):
    stream.send(f"<stream:error><{condition} xmlns='{ERRORS}'/></stream:error></stream:stream>")


@pytest.mark.parametrize("kind, bulk", [
    ("headline", False),
    pytest.param("chat", False, marks=pytest.mark.long),
    pytest.param("chat", True, marks=pytest.mark.long),
], ids=["unanswered-for", "each", "bulk"])
def test_a_stanza_that_ends_the_stream(peer, alice, kind, bulk):
    """Goes back behind three streams, and all others get through. A server may not have
    acknowledged what was before it."""
    say(alice, peer, "1", "bad", "3", kind=kind)
    heard, ends = [], 0
    if bulk:
        stream = peer.accept().serve().enable()
        hear(stream, "1", "bad", "3")
        end_with(stream, "policy-violation")
    while "3" not in heard:
        stream, handled = peer.accept().serve().enable(), 0
        while "3" not in heard:
            text = stream.next_stanza().findtext("{*}body")
            if text == "bad":
                ends += 1
                end_with(stream, "policy-violation")
                break
            handled += 1
            stream.acknowledge(handled)
            heard.append(text)
    error = alice.wait_for(lambda e: e.get("type") == "error")
    assert error.get("from") == f"bob@{peer.domain}"
    assert error.find("{*}error/{urn:ietf:params:xml:ns:xmpp-stanzas}not-acceptable") is not None
    assert (heard, ends) == (["1", "3"], 3)


@pytest.mark.long
def test_a_server_that_ends_is_no_reason(peer, alice):
    """Streams end for many reasons that are not in the stanza."""
    say(alice, peer, "1")
    for condition in ("system-shutdown", "policy-violation", "reset", "policy-violation",
                      "resource-constraint"):
        stream = peer.accept().serve().enable()
        hear(stream, "1")
        end_with(stream, condition)
    stream = peer.accept().serve().enable()
    hear(stream, "1")
    stream.acknowledge(1)
    say(alice, peer, "2", "3")
    hear(stream, "2", "3")


def test_subscriptions_wait_too(peer, alice):
    alice.send(f"<presence type='subscribe' to='bob@{peer.domain}'/>")
    peer.accept().close()
    stream = peer.accept().serve().enable()
    assert stream.next_stanza("presence").get("type") == "subscribe"


def test_it_expires(tmp_path_factory):
    """Its sender hears why."""
    settings = {"sm": {"outbox-expiry": "2s"}, "s2s": BRIEF["s2s"]}
    with federation(tmp_path_factory.mktemp("expiry"), settings) as scene, \
            user_of(scene) as alice, peers_of(scene) as peers:
        peer = peers()
        peer.close()
        say(alice, peer, "1")
        error = alice.wait_for(lambda e: e.get("type") == "error")
        assert error.find("{*}error").get("type") == "wait"
        assert error.find("{*}error/{*}remote-server-timeout") is not None
        assert "connect" in error.findtext("{*}error/{*}text")
        assert error.findtext("{*}body") == "1"


def test_no_such_domain(alice):
    alice.send_message("bob@nowhere.invalid.example", "1")
    error = alice.wait_for(lambda e: e.get("type") == "error")
    assert error.find("{*}error/{*}remote-server-not-found") is not None
    assert error.find("{*}error").get("type") == "cancel"
