# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Users below the component that nodes of tests admit: for a room they are like any others, and
# they cost neither an account nor a login.

import collections
import itertools
import re
import select
import socket
import time
from hashlib import sha1
from xml.sax.saxutils import escape, quoteattr

from tests.muc.rooms import CLIENT
from tests.node import place
from tests.node.client import Stream

COMPONENT = "jabber:component:accept"
SECONDS = 60
BEGIN = re.compile(r"(^|(?<=/>)|(?<=</message>)|(?<=</presence>)|(?<=</iq>))"
                   r"<(message|presence|iq)\b")


class Puppets:
    """The stream of the component; all its users."""

    def __init__(self, node):
        self.domain = node.place.component
        self.stream = Stream(node.address("COMPONENT"), content_ns=COMPONENT)
        self.stream.open(self.domain)
        while self.stream.header is None:
            self.stream._feed(time.monotonic() + SECONDS)
        secret = place.read(f"{node.place.secrets}/{self.domain}").strip()
        proof = sha1((self.stream.header["id"] + secret).encode()).hexdigest()
        self.stream.send(f"<handshake>{proof}</handshake>")
        self.stream.receive(SECONDS)
        self.inboxes = {}
        self._numbers = itertools.count(1)

    def make(self):
        return Puppet(self, f"u{next(self._numbers)}@{self.domain}")

    def again(self, puppet, resource):
        """Another client of the same user."""
        return Puppet(self, puppet.bare, resource)

    def receive(self, puppet, seconds):
        """The next stanza for this one; those for others wait for them."""
        deadline = time.monotonic() + seconds
        inbox = self.inboxes[puppet.full]
        while not inbox:
            stanza = self.stream.receive(max(0.001, deadline - time.monotonic()))
            if stanza.get("to") in self.inboxes:
                self.inboxes[stanza.get("to")].append(as_of_client(stanza))
        return inbox.popleft()

    def is_alive(self):
        """Tests end routers, and the streams of components with them."""
        if not select.select([self.stream.socket], [], [], 0)[0]:
            return True
        try:
            return self.stream.socket.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    def close(self):
        self.stream.close()


def as_of_client(stanza):
    for element in stanza.iter():
        element.tag = element.tag.replace(f"{{{COMPONENT}}}", f"{{{CLIENT}}}")
    return stanza


class Puppet:
    """Looks like tests.node.client.Client."""

    def __init__(self, puppets, bare, resource="r"):
        self.puppets = puppets
        self.bare = bare
        self.full = f"{bare}/{resource}"
        self.domain = puppets.domain
        self._ids = itertools.count(1)
        inbox = puppets.inboxes[self.full] = collections.deque()
        puppets.inboxes.setdefault(bare, inbox)

    def send(self, text):
        self.puppets.stream.send(BEGIN.sub(rf"<\2 from={quoteattr(self.full)}", text))

    def receive(self, seconds=SECONDS):
        return self.puppets.receive(self, seconds)

    def wait_for(self, matches, seconds=SECONDS):
        while not matches(stanza := self.receive(seconds)):
            pass
        return stanza

    def ask(self, kind, payload, to=None, seconds=SECONDS):
        name = f"q{next(self._ids)}"
        self.send(f"<iq type='{kind}' id='{name}' to={quoteattr(to)}>{payload}</iq>")
        return self.wait_for(lambda e: e.tag == f"{{{CLIENT}}}iq" and e.get("id") == name
                             and e.get("type") in ("result", "error"), seconds)

    def send_presence(self):
        """A component has none."""

    def send_message(self, to, body, kind="chat"):
        self.send(f"<message type='{kind}' to={quoteattr(to)}><body>{escape(body)}</body>"
                  "</message>")

    def wait_message(self, body, seconds=SECONDS):
        return self.wait_for(lambda e: e.findtext(f"{{{CLIENT}}}body") == body, seconds)
