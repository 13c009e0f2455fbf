# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Where on its way an attacker begins: each position is a function that brings a new connection
# there and returns it.

import contextlib
import hashlib

from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node import place

COMPONENT = "jabber:component:accept"
CLIENT = "jabber:client"
STREAM = "http://etherx.jabber.org/streams"


class ComponentStream(RawStream):
    """A component (XEP-0114): no version, no features, a handshake."""

    def __init__(self, node, **options):
        super().__init__(node, service="COMPONENT", **options)
        self.domain = place.COMPONENT
        self.content_ns = COMPONENT
        self._secret = node.component_secret()

    def begin(self):
        self.open(self.domain, version=None)
        self.wait_header()
        return self

    def join(self):
        proof = hashlib.sha1((self.header["id"] + self._secret).encode()).hexdigest()
        self.send(f"<handshake>{proof}</handshake>")
        self.expect(f"{{{COMPONENT}}}handshake")
        return self


class Attacker:
    """Makes connections for cases; each from an address of its own."""

    def __init__(self, node, account, source, keep):
        self.node = node
        self.account = account
        self._source = source
        self._keep = keep  # closes them in the end

    def client(self, **options):
        options.setdefault("source", self._source())
        return self._keep(RawStream(self.node, self.account, **options))

    def component_stream(self):
        return self._keep(ComponentStream(self.node, source=self._source()))

    # In front of a stream header.

    def first(self):
        return self.client()

    def encrypted(self):
        stream = self.client(service="C2S_TLS")
        stream.start_tls(stream.authority, stream.domain)
        stream.forget()
        return stream

    def authenticated(self):
        stream = self.client()
        stream.secure()
        stream.prove("SCRAM-SHA-256")
        stream.forget()
        return stream

    def component_first(self):
        return self.component_stream()

    # Behind a stream header and what the server says to it.

    def plain(self):
        stream = self.client()
        stream.begin()
        return stream

    def tls(self):
        stream = self.client()
        stream.secure()
        return stream

    def unbound(self):
        stream = self.tls()
        stream.authenticate()
        return stream

    def bound(self):
        return self.client().login()

    def component(self):
        return self.component_stream().begin()

    def joined(self):
        return self.component().join()


@contextlib.contextmanager
def attacker_on(node, account):
    """An attacker whose connections are closed in the end."""
    with contextlib.ExitStack() as stack:
        def keep(stream):
            stack.callback(stream.close)
            return stream
        yield Attacker(node, account, lambda: next(SOURCES), keep)


IN_FRONT = ("first", "encrypted", "authenticated", "component_first")
INSIDE = ("plain", "tls", "bound", "component", "joined")
OF_CLIENTS = ("plain", "tls", "bound")


def is_component(position):
    return position in ("component_first", "component", "joined")


def content_namespace(position):
    return COMPONENT if is_component(position) else CLIENT


def domain_of(position, node):
    """What the other side calls itself."""
    return place.COMPONENT if is_component(position) else node.network


def daemon_of(position):
    return "router" if is_component(position) else "c2s"


def header(position, node, xmlns=None, stream=STREAM, to=None, version=None):
    """The start tag of a stream header that is right for the position, but for what is given."""
    ns = xmlns or content_namespace(position)
    if to is None:
        to = domain_of(position, node)
    if version is None:
        version = "" if is_component(position) else " version='1.0'"
    return (f"<stream:stream xmlns='{ns}' xmlns:stream='{stream}' to='{to}'{version}>".encode())
