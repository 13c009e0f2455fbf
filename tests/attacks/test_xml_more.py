# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The X rows of docs/ATTACKS.md that need more than bytes and a stream error: what must not happen
# outside the stream, what stays legal, and what never ends.

import ctypes
import os
import socket

import pytest

from tests.attacks import positions
from tests.attacks.answers import check_end_at, check_silent_end, take_stanza_id
from tests.harness.stream import RawStream

BODY = "{jabber:client}body"
IN_OPEN, IN_NONBLOCK = 0x20, 0o4000


class Opened:
    """Whether anybody opens a file (inotify(7))."""

    def __init__(self, path):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(IN_NONBLOCK)
        assert self._libc.inotify_add_watch(self._fd, os.fsencode(path), IN_OPEN) >= 0

    def ever(self):
        try:
            return bool(os.read(self._fd, 4096))
        except BlockingIOError:
            return False
        finally:
            os.close(self._fd)


@pytest.mark.parametrize("position", positions.IN_FRONT)
def test_X3_external_entity(scene, attacker, position, tmp_path):
    """Neither files nor the network are looked at."""
    secret = tmp_path / "secret.dtd"
    secret.write_text("<!ENTITY a 'secret'>")
    secret.chmod(0o644)
    opened = Opened(secret)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        urls = (f"file://{secret}", f"http://127.0.0.1:{server.getsockname()[1]}/a.dtd")
        streams = [getattr(attacker, position)() for _ in urls]
        with scene.survives(lines=len(urls)):
            for stream, url in zip(streams, urls):
                doctype = f"<!DOCTYPE s SYSTEM '{url}' [<!ENTITY % a SYSTEM '{url}'>%a;]>"
                answer = stream.exchange(doctype.encode() +
                                         positions.header(position, scene.node))
                stream.close()
                check_end_at(position, scene.node, answer, "restricted-xml")
        with pytest.raises(BlockingIOError):
            server.accept()
    assert not opened.ever()


ENDLESS = (b"<!DOCTYPE s [", b"<?xml ", b"<stream:stream a='", b"<!-- ", b"<?a ", b" ")


@pytest.mark.parametrize("position", positions.IN_FRONT)
def test_X4_endless_prolog(scene, attacker, position):
    """The answer is there although no more than 16 KiB were ever sent."""
    streams = [getattr(attacker, position)() for _ in ENDLESS]
    with scene.survives(lines=len(ENDLESS)):
        for stream, begin in zip(streams, ENDLESS):
            stream.send(begin.ljust(16384))
            answer = stream.read_to_end()
            stream.close()
            check_end_at(position, scene.node, answer,
                         "not-well-formed" if begin == b"<?xml " else "policy-violation")


@pytest.fixture
def friend(scene):
    """Somebody to whom things are sent."""
    source = "127.250.0.1"
    client = RawStream(scene.node, scene.node.add_account(), source=source).login()
    client.send_presence()
    yield client
    client.close()


LEGAL = {
    "X9-references": ("&lt;&#65;&#x1F600;&amp;&gt;&quot;&apos;", "<A\U0001f600&>\"'"),
    "X9-last-characters": ("&#x10FFFF;&#xFFFD;&#xE000;&#xD7FF;", "\U0010ffff\ufffd\ue000\ud7ff"),
    "X9-controls": ("&#9;&#10;&#13;", "\t\n\r"),
    "X26-cdata": ("<![CDATA[</body></message><message from='admin@h.test'>]]>",
                  "</body></message><message from='admin@h.test'>"),
    "X26-cdata-end": ("]]&gt;<![CDATA[]]]]><![CDATA[>]]>", "]]>]]>"),
    "X26-mark-up-as-references": ("&lt;/body>&lt;/message>&#60;message/>",
                                  "</body></message><message/>"),
    "X26-looks-like-reference": ("&amp;lt;&amp;#60;<![CDATA[&lt;]]>", "&lt;&#60;&lt;"),
}


@pytest.mark.parametrize("text, meaning", LEGAL.values(), ids=LEGAL.keys())
def test_legal(scene, attacker, friend, text, meaning):
    """One message arrives, with that text, and nothing behind it."""
    stream = attacker.bound()
    with scene.survives(lines=0):
        stream.send(f"<message to='{friend.full}' type='chat'><body>{text}</body></message>"
                    f"<message to='{friend.full}' type='chat'><body>end</body></message>")
        first, second = take_stanza_id(friend.receive(), friend.bare), friend.receive()
        assert first.findtext(BODY) == meaning and len(first) == 1
        assert second.findtext(BODY) == "end"
        assert first.get("from") == stream.full == second.get("from")


DECLARATIONS = {
    "X14-none": b"",
    "X14-utf-8-lower": b"<?xml version='1.0' encoding='utf-8'?>",
    "X14-utf-8-upper": b'<?xml version="1.0" encoding="UTF-8" ?>',
    "X15-mark": b"\xef\xbb\xbf",
    "X15-mark-and-declaration": b"\xef\xbb\xbf<?xml version='1.0'?>",
    "X16-standalone-no": b"<?xml version='1.0' standalone='no'?>",
    "X16-standalone-yes": b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?>",
    "X37-blanks": b" \r\n\t",
}


@pytest.mark.parametrize("position", positions.IN_FRONT)
@pytest.mark.parametrize("data", DECLARATIONS.values(), ids=DECLARATIONS.keys())
def test_legal_in_front(scene, attacker, position, data):
    stream = getattr(attacker, position)()
    with scene.survives(lines=0):
        stream.send(data + positions.header(position, scene.node))
        stream.wait_header()


TOKENS = {
    "X33-name": (b"<message><", b"n"),
    "X33-attribute-name": (b"<message ", b"a"),
    "X33-attribute": (b"<message a='", b"v"),
    "X33-namespace": (b"<message xmlns:a='", b"u"),
    "X33-comment": (b"<message><!-- ", b"c"),
    "X33-instruction": (b"<message><?a ", b"p"),
    "X33-cdata": (b"<message><![CDATA[", b"d"),
    "X33-cdata-ends": (b"<message><![CDATA[", b"]]"),
    "X33-references": (b"<message><body>", b"&#65;"),
    "X33-unfinished-reference": (b"<message><body>&", b"x"),
    "X33-end-tag": (b"<message></message", b" "),
    "X33-quotes": (b"<message ", b"a='' "),
}


@pytest.mark.parametrize("position", positions.INSIDE)
@pytest.mark.parametrize("begin, more", TOKENS.values(), ids=TOKENS.keys())
def test_X33_endless_token(scene, attacker, position, begin, more):
    """The limit of bytes holds inside of everything."""
    stream = getattr(attacker, position)()
    lines = 2 if position == "joined" else 1
    with scene.survives(lines):
        for chunk in [begin, *[more * (4096 // len(more))] * 256]:
            if stream.try_send(chunk) < len(chunk):
                break
        answer = stream.read_to_end()
        stream.close()
        assert answer.closed and answer.error == "policy-violation"


@pytest.mark.parametrize("begin, more", TOKENS.values(), ids=TOKENS.keys())
def test_X33_by_bytes(scene, attacker, begin, more):
    stream = attacker.plain()
    with scene.survives():
        stream.send_slowly((begin + more * 17000)[:17000])
        assert stream.read_to_end().error


class Slow(RawStream):
    def send(self, text):
        self.send_slowly(text.encode() if isinstance(text, str) else text)


def test_X36_byte_by_byte(scene, friend, source):
    """Streams, STARTTLS, SASL, binding and stanzas in writes of one byte."""
    account = scene.node.add_account()
    slow = Slow(scene.node, account, source=source()).login()
    for text, meaning in LEGAL.values():
        slow.send(f"<message to='{friend.full}' type='chat'>\n<body>{text}</body></message> ")
        message = take_stanza_id(friend.receive(), friend.bare)
        assert message.findtext(BODY) == meaning and len(message) == 1
    slow.close()


GARBAGE = {
    "X38-http": b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n",
    "X38-http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "X38-tls-hello": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "X38-ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "X38-smtp": b"EHLO example.test\r\n",
    "X38-zeroes": bytes(64),
    "X38-socks": b"\x05\x01\x00",
    "X38-rdp": bytes.fromhex("030000130ee000000000000100080003000000"),
}


@pytest.mark.parametrize("service", ("C2S", "COMPONENT", "C2S_TLS"))
@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_X38_other_protocols(scene, attacker, service, data):
    stream = attacker.client(service=service)
    with scene.survives():
        # Whether a record of TLS is one the server knows when it has all of it, or no more comes.
        stream.try_send(data)
        stream.socket.shutdown(socket.SHUT_WR)
        assert stream.read_to_end().closed
        stream.close()


@pytest.mark.parametrize("position", positions.INSIDE)
@pytest.mark.parametrize("data", (b"<message/>", b"text", b"<!DOCTYPE a>", b"\xff"),
                         ids=("stanza", "text", "doctype", "no-text"))
def test_X39_behind_the_end(scene, attacker, position, data):
    """It is not even looked at."""
    stream = getattr(attacker, position)()
    with scene.survives(lines={"joined": 2, "component": 1}.get(position, 0)):
        answer = stream.exchange(b"</stream:stream>" + data)
        stream.close()
        check_silent_end(answer)
        assert answer.footer
