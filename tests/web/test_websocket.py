# SPDX-License-Identifier: AGPL-3.0-or-later
#
# RFC 7395: a client's stream on a WebSocket, and what a WebSocket may not be (RFC 6455).

import pytest

from tests.harness import web
from tests.harness.smacks import resume_everywhere

SERVICES = ("WS", "WSS")


@pytest.mark.parametrize("service", SERVICES)
def test_login_and_message(login, service):
    alice, bob = login(service=service), login()
    bob.send_presence()
    alice.send_presence()
    alice.send_message(bob.full, "hello")
    assert bob.wait_message("hello").get("from") == alice.full
    bob.send_message(alice.full, "hello yourself")
    assert alice.wait_message("hello yourself").get("from") == bob.full


def mechanisms(stream):
    stream.begin()
    sasl = "{urn:ietf:params:xml:ns:xmpp-sasl}"
    return {element.text for element in stream.features.iter(f"{sasl}mechanism")}


def test_features(raw):
    """No STARTTLS (RFC 7395 §3.9); channel binding only where TLS is the client's own."""
    own, proxied = raw(service="WSS"), raw(service="WS")
    assert "SCRAM-SHA-256-PLUS" in mechanisms(own)
    assert not [name for name in mechanisms(proxied) if name.endswith("-PLUS")]
    for stream in (own, proxied):
        assert stream.features.find("{urn:ietf:params:xml:ns:xmpp-tls}starttls") is None


def test_orderly_end(login):
    """<close/> is answered with <close/>, then the WebSocket is closed (RFC 7395 §3.6)."""
    alice = login(service="WS")
    alice.send("</stream:stream>")
    assert alice.read_to_end().footer
    assert alice.socket.code == 1000


def test_stream_error(raw):
    """With a header in front, in frames of their own."""
    stream = raw(service="WS")
    answer = stream.exchange("<stream:stream to='nowhere.example' version='1.0'>")
    assert answer.error == "host-unknown" and answer.footer and answer.closed
    assert stream.socket.code == 1000


@pytest.mark.parametrize("text, condition", [
    ("<message xmlns='jabber:client'/>", "bad-format"),
    ("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "unsupported-version"),
    ("", "bad-format"),
    (" <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>", "bad-format"),
    ("<a xmlns='b'/><a xmlns='b'/>", "bad-format"),
    ("<a xmlns='b'>", "bad-format"),
    ("</stream:stream>", "bad-format"),
    ("<?xml version='1.0'?><open/>", "not-well-formed"),
])
def test_what_is_no_frame_of_a_stream(raw, text, condition):
    stream = raw(service="WS")
    stream.socket.send_frame(web.TEXT, text.encode())
    answer = stream.read_to_end()
    assert answer.error == condition and answer.closed


def test_two_elements_in_a_frame(login):
    alice = login(service="WS")
    alice.socket.send_frame(web.TEXT, b"<presence xmlns='jabber:client'/>" * 2)
    assert alice.read_to_end().error == "bad-format"


PING = b"<iq xmlns='jabber:client' type='get' id='%s'><ping xmlns='urn:xmpp:ping'/></iq>"


def answers(client, name):
    return client.wait_for(lambda element: element.get("id") == name) is not None


def test_fragments(login):
    """A message in fragments, with control frames in between (RFC 6455 §5.4)."""
    alice = login(service="WS")
    text = PING % b"parts"
    alice.socket.send_frame(web.TEXT, text[:1], fin=False)
    alice.socket.send_frame(web.PING, b"are you there?")
    for byte in text[1:-1]:
        alice.socket.send_frame(0, bytes([byte]), fin=False)
    alice.socket.send_frame(0, b"", fin=False)
    alice.socket.send_frame(0, text[-1:])
    assert alice.socket.wait_pong() == b"are you there?"
    assert answers(alice, "parts")


def test_bytes_one_by_one(login):
    alice = login(service="WS")
    data = web.frame(web.TEXT, PING % b"slow") + web.frame(web.PING, b"x" * 125)
    for byte in data:
        alice.socket.socket.sendall(bytes([byte]))
    assert answers(alice, "slow")
    assert alice.socket.wait_pong() == b"x" * 125


def test_many_frames_at_once(login):
    """More than one read: none is lost and the order stays."""
    alice = login(service="WS")
    alice.socket.socket.sendall(b"".join(web.frame(web.TEXT, PING % b"n%d" % n)
                                         for n in range(300)))
    for n in range(300):
        assert alice.receive().get("id") == f"n{n}"


@pytest.mark.parametrize("size", [125, 126, 65535, 65536])
def test_lengths(login, size):
    """All three forms of a length, in both directions."""
    alice, bob = login(service="WS"), login(service="WSS")
    bob.send_presence()
    body = "x" * size
    alice.send_message(bob.full, body)
    assert bob.wait_message(body) is not None


BAD_FRAMES = {
    "binary": (web.frame(web.BINARY, b"<a/>"), 1003),
    "unmasked": (web.frame(web.TEXT, b"<a/>", masked=False), 1002),
    "continuation-of-nothing": (web.frame(0, b"<a/>"), 1002),
    "text-inside-a-message": (web.frame(web.TEXT, b"<a", fin=False)
                              + web.frame(web.TEXT, b"/>"), 1002),
    "reserved-bit": (web.frame(web.TEXT, b"<a/>", rsv=4), 1002),
    "reserved-opcode": (web.frame(3, b"<a/>"), 1002),
    "reserved-control-opcode": (web.frame(11, b""), 1002),
    "fragmented-ping": (web.frame(web.PING, b"", fin=False), 1002),
    "long-ping": (web.frame(web.PING, b"x" * 126), 1002),
    "longer-form-than-needed": (bytes([0x81, 0x80 | 126, 0, 4]) + bytes(4) + b"<a/>", 1002),
    "longest-form-than-needed": (bytes([0x81, 0x80 | 127]) + bytes(7) + b"\4" + bytes(4)
                                 + b"<a/>", 1002),
    "length-of-64-bits": (bytes([0x81, 0x80 | 127]) + b"\xff" * 8 + bytes(4), 1002),
    "close-with-one-byte": (web.frame(web.CLOSE, b"\3"), 1002),
    "close-with-a-wrong-code": (web.frame(web.CLOSE, (1005).to_bytes(2, "big")), 1002),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frames(raw, name):
    stream = raw(service="WS")
    data, code = BAD_FRAMES[name]
    stream.socket.socket.sendall(data)
    stream.socket.read_to_end()
    assert stream.socket.code == code


def test_close_frame(raw):
    """A WebSocket that its client closes is closed in answer (RFC 6455 §5.5.1)."""
    stream = raw(service="WS")
    stream.socket.send_frame(web.CLOSE, (1000).to_bytes(2, "big") + b"bye")
    stream.socket.read_to_end()
    assert stream.socket.code == 1000


def test_oversized(raw):
    """The limits are those of any stream: before login 16 KiB."""
    stream = raw(service="WS")
    stream.begin()
    stream.socket.send_frame(web.TEXT, b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                             + b"A" * 20000)
    answer = stream.read_to_end()
    assert answer.error == "policy-violation"
    error = answer.elements[-1]
    assert error.find("{urn:xmpp:errors}stanza-too-big") is not None


def test_oversized_in_fragments(raw):
    """The sum counts, and a frame is judged before all of it is there."""
    stream = raw(service="WS")
    stream.begin()
    stream.socket.send_frame(web.TEXT, b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>",
                             fin=False)
    for _ in range(20):
        stream.socket.send_frame(0, b"A" * 1000, fin=False)
    assert stream.read_to_end().error == "policy-violation"


def test_invalid_utf8(raw):
    stream = raw(service="WS")
    stream.begin()
    stream.socket.send_frame(web.TEXT, b"<a xmlns='b'>\xc0\x80</a>")
    assert stream.read_to_end().error == "not-well-formed"


def test_utf8_cut_by_fragments(login):
    alice = login(service="WS")
    alice.send_presence()
    text = f"<message xmlns='jabber:client' to='{alice.full}'><body>\U0001F600</body></message>"
    first, *middle = [bytes([byte]) for byte in text.encode()[:-1]]
    alice.socket.send_frame(web.TEXT, first, fin=False)
    for byte in middle:
        alice.socket.send_frame(0, byte, fin=False)
    alice.socket.send_frame(0, b">")
    assert alice.wait_message("\U0001F600") is not None


def test_lost_and_resumed(node, source):
    """A WebSocket that is cut leaves a session (XEP-0198) that any transport can go on with."""
    resume_everywhere(node, source, "WS", "C2S", "WSS", "WS", "C2S")
