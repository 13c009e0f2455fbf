# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A small XMPP client on blocking sockets: streams, STARTTLS or direct TLS verified against an
# authority, SCRAM, binding, stanzas. It is written for proofs and tests, not for people.

import base64
import collections
import itertools
import socket
import ssl
import time
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape, quoteattr

from tests.node.scram import Scram

STREAM = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
PING = "urn:xmpp:ping"
CLIENT = "jabber:client"
SECONDS = 60


class Closed(Exception):
    """The peer ended the stream or the connection; the stream error's condition, if it said."""

    def __init__(self, condition=None):
        super().__init__(condition or "without a stream error")
        self.condition = condition


class Stream:
    """An XML stream: bytes and elements out, elements in."""

    def __init__(self, address, source=None, content_ns=CLIENT, connect=socket.create_connection):
        self.socket = connect(address, SECONDS, source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.content_ns = content_ns
        self.header = None  # of the peer: its attributes
        self._reset()

    def _reset(self):
        self._parser = ElementTree.XMLPullParser(("start", "end"))
        self._root = None
        self._depth = 0
        self._elements = collections.deque()

    def open(self, to, **attributes):
        """Our header; a new stream for us and the peer."""
        self._reset()
        attributes = {"to": to, "version": "1.0", **attributes}
        text = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items() if v is not None)
        self.send(f"<?xml version='1.0'?><stream:stream xmlns={quoteattr(self.content_ns)} "
                  f"xmlns:stream='{STREAM}'{text}>")

    def send(self, text):
        self.socket.settimeout(SECONDS)  # and not what was left of it when something was received
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def receive(self, seconds=SECONDS):
        """The next element of the stream's first level. Raises Closed, TimeoutError."""
        deadline = time.monotonic() + seconds
        while not self._elements:
            self._feed(deadline)
        element = self._elements.popleft()
        if element.tag == f"{{{STREAM}}}error":
            raise Closed(local_name(element[0].tag) if len(element) else None)
        return element

    def wait_for(self, matches, seconds=SECONDS):
        """The first element for which matches(element); others are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            element = self.receive(max(0.001, deadline - time.monotonic()))
            if matches(element):
                return element

    def _feed(self, deadline):
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("nothing came")
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLEOFError) as problem:
            raise Closed from problem
        if not data:
            raise Closed
        self._read(data)

    def _read(self, data):
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            self._event(event, element)

    def _event(self, event, element):
        if event == "start":
            if self._depth == 0:
                self._root, self.header = element, dict(element.attrib)
            self._depth += 1
            return
        self._depth -= 1
        if self._depth == 1:
            self._root.clear()
            self._elements.append(element)
        elif self._depth == 0:
            self._elements.append(ElementTree.fromstring(f"<error xmlns='{STREAM}'/>"))

    def start_tls(self, authority, name, certificate=None, alpn=None):
        """Verified against `authority` (a PEM file) for `name`; certificate: (chain, key) files."""
        context = ssl.create_default_context(cafile=authority)
        if certificate:
            context.load_cert_chain(*certificate)
        if alpn:
            context.set_alpn_protocols([alpn])
        self.socket.settimeout(SECONDS)
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def close(self):
        self.socket.close()


class Client(Stream):
    """A client of one account."""

    def __init__(self, address, jid, password, authority, direct_tls=False, resource=None,
                 source=None, connect=socket.create_connection):
        super().__init__(address, source, connect=connect)
        self.bare = jid
        self.user, _, self.domain = jid.partition("@")
        self.password = password
        self.authority = authority
        self.direct_tls = direct_tls
        self.resource = resource
        self.full = None
        self.features = None
        self._ids = (f"c{n}" for n in itertools.count(1))

    def login(self, mechanism="SCRAM-SHA-256"):
        self.secure()
        self.authenticate(mechanism)
        self.bind()
        return self

    def secure(self):
        if self.direct_tls:
            self.start_tls(self.authority, self.domain, alpn="xmpp-client")
        else:
            self.begin()
            self.send(f"<starttls xmlns='{TLS}'/>")
            self.expect(f"{{{TLS}}}proceed")
            self.start_tls(self.authority, self.domain)
        self.begin()

    def begin(self):
        """A stream header and the features behind the answer."""
        self.open(self.domain)
        self.features = self.expect(f"{{{STREAM}}}features")

    def authenticate(self, mechanism="SCRAM-SHA-256"):
        self.prove(mechanism)
        self.begin()

    def prove(self, mechanism):
        """All of authentication but the new stream behind it."""
        self.begin_scram(mechanism)()

    def begin_scram(self, mechanism="SCRAM-SHA-256"):
        """Up to the challenge. Returns what does the rest."""
        scram = Scram(mechanism, self.user, self.password)
        self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{encode(scram.first())}</auth>")
        challenge = self.expect(f"{{{SASL}}}challenge")
        answer = scram.final(base64.b64decode(challenge.text))

        def go_on():
            self.send(f"<response xmlns='{SASL}'>{encode(answer)}</response>")
            scram.verify(base64.b64decode(self.expect(f"{{{SASL}}}success").text))

        return go_on

    def bind(self):
        wish = f"<resource>{escape(self.resource)}</resource>" if self.resource else ""
        result = self.ask("set", f"<bind xmlns='{BIND}'>{wish}</bind>")
        self.full = result.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid")
        if not self.full:
            raise AssertionError(f"not bound: {ElementTree.tostring(result).decode()}")

    def expect(self, tag):
        element = self.receive()
        if element.tag != tag:
            raise AssertionError(f"{tag} expected: {ElementTree.tostring(element).decode()}")
        return element

    def ask(self, kind, payload, to=None, seconds=SECONDS):
        """An iq of type `kind`; returns the answer, which may be an error."""
        name = next(self._ids)
        target = f" to={quoteattr(to)}" if to else ""
        self.send(f"<iq type='{kind}' id='{name}'{target}>{payload}</iq>")
        return self.wait_for(
            lambda e: e.tag == f"{{{CLIENT}}}iq" and e.get("id") == name
            and e.get("type") in ("result", "error"), seconds)

    def settle(self):
        """Returns when the server has handled everything sent before: answers keep the order."""
        self.ask("get", f"<ping xmlns='{PING}'/>", to=self.domain)

    def send_presence(self):
        self.send("<presence/>")
        self.settle()

    def send_message(self, to, body, kind="chat"):
        self.send(f"<message type='{kind}' to={quoteattr(to)} id='{next(self._ids)}'>"
                  f"<body>{escape(body)}</body></message>")

    def wait_message(self, body, seconds=SECONDS):
        return self.wait_for(lambda e: e.findtext(f"{{{CLIENT}}}body") == body, seconds)

    def logout(self):
        """Both directions of the stream, then the connection."""
        try:
            self.send("</stream:stream>")
            while True:
                self.receive(20)
        except (Closed, TimeoutError, OSError):
            pass
        self.close()


def encode(data):
    return base64.b64encode(data).decode()


def local_name(tag):
    return tag.rpartition("}")[2]
