# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What another server sends is its own until somebody here has taken it: XEP-0198 says so, and says
# nothing too early (docs/FEDERATION.md, "Who answers for what").

import select
import socket
import threading

import pytest

from tests.attacks.s2s.conftest import federation, user_of
from tests.attacks.s2s.servers import SM, peers_of
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import CLIENT

KIB = 1024
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A node whose daemons may die."""
    with federation(tmp_path_factory.mktemp("own")) as scene:
        yield scene


@pytest.fixture
def scene(own):
    yield own
    for name, life in own.lives.items():
        life.__init__(own.node.daemon(name))


@pytest.fixture
def stream(peer):
    """With acknowledgements."""
    return enabled(peer.dial_proven())


def enabled(stream):
    assert stream.features.find(f"{{{SM}}}sm") is not None
    stream.send(f"<enable xmlns='{SM}'/>")
    assert stream.receive().tag == f"{{{SM}}}enabled"
    return stream


def say(stream, to, *bodies):
    for body in bodies:
        stream.send(f"<message type='chat' from='bob@{stream.domain}/x' to='{to}'>"
                    f"<body>{body}</body></message>")


def hear(client, *bodies):
    """Exactly these, in this order."""
    heard = [client.wait_for(lambda e: e.tag == f"{{{CLIENT}}}message") for _ in bodies]
    assert [message.findtext(f"{{{CLIENT}}}body") for message in heard] == list(bodies)


def nothing_more(client):
    """Nothing has come twice."""
    client.send_message(client.full, "the end")
    hear(client, "the end")


def ask(stream):
    stream.send(f"<r xmlns='{SM}'/>")
    return next_h(stream)


def next_h(stream):
    return int(stream.wait_for(lambda e: e.tag == f"{{{SM}}}a").get("h"))


def wait_h(stream, h):
    """Answers until that one; none is beyond it, or falls."""
    last = 0
    while last != h:
        answer = next_h(stream)
        assert last <= answer <= h
        last = answer


def is_up(scene, *daemons):
    for name in daemons:
        scene.node.daemon(name).wait_log("event=link_up")


def test_everything_counts(stream, alice):
    assert ask(stream) == 0
    say(stream, alice.full, "1", "2")
    hear(alice, "1", "2")
    stream.send(f"<presence from='bob@{stream.domain}' to='{alice.bare}' type='unavailable'/>"
                f"<iq type='result' id='1' from='bob@{stream.domain}' to='{alice.full}'/>"
                f"<message type='headline' from='bob@{stream.domain}' to='{alice.full}'/>"
                f"<presence from='bob@{stream.domain}' to='{alice.bare}' type='subscribe'/>"
                f"<message from='bob@{stream.domain}' to='nobody@{stream.other}'/>")
    stream.send(f"<r xmlns='{SM}'/>")
    wait_h(stream, 7)


@pytest.mark.parametrize("text, condition", [
    (f"<enable xmlns='{SM}'/>", "unexpected-request"),
    (f"<resume xmlns='{SM}' previd='1' h='0'/>", "item-not-found"),
])
def test_what_there_is_not(stream, text, condition):
    stream.send(text)
    failed = stream.receive()
    assert failed.tag == f"{{{SM}}}failed" and failed[0].tag == f"{{{STANZA_ERRORS}}}{condition}"
    assert ask(stream) == 0


def test_not_before_a_domain_is_proven(peer):
    stream = peer.dial().secure()
    stream.send(f"<enable xmlns='{SM}'/>")
    assert stream.receive().tag == f"{{{SM}}}failed"


def test_nothing_is_acknowledged_that_nobody_has(scene, stream, alice):
    with scene.node.daemon("c2s").paused():
        say(stream, alice.full, "1", "2")
        assert ask(stream) == 0
    wait_h(stream, 2)  # which nobody has asked for
    hear(alice, "1", "2")
    nothing_more(alice)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_router_dies(scene, stream, alice, how):
    say(stream, alice.full, "1")
    stream.send(f"<r xmlns='{SM}'/>")
    wait_h(stream, 1)
    for name in ("c2s", "s2s"):
        scene.node.daemon(name).mark_log()
    getattr(scene.node.daemon("router"), how)()
    say(stream, alice.full, "2", "3")
    assert ask(stream) == 1
    scene.node.daemon("router").start()
    wait_h(stream, 3)
    hear(alice, "1", "2", "3")
    nothing_more(alice)


def test_what_a_room_says(scene, peer, stream, alice):
    """Is not lost with the router either; who is not in it any more is told of to the room."""
    room = f"hall@{peer.domain}"
    alice.send(f"<presence to='{room}/alice'/>")
    back = peer.accept().serve()
    back.wait_for(lambda e: e.get("to") == f"{room}/alice")

    def speak(to, *bodies):
        for body in bodies:
            stream.send(f"<message type='groupchat' from='{room}/romeo' to='{to}' id='{body}'>"
                        f"<body>{body}</body></message>")

    speak(alice.full, "1")
    stream.send(f"<r xmlns='{SM}'/>")
    wait_h(stream, 1)
    scene.node.daemon("router").kill()
    speak(alice.full, "2", "3")
    assert ask(stream) == 1
    scene.node.daemon("router").start()
    wait_h(stream, 3)
    hear(alice, "1", "2", "3")
    nothing_more(alice)
    speak(f"{alice.bare}/gone", "4")
    error = back.wait_for(lambda e: e.get("id") == "4")
    assert error.get("type") == "error" and error.get("to") == f"{room}/romeo"
    assert error.find(f"{{*}}error/{{{STANZA_ERRORS}}}service-unavailable") is not None
    stream.send(f"<r xmlns='{SM}'/>")
    wait_h(stream, 4)


def test_c2s_dies(scene, stream):
    """All that was acknowledged is there, and nothing that was not is lost."""
    account = scene.node.add_account()
    texts = [str(number) for number in range(40)]
    say(stream, account.jid, *texts[:20])
    stream.send(f"<r xmlns='{SM}'/>")
    scene.node.daemon("c2s").kill()
    say(stream, account.jid, *texts[20:])
    stream.send(f"<r xmlns='{SM}'/>")
    scene.node.daemon("c2s").start()
    wait_h(stream, len(texts))
    client = RawStream(scene.node, account, source=next(SOURCES)).login()
    client.send("<presence/>")
    heard = []
    while not heard or heard[-1] != texts[-1]:
        heard.append(client.wait_for(lambda e: e.tag == f"{{{CLIENT}}}message").findtext(
            f"{{{CLIENT}}}body"))
    client.close()
    assert heard == texts


def test_the_peer_says_it_again(peer, alice):
    """It has not heard that it is here. Whatever is not the same in every byte, but for a delay, is
    something else, and so is what has no id."""
    def send(stream, identity, body, more=""):
        stream.send(f"<message type='chat' from='bob@{stream.domain}/x' to='{alice.full}' "
                    f"{identity}><body>{body}</body>{more}</message>")

    def delay(by):
        return f"<delay xmlns='urn:xmpp:delay' from='{by}' stamp='2026-11-27T21:00:00Z'/>"

    first = enabled(peer.dial_proven())
    send(first, "id='1'", "one")
    send(first, "", "two")
    hear(alice, "one", "two")
    first.close()
    again = enabled(peer.dial_proven())
    send(again, "id='1'", "one")
    send(again, "id='1'", "one", delay(again.domain))
    send(again, "", "two")
    send(again, "id='1'", "three")
    send(again, "id='2'", "three")
    send(again, "id='1'", "one", delay("elsewhere.example"))
    again.send(f"<r xmlns='{SM}'/>")
    wait_h(again, 6)
    hear(alice, "two", "three", "three", "one")
    nothing_more(alice)


def test_s2s_dies(scene, peer, alice):
    """What it had not acknowledged is still the peer's."""
    stream = enabled(peer.dial_proven())
    with scene.node.daemon("c2s").paused():
        say(stream, alice.full, "1")
        assert ask(stream) == 0
        scene.node.daemon("s2s").kill()
        stream.read_to_end()
        scene.node.daemon("s2s").start()
    again = enabled(peer.dial_proven())
    say(again, alice.full, "1", "2")
    again.send(f"<r xmlns='{SM}'/>")
    wait_h(again, 2)
    heard = [alice.wait_for(lambda e: e.tag == f"{{{CLIENT}}}message").findtext(
        f"{{{CLIENT}}}body") for _ in range(2)]
    assert heard[0] == "1"


def test_for_several(scene, peer, alice):
    """XEP-0033: it is acknowledged when every copy has been taken, and is the peer's until then."""
    more = [scene.node.add_account().jid for _ in range(3)]
    addresses = "".join(f"<address type='bcc' jid='{jid}'/>" for jid in (alice.full, *more))

    def send(stream, identity):
        stream.send(f"<message type='chat' from='bob@{stream.domain}/x' to='{stream.other}' "
                    f"id='{identity}'><body>{identity}</body>"
                    "<addresses xmlns='http://jabber.org/protocol/address'>"
                    f"{addresses}</addresses></message>")

    stream = enabled(peer.dial_proven())
    with scene.node.daemon("c2s").paused():
        send(stream, "1")
        assert ask(stream) == 0
        scene.node.daemon("s2s").kill()
        stream.read_to_end()
        scene.node.daemon("s2s").start()
    again = enabled(peer.dial_proven())
    send(again, "1")
    send(again, "2")
    again.send(f"<r xmlns='{SM}'/>")
    wait_h(again, 2)
    hear(alice, "1", "2")
    nothing_more(alice)


def test_a_peer_that_does_not_care(scene, peer, alice):
    """It is rid of what it has sent, so somebody here keeps it."""
    stream = peer.dial_proven()
    with scene.node.daemon("c2s").paused():
        say(stream, alice.full, "1", "2")
        stream.ping()
        stream.close()
    hear(alice, "1", "2")
    nothing_more(alice)


def test_too_much_in_hand(scene, peer, alice):
    """It is not read any more, and goes on when somebody takes what it has sent."""
    stream, texts = enabled(peer.dial_proven()), [str(number) for number in range(2000)]
    more = "x" * 8 * KIB  # in all more than any kernel keeps for a connection
    sender = threading.Thread(target=say, args=(stream, alice.full,
                                                *(f"{text} {more}" for text in texts)))
    with scene.node.daemon("c2s").paused():
        sender.start()
        wait.until(lambda: not select.select([], [stream.socket], [], 0.5)[1],
                   what="s2s to read no more")
        assert sender.is_alive()
    for text in texts:
        body = alice.wait_for(lambda e: e.tag == f"{{{CLIENT}}}message").findtext(
            f"{{{CLIENT}}}body")
        assert body.split()[0] == text
    sender.join()
    stream.send(f"<r xmlns='{SM}'/>")
    wait_h(stream, len(texts))


def connects(peer):
    with socket.create_connection(peer.node.address("S2S")) as connection:
        connection.settimeout(1)
        connection.sendall(b"<?xml version='1.0'?>")
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True
        except ConnectionError:
            return False


def test_nobody_takes_anything(tmp_path_factory):
    """Those who come are sent away, so that they go to another server; senders are told."""
    with federation(tmp_path_factory.mktemp("stuck"), {"s2s": {"stanza-expiry": "4s"}}) as scene, \
            user_of(scene) as alice, peers_of(scene) as peers:
        peer = peers()
        alice.send_message(f"nobody@{peer.domain}", "open", "headline")
        way_back = peer.accept().serve()
        stream = enabled(peer.dial_proven())
        scene.node.daemon("c2s").kill()
        say(stream, "alice@" + scene.node.network, "1")
        wait.until(lambda: not connects(peer), what="s2s to send those away who come")
        error = way_back.wait_for(lambda e: e.get("type") == "error")
        assert error.find("{*}error").get("type") == "wait"
        stream.send(f"<r xmlns='{SM}'/>")
        wait_h(stream, 1)
        scene.node.daemon("c2s").start()
        wait.until(lambda: connects(peer), what="s2s to let those in who come")
        scene.lives.clear()
