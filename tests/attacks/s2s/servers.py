# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Servers of other domains that do what a test tells them, step by step: as the one that connects
# (dial) and as the one that is connected to (accept). Both ends are blocking sockets of the test.

import contextlib
import hashlib
import hmac
import itertools
import socket
import ssl
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import SASL, SECONDS, STREAM, TLS, encode
from tests.node.ports import ADDRESS

SERVER = "jabber:server"
DIALBACK = "jabber:server:dialback"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
SM = "urn:xmpp:sm:3"
EXTERNAL = f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"
DIALBACK_FEATURE = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
SM_FEATURE = f"<sm xmlns='{SM}'/>"
STARTTLS = f"<starttls xmlns='{TLS}'><required/></starttls>"
ANY_KEY = "DEFAULT:@SECLEVEL=0"  # weak ones too
NUMBERS = itertools.count(1)


class Wire(RawStream):
    """A stream between servers over a connected socket: `domain` is ours, `other` theirs."""

    def __init__(self, connection, domain, other):
        self.socket = connection
        self.socket.settimeout(SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.content_ns = SERVER
        self.domain, self.other = domain, other
        self.header = None
        self.features = None
        self._reset()

    def words(self, name, text="", **attributes):
        """An element of dialback; from and to are ours and theirs unless given."""
        attributes = {"from": self.domain, "to": self.other, **attributes}
        given = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items() if v is not None)
        self.send(f"<db:{name} xmlns:db='{DIALBACK}'{given}>{text}</db:{name}>")

    def expect_words(self, name):
        return self.expect(f"{{{DIALBACK}}}{name}")

    def next_stanza(self, name="message"):
        """The next stanza of that name; what belongs to the stream itself is passed over."""
        return self.wait_for(lambda e: e.tag == f"{{{SERVER}}}{name}")

    def acknowledge(self, h):
        self.send(f"<a xmlns='{SM}' h='{h}'/>")

    def ping(self, to=None):
        """Returns when the other side has handled all that was sent before. Where stanzas have one
        direction its answer comes on another stream, so this asks what a stream itself answers."""
        self.words("verify", "0", id="ping", to=to or self.other)
        return self.wait_for(lambda e: e.tag == f"{{{DIALBACK}}}verify" and e.get("id") == "ping")


class Dialed(Wire):
    """We connected."""

    def open_stream(self, **attributes):
        """A header and what comes back: header and features."""
        attributes = {"from": self.domain, **attributes}
        self.forget()
        self.open(attributes.pop("to", self.other), **attributes)
        self.features = self.expect(f"{{{STREAM}}}features")
        return self

    def encrypt(self, certificate=None, name="", alpn=None):
        """TLS now. name: of SNI, None without."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers(ANY_KEY)
        if certificate:
            context.load_cert_chain(*certificate)
        if alpn:
            context.set_alpn_protocols(alpn)
        self.socket = context.wrap_socket(self.socket,
                                          server_hostname=self.other if name == "" else name)
        self.forget()
        return self

    def secure(self, certificate=None, name=""):
        """STARTTLS, and the header behind it."""
        self.open_stream()
        self.send(f"<starttls xmlns='{TLS}'/>")
        self.expect(f"{{{TLS}}}proceed")
        return self.encrypt(certificate, name).open_stream()

    def offers_external(self):
        return self.features.find(f"{{{SASL}}}mechanisms/{{{SASL}}}mechanism") is not None

    def auth(self, authzid="=", mechanism="EXTERNAL"):
        """The answer: success or failure."""
        text = authzid if authzid == "=" else encode(authzid.encode())
        self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{text}</auth>")
        return self.receive()

    def external(self):
        assert self.auth().tag == f"{{{SASL}}}success"
        return self.open_stream()


class Accepted(Wire):
    """The other side connected."""

    secret = "s3cr3t"

    def __init__(self, connection, domain, other, certificate, authority):
        super().__init__(connection, domain, other)
        self.certificate = certificate
        self.authority = authority

    def wait_open(self):
        """Its header, which says whom it wants and who it is."""
        self.forget()
        self.wait_header()
        return self.header

    def send_header(self, **attributes):
        attributes = {"id": f"id{next(NUMBERS)}", "from": self.domain, "to": self.other,
                      "version": "1.0", **attributes}
        self.id = attributes["id"]
        text = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items() if v is not None)
        self.send(f"<?xml version='1.0'?><stream:stream xmlns='{SERVER}' "
                  f"xmlns:stream='{STREAM}' xmlns:db='{DIALBACK}'{text}>")

    def greet(self, features="", **attributes):
        """Waits for a header and answers it with ours and features."""
        self.wait_open()
        self.send_header(**attributes)
        self.send(f"<stream:features>{features}</stream:features>")
        return self

    def encrypt(self, alpn=None):
        """TLS now, with our certificate; theirs is asked for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ANY_KEY)
        context.load_cert_chain(*self.certificate)
        context.load_verify_locations(self.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        if alpn:
            context.set_alpn_protocols(alpn)
        context.sni_callback = lambda _, name, __: setattr(self, "asked_name", name)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        return self

    def accept_starttls(self):
        self.greet(STARTTLS)
        self.expect(f"{{{TLS}}}starttls")
        self.send(f"<proceed xmlns='{TLS}'/>")
        return self.encrypt()

    def serve(self, features=EXTERNAL + DIALBACK_FEATURE, more=SM_FEATURE):
        """All until it has proved itself by EXTERNAL; `more`: features behind that."""
        self.accept_starttls().greet(features)
        self.expect(f"{{{SASL}}}auth")
        self.send(f"<success xmlns='{SASL}'/>")
        return self.greet(more)

    def serve_keys(self, features=DIALBACK_FEATURE):
        """All until it may ask about keys, or show its own."""
        return self.accept_starttls().greet(features)

    def enable(self):
        """XEP-0198, from its <enable/> on."""
        self.expect(f"{{{SM}}}enable")
        self.send(f"<enabled xmlns='{SM}'/>")
        return self


def key_of(secret, receiving, originating, stream_id):
    """XEP-0185."""
    hashed = hashlib.sha256(secret.encode()).hexdigest().encode()
    return hmac.new(hashed, f"{receiving} {originating} {stream_id}".encode(),
                    hashlib.sha256).hexdigest()


@dataclass
class Peer:
    """Another domain with a server of its own, known to the DNS of the test."""

    scene: object
    domain: str
    direct: bool = False
    certificate: tuple = None
    host: str = None

    def __post_init__(self):
        self.host = self.host or next(SOURCES)
        self.listener = socket.create_server((self.host, 0))
        self.listener.settimeout(SECONDS)
        self.port = self.listener.getsockname()[1]
        self._streams = []
        self.scene.zones.put_server(ascii_of(self.domain), self.host, self.port, self.direct)

    def _keep(self, stream):
        self._streams.append(stream)
        return stream

    def certify(self, **options):
        self.certificate = self.certificate or self.scene.authority.issue(
            ascii_of(self.domain), **options)
        return self.certificate

    @property
    def node(self):
        return self.scene.node

    def dial(self, service="S2S", source=None, other=None):
        connection = socket.create_connection(self.node.address(service), SECONDS,
                                              source_address=(source or next(SOURCES), 0))
        return self._keep(Dialed(connection, self.domain, other or self.node.network))

    def dial_proven(self, **options):
        """A stream on which our domain is proven by EXTERNAL."""
        return self.dial(**options).secure(self.certify()).external()

    def accept(self, seconds=SECONDS):
        self.listener.settimeout(seconds)
        connection, _ = self.listener.accept()
        return self._keep(Accepted(connection, self.domain, self.node.network, self.certify(),
                                   self.node.ca))

    def answer_key(self, stream=None, kind="valid"):
        """As the authoritative server: what we are asked about a key, on a new stream or one that
        is there, is answered. Returns both."""
        stream = stream or self.accept().serve_keys()
        question = stream.expect_words("verify")
        stream.words("verify", id=question.get("id"), type=kind, to=question.get("from"))
        return stream, question

    def dial_by_key(self):
        """A stream on which our domain is proven by dialback; and the one that was asked on."""
        stream = self.dial().secure()
        stream.words("result", "key")
        asked, _ = self.answer_key()
        assert stream.expect_words("result").get("type") == "valid"
        return stream, asked

    def close_streams(self):
        for stream in self._streams:
            stream.close()
        self._streams = []

    def close(self):
        self.close_streams()
        self.listener.close()


def ascii_of(domain):
    return domain.encode("idna").decode() if not domain.isascii() else domain


class Peers:
    """Makes peers of domains that no test had. Below test. libunbound answers by itself
    (RFC 6761 §6.2), so their names end in another one."""

    def __init__(self, scene, stack):
        self.scene = scene
        self._stack = stack

    def __call__(self, domain=None, **options):
        peer = Peer(self.scene, domain or f"p{next(NUMBERS)}.example", **options)
        self._stack.callback(peer.close)
        return peer


@contextlib.contextmanager
def peers_of(scene):
    with contextlib.ExitStack() as stack:
        yield Peers(scene, stack)


def free_address():
    """Where nobody listens."""
    with socket.create_server((ADDRESS, 0)) as probe:
        return probe.getsockname()


def check_end_of_ours(answer, conditions):
    """A stream that the node began ends with an error of its own, or None: without one."""
    wanted = conditions if isinstance(conditions, tuple) else (conditions,)
    assert answer.closed, "the connection is still open"
    assert answer.error in wanted, (answer.error, answer.data[-600:])
