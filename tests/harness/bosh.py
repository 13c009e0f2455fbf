# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Streams by BOSH (XEP-0124, XEP-0206) for clients that know TCP only, as in web.py; and sessions as
# tests want them.

import collections
import random
import re
import select
import time
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

from tests.harness import web

NS = "http://jabber.org/protocol/httpbind"
XBOSH = "urn:xmpp:xbosh"
PATH = "/http-bind"


def body(payload="", **attributes):
    """A <body/>; "xmpp_restart" stands for xmpp:restart, "xml_lang" for xml:lang."""
    text = "".join(f" {name.replace('_', ':')}={quoteattr(str(value))}"
                   for name, value in attributes.items() if value is not None)
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return f"<body xmlns='{NS}' xmlns:xmpp='{XBOSH}'{text}>".encode() + payload + b"</body>"


class Answer:
    """What a body of the server says."""

    def __init__(self, response):
        self.response = response
        self.text = response.body
        self.root = ElementTree.fromstring(response.body)
        self.attributes = dict(self.root.attrib)
        self.elements = list(self.root)
        self.condition = self.root.get("condition")
        self.is_end = self.root.get("type") == "terminate"


class Session:
    """One that asks and waits; each request by a connection of its own, if none is free."""

    def __init__(self, node, service="BOSH", source=None, **attributes):
        self._dial = lambda: web.HttpConnection(web.dial(node, service, source))
        self.rid = random.randrange(1 << 40)
        self.sid = None
        self.open = collections.deque()  # (connection, rid), oldest first
        self.free = []
        self.attributes = {"to": node.network, "ver": "1.11", "wait": 60, "hold": 1,
                           "xmpp_version": "1.0", **attributes}

    def create(self):
        """The answer to the first request."""
        answer = self.ask(**self.attributes)
        self.sid = answer.attributes.get("sid")
        return answer

    def post(self, payload="", rid=None, **attributes):
        """A request that is open from now on."""
        if rid is None:
            self.rid += 1
            rid = self.rid
        connection = self.free.pop() if self.free else self._dial()
        if self.sid:
            attributes.setdefault("sid", self.sid)
        connection.request("POST", PATH, body(payload, rid=rid, **attributes))
        self.open.append((connection, rid))
        return connection

    def take(self, connection=None):
        """The answer to the oldest request, or to that of a connection."""
        index = 0 if connection is None else [one for one, _ in self.open].index(connection)
        connection = self.open[index][0]
        response = connection.response()
        del self.open[index]
        self.free.append(connection)
        return Answer(response)

    def ask(self, payload="", **attributes):
        return self.take(self.post(payload, **attributes))

    def close(self):
        for connection in [*self.free, *(one for one, _ in self.open)]:
            connection.close()


class BoshSocket:
    """What looks like a connected socket to a client's stream."""

    def __init__(self, node, service, source=None):
        self.session = Session(node, service, source)
        self.ready = b""
        self.over = False
        self.begun = False
        self.timeout = web.SECONDS

    def setsockopt(self, *_):
        pass

    def settimeout(self, seconds):
        self.timeout = seconds

    def pending(self):
        self._poll()
        return len(self.ready) or (1 if self.over else 0)

    def fileno(self):
        """Of the request that is answered next; there is always one."""
        self._poll()
        return self.session.open[0][0].socket.fileno()

    def _poll(self):
        if self.begun and not self.over and not self.session.open:
            self.session.post()

    def sendall(self, data):
        content = []
        for kind, *rest in web.elements(bytes(data)):
            if kind == "open":
                self._flush(content)
                self._open(rest[0])
            elif kind == "close":
                self._flush(content, type="terminate")
            else:
                content.append(rest[0])
        self._flush(content)

    def send(self, data):
        self.sendall(data)
        return len(data)

    def _flush(self, content, **attributes):
        if (content or attributes) and not self.over:
            while len(self.session.open) > 1:
                self._read()
            if not self.over:
                self.session.post(b"".join(content), **attributes)
        content.clear()

    def _open(self, text):
        attributes = dict(ElementTree.fromstring(b"<a" + text + b"/>").attrib)
        self.ready += (f"<?xml version='1.0'?><stream:stream xmlns='{web.CLIENT}' version='1.0'"
                       f" xmlns:stream='{web.STREAM}'>").encode()
        if self.begun:
            self._flush([], xmpp_restart="true", to=attributes.get("to"))
            return
        self.begun = True
        self.session.attributes["to"] = attributes.get("to")
        self._took(self.session.create())

    def _read(self):
        self._took(self.session.take())

    def _took(self, answer):
        content = re.fullmatch(rb"<body[^>]*?(?:/>|>(.*)</body>)", answer.text, re.DOTALL)[1]
        self.ready += content or b""
        if answer.condition and not content:
            self.ready += (f"<stream:error><{answer.condition} xmlns="
                           "'urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>").encode()
        if answer.is_end:
            self.over = True
            self.ready += web.FOOTER

    def recv(self, size):
        deadline = time.monotonic() + self.timeout
        while not self.ready and not self.over:
            self._poll()
            oldest = self.session.open[0][0].socket
            if not select.select([oldest], [], [], max(0, deadline - time.monotonic()))[0] \
                    and not getattr(oldest, "pending", lambda: 0)():
                raise TimeoutError("nothing came")
            self._read()
        piece, self.ready = self.ready[:size], self.ready[size:]
        return piece

    def close(self):
        self.session.close()


def connector(node, service):
    def connect(_, __, source_address=None):
        return BoshSocket(node, service, source_address[0] if source_address else None)
    return connect
