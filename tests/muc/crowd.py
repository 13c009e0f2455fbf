# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Many occupants by one component: enough for a room, too few for the machine to notice.

import socket
import time
from hashlib import sha1

from tests.muc.rooms import MUC, is_message
from tests.node import place
from tests.node.client import Stream

COMPONENT = "jabber:component:accept"
SECONDS = 60


class Crowd:
    """count users below the component that nodes of tests admit, all in a room."""

    def __init__(self, node, count):
        self.node = node
        self.domain = node.place.component
        self.users = [f"u{number}@{self.domain}/r" for number in range(count)]
        self.stream = Stream(node.address("COMPONENT"), content_ns=COMPONENT,
                             connect=socket.create_connection)
        self.stream.open(self.domain)
        while self.stream.header is None:
            self.stream._feed(time.monotonic() + SECONDS)
        secret = place.read(f"{node.place.secrets}/{self.domain}").strip()
        proof = sha1((self.stream.header["id"] + secret).encode()).hexdigest()
        self.stream.send(f"<handshake>{proof}</handshake>")
        self.stream.receive(SECONDS)

    def enter(self, room):
        for number, user in enumerate(self.users):
            self.stream.send(f"<presence from='{user}' to='{room}/n{number}'><x xmlns='{MUC}'>"
                             "<history maxstanzas='0'/></x></presence>")
        waiting = set(self.users)
        while waiting:
            stanza = self.stream.receive(SECONDS)
            if is_message_of(stanza) and stanza.find(f"{{{COMPONENT}}}subject") is not None:
                waiting.discard(stanza.get("to"))

    def hear(self, text):
        """Who has heard it, as often as that."""
        heard = []
        while len(heard) < len(self.users):
            stanza = self.stream.receive(SECONDS)
            if is_message_of(stanza) and stanza.findtext(f"{{{COMPONENT}}}body") == text:
                heard.append(stanza.get("to"))
        return heard

    def close(self):
        self.stream.close()


def is_message_of(stanza):
    return stanza.tag == f"{{{COMPONENT}}}message" or is_message(stanza)
