# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What becomes of stanzas for servers that do not keep to it (S14 to S16 of docs/ATTACKS.md). All
# times are short here: how long something takes is not what is tested.

import select

import pytest

from tests.attacks.answers import check_stanza_error
from tests.attacks.s2s.conftest import say, texts
from tests.attacks.s2s.servers import EXTERNAL, SASL, SM_FEATURE, check_end_of_ours
from tests.attacks.s2s.zones import address, srv
from tests.harness import wait

QUEUE = 20
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"


@pytest.fixture(scope="module")
def where(changed_federation, change):
    change(retry_min="50ms", retry_max="200ms", ack_timeout="2s", negotiation_timeout="5s",
           queue_stanzas=str(QUEUE))
    return changed_federation


# S14: acknowledgements (XEP-0198).

def test_S14_nothing_is_acknowledged(scene, peer, alice):
    """The stream is given up; on the next one everything comes once more, once, in order."""
    say(alice, peer, "a", "b", "c")
    first = peer.accept().serve().enable()
    assert texts(first, 3) == ["a", "b", "c"]
    second = peer.accept().serve().enable()
    say(alice, peer, "d")
    assert texts(second, 4) == ["a", "b", "c", "d"]
    second.acknowledge(4)
    say(alice, peer, "e")
    assert texts(second, 1) == ["e"]


def test_S14_a_part_is_acknowledged(scene, peer, alice):
    say(alice, peer, "a", "b", "c", "d", "e")
    first = peer.accept().serve().enable()
    assert texts(first, 5) == ["a", "b", "c", "d", "e"]
    first.acknowledge(2)
    second = peer.accept().serve().enable()
    assert texts(second, 3) == ["c", "d", "e"]
    second.acknowledge(3)
    say(alice, peer, "f")
    assert texts(second, 1) == ["f"]


def test_S14_no_progress(scene, peer, alice):
    """To answer is not enough; and the two do not ask and answer without end."""
    say(alice, peer, "a")
    first = peer.accept().serve().enable()
    assert texts(first, 1) == ["a"]
    asked = 0
    while not select.select([peer.listener], [], [], 0)[0]:
        if select.select([first.socket], [], [], 0.05)[0]:
            if not (data := first.socket.recv(65536)):
                break
            asked += data.count(b"<r ")
            first.acknowledge(0)
    assert asked < 10
    assert texts(peer.accept().serve().enable(), 1) == ["a"]


def test_S14_slow_progress(scene, peer, alice):
    """As long as there is some, the stream lives."""
    bodies = [f"m{i}" for i in range(8)]
    say(alice, peer, *bodies)
    stream = peer.accept().serve().enable()
    assert texts(stream, 8) == bodies
    for number in range(1, 8):
        stream.acknowledge(number)
        stream.wait_for(lambda e: e.tag.endswith("}r"))
    say(alice, peer, "last")
    assert texts(stream, 1) == ["last"]


WRONG = {"too-many": ("3", "undefined-condition"), "fewer": ("-1", "bad-format"),
         "text": ("x", "bad-format"), "empty": ("", "bad-format"),
         "2-32": (str(2**32), "bad-format"), "2-32-and-1": (str(2**32 + 1), "bad-format"),
         "2-31": (str(2**31), "undefined-condition"), "2-64": (str(2**64), "bad-format"),
         "unit": ("1k", "bad-format"), "hexadecimal": ("0x1", "bad-format")}


@pytest.mark.parametrize("h, condition", WRONG.values(), ids=[f"S14-h-{name}" for name in WRONG])
def test_wrong_number(scene, peer, alice, h, condition):
    """Nothing of it is believed."""
    say(alice, peer, "a", "b")
    first = peer.accept().serve().enable()
    assert texts(first, 2) == ["a", "b"]
    first.acknowledge(h)
    check_end_of_ours(first.read_to_end(), condition)
    assert texts(peer.accept().serve().enable(), 2) == ["a", "b"]


def test_S14_it_takes_nothing(scene, peer, alice):
    """Much more than anything holds: each message arrives once in the end or comes back."""
    count = 3 * QUEUE
    bodies = [f"{i} {'x' * 2000}" for i in range(count)]
    say(alice, peer, "first")
    stalled = peer.accept().serve().enable()
    say(alice, peer, *bodies)
    returned = []
    for _ in range(count - 2 * QUEUE + 1):  # as many may be unacknowledged as may wait
        answer = alice.wait_for(lambda e: e.get("type") == "error")
        check_stanza_error(answer, "wait", "resource-constraint")
        returned.append(answer.findtext("{*}body"))
    stalled.forget()
    again = peer.accept().serve().enable()
    arrived = []
    while len(arrived) + len(returned) < count + 1:
        arrived += texts(again, 1)
        again.acknowledge(len(arrived))
    assert arrived[0] == "first" and sorted(arrived[1:] + returned) == sorted(bodies)
    assert arrived[1:] == [body for body in bodies if body not in returned]


def test_S14_enable_fails(scene, peer, alice):
    """Then it goes without."""
    say(alice, peer, "a")
    stream = peer.accept().serve()
    stream.expect("{urn:xmpp:sm:3}enable")
    stream.send("<failed xmlns='urn:xmpp:sm:3'/>")
    assert texts(stream, 1) == ["a"]
    say(alice, peer, *[f"m{i}" for i in range(3 * QUEUE)])
    assert texts(stream, 3 * QUEUE) == [f"m{i}" for i in range(3 * QUEUE)]


@pytest.mark.memory
def test_S14_questions_nobody_reads_the_answers_of(scene, peer, alice):
    """<r/> without end."""
    say(alice, peer, "a")
    stream = peer.accept().serve(more="")
    assert texts(stream, 1) == ["a"]
    life = scene.lives["s2s"]
    with scene.survives(lines=10, growth=4 << 20):
        life.reset_peak()
        for _ in range(200):
            stream.try_send(b"<r xmlns='urn:xmpp:sm:3'/>" * 1000)
        assert life.peak() < 4 << 20
        stream.close()


# S15

def test_S15_see_other_host(scene, peers, alice):
    """A peer cannot send us elsewhere."""
    peer, other = peers(), peers()
    say(alice, peer, "a")
    for _ in range(2):
        stream = peer.accept()
        stream.wait_open()
        stream.send_header()
        stream.send(f"<stream:error><see-other-host xmlns='{ERRORS}'>{other.host}:{other.port}"
                    "</see-other-host></stream:error></stream:stream>")
        stream.read_to_end()
    wait.until(lambda: "see-other-host" in (scene.pairs(peer.domain)[0]["problem"] or ""))
    other.listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.listener.accept()


def test_S15_huge_features(scene, peer, alice):
    say(alice, peer, "a")
    stream = peer.accept()
    stream.wait_open()
    stream.send_header()
    stream.try_send(b"<stream:features>" + b"<x xmlns='y'>" + b"z" * 20_000)
    check_end_of_ours(stream.read_to_end(), "policy-violation")


def test_S15_many_features(scene, peer, alice):
    say(alice, peer, "a")
    stream = peer.accept()
    stream.wait_open()
    stream.send_header()
    stream.try_send(b"<stream:features>" + b"<x xmlns='y'/>" * 100 + b"</stream:features>")
    check_end_of_ours(stream.read_to_end(), "policy-violation")


def test_S15_drop_by_drop(scene, peers, alice):
    """Bytes do not extend the time of negotiation: of nothing, half a header, half of features."""
    streams = []
    for begin in ("", "<stream:stream a='", None):
        peer = peers()
        say(alice, peer, "a")
        stream = peer.accept()
        stream.wait_open()
        stream.send_header() if begin is None else stream.send(begin)
        streams.append(stream)
    while streams:
        readable = select.select([stream.socket for stream in streams], [], [], 0.1)[0]
        streams = [stream for stream in streams if stream.try_send(b" ")
                   and not (stream.socket in readable and not stream.socket.recv(65536))]


# S16

@pytest.mark.parametrize("end", (f"<stream:error><reset xmlns='{ERRORS}'/></stream:error>"
                                 "</stream:stream>", "</stream:stream>", "</wrong>", ""),
                         ids=("error", "footer", "bad-xml", "cut-off"))
def test_S16_in_flight(scene, peer, alice, end):
    """What was not acknowledged is sent again."""
    say(alice, peer, "a", "b", "c")
    first = peer.accept().serve().enable()
    assert texts(first, 3) == ["a", "b", "c"]
    first.acknowledge(1)
    first.send(end) if end else None
    first.close()
    second = peer.accept().serve().enable()
    assert texts(second, 2) == ["b", "c"]


@pytest.mark.parametrize("more", (SM_FEATURE, ""), ids=("acknowledging", "not"))
def test_S16_while_it_closes(scene, peer, alice, more):
    """Between the error and the end of the connection nothing is written where nobody reads."""
    say(alice, peer, "a")
    first = peer.accept().serve(more=more)
    assert texts(first, 1) == ["a"]
    first.send("<a xmlns='urn:xmpp:sm:3' h='1'/>") if more else None
    first.send(f"<stream:error><reset xmlns='{ERRORS}'/></stream:error>")
    while b"</stream:stream>" not in first.socket.recv(65536):
        pass
    say(alice, peer, "b")
    alice.settle()
    first.close()
    assert texts(peer.accept().serve(more=""), 1) == ["b"]


def test_S16_during_a_proof(scene, peer, alice):
    """EXTERNAL is under way when the stream ends: nothing is lost, another one is made."""
    say(alice, peer, "a")
    first = peer.accept().accept_starttls().greet(EXTERNAL)
    first.expect(f"{{{SASL}}}auth")
    first.close()
    assert texts(peer.accept().serve(more=""), 1) == ["a"]


def test_S16_next_address(scene, peers, alice):
    """The first server ends in negotiation: the second one is tried at once, without a back-off."""
    peer, other = peers(), peers()
    other.domain = peer.domain
    scene.zones.put(f"_xmpp-server._tcp.{peer.domain}", srv(peer.port, "one.example", 1),
                    srv(other.port, "two.example", 2))
    scene.zones.put("one.example", address(peer.host))
    scene.zones.put("two.example", address(other.host))
    say(alice, peer, "a")
    peer.accept().close()
    stream = other.accept().serve(more="")
    assert texts(stream, 1) == ["a"]
    assert stream.header["to"] == peer.domain
