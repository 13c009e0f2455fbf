# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Bytes on the wire: what a test of bad input sends exactly, and what comes back until the end.

import socket
import ssl
import time
import xml.parsers.expat
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, TreeBuilder

from tests.harness import bosh, web
from tests.node.client import SECONDS, STREAM, Client, local_name

CHUNK = 65536
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"


@dataclass
class Answer:
    """What a peer sent until it closed the connection or the time was up."""

    data: bytes
    closed: bool
    header: dict = None  # attributes of the stream header
    elements: list = field(default_factory=list)  # of the first level, in order
    footer: bool = False
    well_formed: bool = True  # as far as it goes

    @property
    def error(self):
        """The condition of the stream error, or None."""
        for element in self.elements:
            if element.tag == f"{{{STREAM}}}error":
                names = [local_name(child.tag) for child in element
                         if child.tag.startswith(f"{{{ERRORS}}}")]
                return next((name for name in names if name != "text"), "missing")
        return None


class _Reader:
    """Expat on one stream, which may stop anywhere."""

    def __init__(self, answer):
        self._answer = answer
        self._depth = 0
        self._builder = None
        self._parser = xml.parsers.expat.ParserCreate(namespace_separator="}")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, data):
        try:
            self._parser.Parse(data)
        except xml.parsers.expat.ExpatError:
            self._answer.well_formed = False

    def _start(self, name, attributes):
        if self._depth == 0:
            self._answer.header = attributes
        if self._depth == 1:
            self._builder = TreeBuilder(element_factory=Element)
        if self._depth >= 1:
            self._builder.start(clark(name), {clark(k): v for k, v in attributes.items()})
        self._depth += 1

    def _end(self, name):
        self._depth -= 1
        if self._depth == 0:
            self._answer.footer = True
            return
        self._builder.end(clark(name))
        if self._depth == 1:
            self._answer.elements.append(self._builder.close())

    def _text(self, text):
        if self._depth > 1:
            self._builder.data(text)


def clark(name):
    """uri}name, as expat has it, the way ElementTree has it."""
    return "{" + name if "}" in name else name


def parse(data, closed=True):
    answer = Answer(data, closed)
    _Reader(answer).read(data)
    return answer


class RawStream(Client):
    """A client that may do anything. Without an account it is good for all before SASL."""

    def __init__(self, node, account=None, service="C2S", source=None, resource=None):
        jid = account.jid if account else f"nobody@{node.network}"
        password = account.password if account else ""
        self.is_web = service in web.SERVICES
        connect = socket.create_connection
        if self.is_web:
            connect = (bosh if "BOSH" in service else web).connector(node, service)
        super().__init__(node.address(service), jid, password, node.ca,
                         direct_tls=service == "C2S_TLS", source=source, resource=resource,
                         connect=connect)

    def secure(self):
        """By the web TLS, if there is any, is below the stream."""
        if self.is_web:
            self.begin()
        else:
            super().secure()

    def _reset(self):
        super()._reset()
        self._seen = bytearray()

    def forget(self):
        """A new stream begins, as behind TLS and SASL, by whatever will be sent."""
        self._reset()
        self.header = None

    def wait_header(self, seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while self.header is None:
            self._feed(deadline)

    def _read(self, data):
        self._seen += data
        super()._read(data)

    @property
    def seen(self):
        """The bytes of the current stream up to now."""
        return bytes(self._seen)

    def send_slowly(self, data):
        """A write for each byte."""
        for i in range(len(data)):
            self.socket.sendall(data[i:i + 1])

    def try_send(self, data):
        """Returns how much the peer took before it hung up."""
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent:sent + CHUNK])
        except (ConnectionError, ssl.SSLError, TimeoutError):
            pass
        return sent

    def read_to_end(self, seconds=SECONDS):
        """Everything from the current stream header on, also what was received before, until the
        peer closes the connection."""
        data = bytearray(self._seen)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(CHUNK)
            except TimeoutError:
                break
            except (ConnectionError, ssl.SSLError):
                return parse(bytes(data))
            if not piece:
                return parse(bytes(data))
            data += piece
        return parse(bytes(data), closed=False)

    def exchange(self, data, seconds=SECONDS):
        """Sends bytes and reads until the connection is closed."""
        self.try_send(data.encode() if isinstance(data, str) else data)
        return self.read_to_end(seconds)
