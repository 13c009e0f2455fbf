# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The streams of a conversation's actors: everything that comes, headers and ends included, waits in
# order to be looked at. What the runner itself asks, and what every client answers, is kept apart.

import base64
import hashlib
import select
import threading
import time
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import (CLIENT, PING, SASL, STREAM, TLS, Closed, Stream, encode,
                               local_name)
from tests.node.scram import Scram

SECONDS = 60
FOOTER = "footer"
HEADER = f"{{{STREAM}}}stream"
RESTARTS = {f"{{{SASL}}}success", f"{{{TLS}}}proceed"}
ACCEPT = "jabber:component:accept"
SOURCES_LOCK = threading.Lock()
# What the server asks a client.
# Ids of what the runner asks for itself.
DISCO = "http://jabber.org/protocol/disco#info"
PROBE = "settle-"


def next_source():
    """An address that no connection has had; conversations run in threads."""
    with SOURCES_LOCK:
        return next(SOURCES)


class Recorder:
    """For a Stream: what comes is kept in `inbox` until it is expected."""

    def prepare(self, answers_questions=True):
        self.answers_questions = answers_questions
        self.open_probes = set()
        self.probes = 0
        self.over = False  # footer or end of the connection seen

    def _event(self, event, element):
        if event == "start":
            if self._depth == 0:
                self._root, self.header = element, dict(element.attrib)
                self._elements.append(ElementTree.Element(element.tag, element.attrib))
            self._depth += 1
            return
        self._depth -= 1
        if self._depth == 1:
            self._root.clear()
            self._arrived(element)
        elif self._depth == 0:
            self._elements.append(FOOTER)

    def _arrived(self, element):
        if element.tag in RESTARTS:
            self._parser, self._depth = ElementTree.XMLPullParser(("start", "end")), 0
        if element.get("id", "").startswith(PROBE) and element.tag.endswith("}iq"):
            self._probe(element)
        elif self.answers_questions and self._is_question(element):
            self.answer(element)
        else:
            self._elements.append(element)

    def _probe(self, element):
        """The answer to one of ours, or one of another actor."""
        if element.get("type") in ("get", "set"):
            self.answer(element)
        else:
            self.open_probes.discard(element.get("id"))

    def _is_question(self, element):
        """A request of the server itself: whether the client is there (XEP-0199 §4.2), or has got
        what was sent before; and what the home of a contact asks in the name of his account: what
        the client can do (XEP-0115 §6.2)."""
        if element.tag != f"{{{CLIENT}}}iq" or element.get("type") != "get":
            return False
        sender, query = element.get("from", ""), element.find(f"{{{DISCO}}}query")
        return sender == self.domain or (
            "/" not in sender and query is not None and "#" in query.get("node", ""))

    def answer(self, request):
        addresses = "".join(
            f" {mine}={quoteattr(request.get(theirs))}"
            for mine, theirs in (("to", "from"), ("from", "to")) if request.get(theirs))
        self.send(f"<iq type='result' id={quoteattr(request.get('id'))}{addresses}/>")

    def take(self, seconds=None):
        """The next thing that came: an element, a header as an element without children, FOOTER.
        Raises Closed at the end of the connection, TimeoutError."""
        try:
            while not self._elements:
                self._feed_for(seconds)
        except (Closed, OSError):
            self.over = True
            raise
        first = self._elements.popleft()
        self.over = self.over or first == FOOTER
        return first

    def _feed_for(self, seconds=None):
        self._feed(time.monotonic() + (seconds or SECONDS))

    def receive(self, seconds=None):
        """As Client expects it."""
        element = self.take(seconds)
        while element != FOOTER and element.tag == HEADER:
            element = self.take(seconds)
        if element == FOOTER:
            raise Closed
        if element.tag == f"{{{STREAM}}}error":
            raise Closed(local_name(element[0].tag) if len(element) else None)
        return element

    def probe(self, targets, sender=""):
        """Asks each address something that is always answered, behind all that was sent before."""
        for target in targets:
            self.probes += 1
            name = f"{PROBE}{self.probes}"
            self.open_probes.add(name)
            self.send(f"<iq type='get' id='{name}'{sender} to={quoteattr(target)}>"
                      f"<ping xmlns='{PING}'/></iq>")

    def has_bytes(self):
        """Decrypted already, so that select(2) does not tell of them."""
        return getattr(self.socket, "pending", lambda: 0)() > 0

    def read_some(self):
        try:
            self._feed_for()
        except (Closed, OSError):
            self.over = True

    def has_ended(self):
        return self.over or FOOTER in self._elements


class ClientWire(Recorder, RawStream):
    def __init__(self, node, account, service="C2S", source=None, resource=None,
                 answers_questions=True):
        self.prepare(answers_questions)
        super().__init__(node, account, service, source, resource)

    def dial(self):
        if self.direct_tls:
            self.start_tls(self.authority, self.domain, alpn="xmpp-client")

    def switch_to_tls(self):
        self.send(f"<starttls xmlns='{TLS}'/>")
        self.expect(f"{{{TLS}}}proceed")
        self.start_tls(self.authority, self.domain)

    def prove(self, mechanism="SCRAM-SHA-256"):
        """SASL up to <success/>; the new stream is the caller's."""
        scram = Scram(mechanism, self.user, self.password)
        self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{encode(scram.first())}</auth>")
        challenge = self.expect(f"{{{SASL}}}challenge")
        answer = scram.final(base64.b64decode(challenge.text))
        self.send(f"<response xmlns='{SASL}'>{encode(answer)}</response>")
        scram.verify(base64.b64decode(self.expect(f"{{{SASL}}}success").text))


class ComponentWire(Recorder, Stream):
    """XEP-0114."""

    def __init__(self, node, name, secret, source=None):
        self.prepare()
        super().__init__(node.address("COMPONENT"), source, content_ns=ACCEPT)
        self.domain = name
        self.secret = secret

    def login(self):
        self.open(self.domain, version=None)
        self.take()
        digest = hashlib.sha1((self.header["id"] + self.secret).encode()).hexdigest()
        self.send(f"<handshake>{digest}</handshake>")
        element = self.receive()
        if local_name(element.tag) != "handshake":
            raise AssertionError(ElementTree.tostring(element).decode())

    def _arrived(self, element):
        """In memory everybody speaks jabber:client."""
        for part in element.iter():
            part.tag = part.tag.replace(f"{{{ACCEPT}}}", f"{{{CLIENT}}}")
        super()._arrived(element)


def await_probes(wires):
    """All of them are answered, or their streams have ended. All are read: they ask each other."""
    deadline = time.monotonic() + SECONDS
    while any(one.open_probes and not one.over for one in wires):
        live = [one for one in wires if not one.over]
        ready = [one for one in live if one.has_bytes()]
        if not ready:
            sockets = {one.socket: one for one in live}
            left = deadline - time.monotonic()
            readable = select.select(list(sockets), [], [], max(0, left))[0]
            if not readable:
                raise TimeoutError("an account does not answer")
            ready = [sockets[socket] for socket in readable]
        for one in ready:
            one.read_some()
