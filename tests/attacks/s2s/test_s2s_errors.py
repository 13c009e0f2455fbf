# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stanzas that do not arrive: what their senders are told, and when (S13 of docs/ATTACKS.md).

import contextlib
import select
import socket

import pytest

from tests.attacks.answers import check_stanza_error
from tests.attacks.s2s.conftest import say, texts
from tests.attacks.s2s.servers import DIALBACK_FEATURE, free_address
from tests.attacks.s2s.zones import SERVFAIL, SRV, Reply, srv
from tests.harness import wait
from tests.node.client import CLIENT, Closed

QUEUE = 20
SHORT = {"retry_min": "50ms", "retry_max": "200ms", "stanza_expiry": "1s",
         "queue_stanzas": str(QUEUE)}
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"


@pytest.fixture(scope="module")
def where(changed_federation, change):
    change(**SHORT)
    return changed_federation


def no_name(scene, peer):
    scene.zones.rows.clear()


def no_service(scene, peer):
    scene.zones.put(f"_xmpp-server._tcp.{peer.domain}", srv(0, ""))


def dns_fails(scene, peer):
    scene.zones.rows[f"_xmpp-server._tcp.{peer.domain}", SRV] = Reply(code=SERVFAIL)


def nobody_listens(scene, peer):
    peer.listener.close()
    scene.zones.put_server(peer.domain, *free_address())


def says_nothing(scene, peer):
    pass


def wrong_certificate(scene, peer):
    peer.certificate = scene.authority.issue("other.example")
    return lambda: peer.accept().accept_starttls()


def no_tls(scene, peer):
    return lambda: peer.accept().greet(DIALBACK_FEATURE)


def refuses(scene, peer):
    def run():
        stream = peer.accept().serve_keys()
        if stream.receive(2).tag.endswith("}result"):
            stream.words("result", type="invalid")
    return run


def ends(scene, peer):
    def run():
        stream = peer.accept()
        stream.wait_open()
        stream.send_header()
        stream.send(f"<stream:error><conflict xmlns='{ERRORS}'/></stream:error>"
                    "</stream:stream>")
    return run


TIMEOUT = ("wait", "remote-server-timeout")
NOT_FOUND = ("cancel", "remote-server-not-found")
ENDS = [
    (no_name, NOT_FOUND, "the DNS knows no address"),
    (no_service, NOT_FOUND, "has no XMPP service"),
    (dns_fails, TIMEOUT, "the DNS servers of the domain fail"),
    (nobody_listens, TIMEOUT, "can be connected to"),
    (says_nothing, TIMEOUT, "in time"),
    (wrong_certificate, TIMEOUT, "certificate is for other names"),
    (no_tls, TIMEOUT, "no TLS"),
    (refuses, TIMEOUT, "refuses"),
    (ends, TIMEOUT, "conflict"),
]


def next_of(alice, peer, serve):
    """What alice gets next, while whoever comes to the peer is served."""
    while True:
        try:
            return alice.receive(0.02)
        except TimeoutError:
            if serve and select.select([peer.listener], [], [], 0)[0]:
                with contextlib.suppress(TimeoutError, OSError, Closed, AssertionError):
                    serve()  # the stanza may end, and with it the attempt, in the middle of it


@pytest.mark.parametrize("spoil, wanted, why", ENDS, ids=[f"S13-{row[0].__name__}" for row in ENDS])
def test_why_it_ended(scene, peer, alice, spoil, wanted, why):
    """The sender is told, once, with the reason; results and errors are not answered."""
    serve = spoil(scene, peer)
    bob = f"bob@{peer.domain}"
    alice.send(f"<iq type='result' id='none' to='{bob}/x'/>"
               f"<message type='error' id='none' to='{bob}'/>")
    say(alice, peer, "first", "second")
    alice.send(f"<iq type='get' id='asked' to='{bob}/x'><ping xmlns='urn:xmpp:ping'/></iq>")
    answers = [next_of(alice, peer, serve) for _ in range(3)]
    assert [answer.get("type") for answer in answers] == ["error"] * 3
    assert [a.findtext(f"{{{CLIENT}}}body") for a in answers] == ["first", "second", None]
    for answer in answers:
        check_stanza_error(answer, *wanted)
    assert any(why in answer.findtext("{*}error/{*}text") for answer in answers)
    alice.settle()
    assert not alice._elements


def test_S13_full_queue(scene, peer, alice):
    """What does not fit goes back at once; the others wait for their time."""
    bodies = [f"m{i}" for i in range(QUEUE + 5)]
    say(alice, peer, *bodies)
    answers = [alice.wait_for(lambda e: e.get("type") == "error") for _ in bodies]
    full, rest = answers[:5], answers[5:]
    for answer in full:
        check_stanza_error(answer, "wait", "resource-constraint")
    for answer in rest:
        check_stanza_error(answer, *TIMEOUT)
    assert [a.findtext("{*}body") for a in full] == bodies[QUEUE:]
    assert [a.findtext("{*}body") for a in rest] == bodies[:QUEUE]


def test_S13_too_much_waits(scene, change, peer, alice):
    """Not too many stanzas, but too large ones."""
    change(**{**SHORT, "queue_size": "16k"})
    bodies = [f"{number} " + "x" * 7 * 1024 for number in range(4)]
    say(alice, peer, *bodies)
    answers = [alice.wait_for(lambda e: e.get("type") == "error") for _ in bodies]
    full = [a.findtext("{*}body") for a in answers
            if a.find("{*}error/{*}resource-constraint") is not None]
    assert 0 < len(full) < len(bodies) and full == bodies[-len(full):]
    change(**SHORT)


def test_S13_what_waited_is_sent(scene, change, peer, alice):
    """The first attempt fails; the second one brings everything, in order."""
    change(retry_min="50ms", retry_max="200ms", stanza_expiry="60s")
    host, port = peer.host, peer.port
    peer.listener.close()
    say(alice, peer, "a", "b", "c")
    wait.until(lambda: scene.pairs(peer.domain)[0]["problem"])
    peer.listener = socket.create_server((host, port))
    assert texts(peer.accept().serve(more=""), 3) == ["a", "b", "c"]
    change(**SHORT)
