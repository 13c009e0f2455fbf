# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The X rows of docs/ATTACKS.md on streams between servers: those that others open, before TLS,
# inside TLS and with a proven domain; and those that the node opens, in place of what it expects.

import re
import socket

import pytest

from tests.attacks import test_xml_more as of_clients
from tests.attacks import xml_vectors
from tests.attacks.answers import check_silent_end, check_stream_error
from tests.attacks.s2s.servers import SERVER, check_end_of_ours
from tests.attacks.vitals import KIB, MIB
from tests.node.client import STREAM

POLICY = "policy-violation"


class Positions:
    """Where on its way an attacker begins; each function returns a new stream there."""

    def __init__(self, peer, alice):
        self.peer = peer
        self._alice = alice

    # In front of a header that they send.

    def first(self):
        return self.peer.dial()

    def encrypted(self):
        return self.peer.dial("S2S_TLS").encrypt()

    def external(self):
        stream = self.peer.dial().secure(self.peer.certify())
        stream.auth()
        stream.forget()
        return stream

    # Behind the header and what the node says to it.

    def plain(self):
        return self.peer.dial().open_stream()

    def tls(self):
        return self.peer.dial().secure()

    def proven(self):
        return self.peer.dial_proven()

    # On streams that the node opens.

    def _called(self):
        # of a kind that nobody answers for, or a ping would come behind it
        self._alice.send_message(f"nobody@{self.peer.domain}", "x", "headline")
        return self.peer.accept()

    def ours_first(self):
        stream = self._called()
        stream.wait_open()
        return stream

    def ours_encrypted(self):
        stream = self._called().accept_starttls()
        stream.wait_open()
        return stream

    def ours(self):
        stream = self._called().serve(more="")
        stream.next_stanza()
        return stream


IN_FRONT = ("first", "encrypted", "external", "ours_first", "ours_encrypted")
INSIDE = ("plain", "tls", "proven", "ours")
THEIRS = ("plain", "tls", "proven")


@pytest.fixture
def positions(peer, alice):
    return Positions(peer, alice)


def check_end(position, answer, conditions):
    if position.startswith("ours"):
        check_end_of_ours(answer, conditions)
    else:
        check_stream_error(answer, conditions, SERVER)


# Vectors are written for clients: here the other namespace is the wrong one.
SWAPPED = {b"jabber:client": b"jabber:server", b"jabber:server": b"jabber:client"}
# What means something on streams that the node opens.
KNOWN_TO_INITIATORS = {"X23-stream-features"}


def cases(vectors, places):
    for name, data, conditions in vectors:
        data = re.sub(rb"jabber:(client|server)", lambda match: SWAPPED[match[0]], data)
        for position in places:
            if not (position == "ours" and name in KNOWN_TO_INITIATORS):
                yield pytest.param(position, data, conditions, id=f"{name}-{position}")


def header(peer, xmlns=SERVER, stream=STREAM):
    return (f"<stream:stream xmlns='{xmlns}' xmlns:stream='{stream}' from='{peer.domain}' "
            f"to='{peer.node.network}' id='1' version='1.0'>").encode()


def fill(data, peer):
    """The good parts of a vector."""
    def changed(match):
        return header(peer, **{match[1].decode(): match[2].decode()})
    data = data.replace(b"@DECLARATION@", b"<?xml version='1.0'?>")
    return re.sub(rb"@HEADER:(\w+)=([^@]+)@", changed, data.replace(b"@HEADER@", header(peer)))


@pytest.mark.parametrize("position, data, conditions",
                         [*cases(xml_vectors.IN_FRONT, IN_FRONT),
                          *cases(xml_vectors.INSIDE, INSIDE)])
def test_bad_xml(scene, positions, position, data, conditions):
    stream = getattr(positions, position)()
    with scene.survives():
        answer = stream.exchange(fill(data, positions.peer))
        stream.close()
        check_end(position, answer, conditions)


@pytest.mark.parametrize("position", IN_FRONT)
@pytest.mark.parametrize("begin", (b"<!DOCTYPE s [", b"<stream:stream a='", b"<!-- ", b"<?a ",
                                   b" "))
def test_X4_endless_prolog(scene, positions, position, begin):
    """Of a header too (S15): no more than 16 KiB are ever taken."""
    stream = getattr(positions, position)()
    with scene.survives():
        stream.send(begin.ljust(16 * KIB))
        check_end(position, stream.read_to_end(), POLICY)


# What is more than the limits (docs/ATTACKS.md X29 to X32): before the proof, behind it.
TOO_MUCH = {
    "X29-deep": (b"<message>" + b"<a>" * 9, b"<message>" + b"<a>" * 65),
    "X29-very-deep": (b"<message>" + b"<a>" * 1000, b"<message>" + b"<a>" * 60_000),
    "X30-attributes": (b"<message " + b"".join(b"a%d='' " % i for i in range(17)) + b"/>",
                       b"<message " + b"".join(b"a%d='' " % i for i in range(65)) + b"/>"),
    "X31-elements": (b"<message>" + b"<a/>" * 65 + b"</message>",
                     b"<message>" + b"<a/>" * 4097 + b"</message>"),
    "X32-size": (b"<message><body>" + b"x" * 17_000, b"<message><body>" + b"x" * 530_000),
}


@pytest.mark.memory
@pytest.mark.parametrize("position", INSIDE)
@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much(scene, positions, position, name):
    """`ours`: the limits behind the proof hold."""
    stream = getattr(positions, position)()
    data = TOO_MUCH[name][position in ("proven", "ours")]
    with scene.survives(growth=2 * MIB):
        answer = stream.exchange(data)
        stream.close()
        assert answer.closed and answer.error == POLICY


@pytest.mark.memory
@pytest.mark.parametrize("position", INSIDE)
@pytest.mark.parametrize("begin, more", of_clients.TOKENS.values(), ids=of_clients.TOKENS.keys())
def test_X33_endless_token(scene, positions, position, begin, more):
    stream = getattr(positions, position)()
    with scene.survives(growth=2 * MIB):
        for chunk in [begin, *[more * (4096 // len(more))] * 256]:
            if stream.try_send(chunk) < len(chunk):
                break
        answer = stream.read_to_end()
        stream.close()
        assert answer.closed and answer.error == POLICY


@pytest.mark.parametrize("text, meaning", of_clients.LEGAL.values(), ids=of_clients.LEGAL.keys())
def test_legal(scene, positions, alice, text, meaning):
    """One message arrives, with that text, and nothing behind it (X25: it is written anew)."""
    stream = positions.proven()
    with scene.survives(lines=0):
        for body in (text, "end"):
            stream.send(f"<message type='chat' from='bob@{stream.domain}' to='{alice.full}'>"
                        f"<body>{body}</body></message>")
        first, second = (alice.wait_for(lambda e: e.get("from") == f"bob@{stream.domain}")
                         for _ in range(2))
        assert first.findtext("{*}body") == meaning
        assert [child.tag for child in first if child.get("by") is None] == [first[0].tag]
        assert second.findtext("{*}body") == "end"


@pytest.mark.parametrize("position", ("first", "encrypted", "external"))
@pytest.mark.parametrize("data", of_clients.DECLARATIONS.values(),
                         ids=of_clients.DECLARATIONS.keys())
def test_legal_in_front(scene, positions, position, data):
    stream = getattr(positions, position)()
    with scene.survives(lines=0):
        stream.send(data + header(positions.peer))
        stream.wait_header()


def test_X36_byte_by_byte(scene, positions, alice):
    stream = positions.proven()
    with scene.survives(lines=0):
        stream.send_slowly(f"<message from='bob@{stream.domain}' to='{alice.full}'>"
                           "<body>slowly \u00e4&lt;</body></message>".encode())
        assert alice.wait_message("slowly \u00e4<") is not None


@pytest.mark.parametrize("service", ("S2S", "S2S_TLS"))
@pytest.mark.parametrize("data", of_clients.GARBAGE.values(), ids=of_clients.GARBAGE.keys())
def test_X38_other_protocols(scene, peer, service, data):
    stream = peer.dial(service)
    with scene.survives():
        stream.try_send(data)
        stream.socket.shutdown(socket.SHUT_WR)
        assert stream.read_to_end().closed
        stream.close()


@pytest.mark.parametrize("data", of_clients.GARBAGE.values(), ids=of_clients.GARBAGE.keys())
def test_X38_other_protocols_answer(scene, positions, data):
    """A server of something else is where ours connects to."""
    stream = positions.ours_first()
    with scene.survives():
        stream.try_send(data)
        stream.socket.shutdown(socket.SHUT_WR)
        assert stream.read_to_end().closed
        stream.close()


@pytest.mark.parametrize("position", THEIRS)
@pytest.mark.parametrize("data", (b"<message/>", b"text", b"<!DOCTYPE a>", b"\xff"),
                         ids=("stanza", "text", "doctype", "no-text"))
def test_X39_behind_the_end(scene, positions, position, data):
    """It is not even looked at."""
    stream = getattr(positions, position)()
    with scene.survives():
        answer = stream.exchange(b"</stream:stream>" + data)
        stream.close()
        check_silent_end(answer)
        assert answer.footer


@pytest.mark.memory
@pytest.mark.seconds(20_000)
@pytest.mark.parametrize("kind", ("names", "attributes", "namespaces", "prefixes"))
def test_X34_never_the_same(scene, positions, volume, kind):
    """200 MB in which each stanza brings names that were never there: nothing remembers them."""
    patterns = {"names": "<x{n}/>", "attributes": "<x a{n}='1'/>",
                "namespaces": "<x xmlns='urn:{n}'/>", "prefixes": "<p{n}:x xmlns:p{n}='u'/>"}
    stream = positions.proven()
    stanza = (f"<message type='error' from='bob@{stream.domain}' to='nobody@{stream.other}'>"
              f"{patterns[kind]}</message>")
    with scene.survives(lines=0, growth=4 * MIB):
        for number in range(max(3, volume(200_000_000) // 100_000)):
            begin = 10**12 + number * 1000
            stream.send("".join(stanza.format(n=n) for n in range(begin, begin + 1000)))
            stream.ping()


@pytest.mark.memory
@pytest.mark.seconds(20_000)
@pytest.mark.parametrize("position", THEIRS)
def test_X37_blanks(scene, positions, volume, position):
    """1 GiB of white space between stanzas is legal, and costs nothing."""
    stream = getattr(positions, position)()
    blanks = b" \n\t\r" * (16 * KIB)
    with scene.survives(growth=256 * KIB):
        for _ in range(volume(1024 * MIB) // len(blanks) + 1):
            stream.send(blanks)
        if position != "plain":
            stream.ping()
