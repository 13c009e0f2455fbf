# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A node that says what it likes over a link that is as it should be: it has the key of a member
# whose own net daemon is stopped, or a key of nobody.

import contextlib
import re
import socket
import ssl

from tests.harness.network import QUICK
from tests.node import network as networks
from tests.node.ports import ADDRESS

SECONDS = 60
HEADER = ("<?xml version='1.0'?><stream:stream xmlns='urn:kontalk:link:1' "
          "xmlns:stream='http://etherx.jabber.org/streams' from='{host}' to='{to}' version='1.0'>")
PROTOCOLS = ("<protocols xmlns='urn:kontalk:link:1' serial='1'><protocol name='net' version='1'/>"
             "<protocol name='durable' version='1'/></protocols>")
ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
ASK = "<r xmlns='urn:xmpp:sm:3'/>"


class Rogue:
    """A connection to `target`; `pair` are the files of certificate and key, None for none."""

    def __init__(self, target, pair, alpn="xmpp-net/1", version=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = version
        if alpn:
            context.set_alpn_protocols([alpn])
        if pair:
            context.load_cert_chain(*pair)
        self.target = target
        self.text = ""
        self.seen = 0
        plain = socket.create_connection((ADDRESS, target.ports["NET"]), timeout=SECONDS)
        self.socket = context.wrap_socket(plain, server_hostname=target.place.host)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode())

    def read(self, pattern):
        """Until the pattern comes, behind what was read before."""
        while True:
            match = re.search(pattern, self.text[self.seen:], re.DOTALL)
            if match:
                self.seen += match.end()
                return match
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"closed before {pattern!r}: {self.text[-500:]}")
            self.text += data.decode(errors="replace")

    def read_to_end(self):
        """What it still says; True behind it if it ended."""
        try:
            while True:
                data = self.socket.recv(65536)
                if not data:
                    break
                self.text += data.decode(errors="replace")
        except (ConnectionError, ssl.SSLError):
            pass
        return self.text

    def begin(self, host, to=None):
        self.send(HEADER.format(host=host, to=to or self.target.place.host))

    def link(self, host):
        """All the way to a link."""
        self.begin(host)
        self.read("</stream:features>")
        self.send(PROTOCOLS + ENABLE)
        self.read("<enabled [^>]*/>")
        return self

    def settle(self):
        """Everything sent so far has been looked at."""
        self.send(ASK)
        return self.read("<a [^>]*/>")


@contextlib.contextmanager
def patient(node):
    """Inside, who does not answer heartbeats, as a Rogue does not, does not count as down."""
    node.reconfigure({"net": {"suspect-after": "60s", "down-after": "120s"}})
    try:
        yield
    finally:
        node.reconfigure({"net": {key: QUICK["net"][key] for key in ("suspect-after",
                                                                      "down-after")}})


def pair_of(node):
    """Certificate and key of a member."""
    return networks.net_key(node)
