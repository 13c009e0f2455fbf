# SPDX-License-Identifier: AGPL-3.0-or-later
#
# One end of a trunk that says what it likes (docs/FRONTS.md), over a link that is as it should be:
# a worker of a member, in place of that node's c2s.

import base64
import secrets

from tests.network.worker import TRUNK, is_message
from tests.node.client import encode
from tests.node.scram import Scram

ADDRESS = "192.0.2.7"


def named(element):
    return element.tag.partition("}")[2]


class Trunk:
    """component: a Worker of tests/network/worker.py; source: its address, or another below its
    host; target: the worker at the other end; peer: the name of that end, if it has begun."""

    def __init__(self, component, source, target, peer=None):
        self.component = component
        self.source = source
        self.target = target
        self.name = secrets.token_hex(8)
        self.peer = peer
        self.said = self.came = 0
        self.channels = 0

    def frame(self, inner="", **attributes):
        if self.peer:
            attributes["you"] = self.peer
        more = "".join(f" {key}='{value}'" for key, value in attributes.items())
        self.component.send(f"<message from='{self.source}' to='{self.target}'>"
                            f"<t xmlns='{TRUNK}' v='1' me='{self.name}' a='{self.came}'{more}>"
                            f"{inner}</t></message>")

    def say(self, inner):
        self.said += 1
        self.frame(inner, n=self.said)

    def take(self, t):
        """A frame of the other end; the element in it, if it is the next one."""
        self.peer = t.get("me")
        if t.get("reset"):
            raise EOFError("reset")
        if int(t.get("n", 0)) != self.came + 1:
            return None
        self.came += 1
        self.frame()
        return t[0] if len(t) else None

    def hear(self, *names):
        """The next element with one of these names, with any name."""
        while True:
            message = self.component.wait_for(is_message)
            if message.get("from") != self.target or message[0].get("you") not in (None, self.name):
                continue
            element = self.take(message[0])
            if element is not None and (not names or named(element) in names):
                return element

    # What fronts do.

    def channel(self):
        self.channels += 1
        return self.channels

    def begin_login(self, user, mechanism="SCRAM-SHA-256", initial=b""):
        """The channel."""
        i = self.channel()
        self.say(f"<login i='{i}' mechanism='{mechanism}' addr='{ADDRESS}' sid='{user}'>"
                 f"<initial>{encode(initial)}</initial></login>")
        return i

    def login(self, account, answer=None):
        """(channel, the element that ends the exchange); answer: what is said to the challenge."""
        scram = Scram("SCRAM-SHA-256", account.user, account.password)
        i = self.begin_login(account.user, initial=scram.first())
        element = self.hear("challenge", "failure")
        if named(element) == "challenge":
            self.final = answer or scram.final(base64.b64decode(element.text))
            self.say(f"<response i='{i}'>{encode(self.final)}</response>")
            element = self.hear("success", "failure")
        return i, element

    def bind(self, i, resource="x"):
        self.say(f"<bind i='{i}' resource='{resource}'/>")
        return self.hear("bound", "refused", "close")
