# SPDX-License-Identifier: AGPL-3.0-or-later
#
# People and gateways that talk while something breaks.

import itertools
import re

from tests.harness import wait
from tests.harness.node import Account
from tests.node.client import CLIENT, PING
from tests.router.router import COMPONENT, Component

ROSTER = "jabber:iq:roster"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
TEXTS = (f"text {n}" for n in itertools.count(1))


class Gateway(Component):
    """A third-party component (XEP-0114) with the user bot@."""

    def __init__(self, address, domain, secret):
        super().__init__(address)
        self.name = domain
        self.bot = f"bot@{domain}"
        self.begin(domain)
        self.prove(secret)

    def tell(self, to):
        """A message; returns its text."""
        text = next(TEXTS)
        self.message(self.bot, to, text, type="chat", id=text)
        return text

    def hear(self, text):
        """The message with this text; others are dropped."""
        return self.wait_for(lambda e: e.findtext(f"{{{COMPONENT}}}body") == text)

    def error_of(self, text):
        """(type, condition) of the error that comes back for a message."""
        return condition(self.wait_for(lambda e: e.get("id") == text and
                                       e.get("type") == "error"))

    def settle(self, to):
        """Returns when the account has handled everything sent to it before."""
        name = next(TEXTS)
        self.send(f"<iq type='get' id='{name}' from='{self.bot}' to='{to}'>"
                  f"<ping xmlns='{PING}'/></iq>")
        self.expect(name)

    def goes_on(self):
        """The router takes its stanzas, also those to itself."""
        self.hear(self.tell(self.bot))


class Friends:
    def __init__(self, alice, bob):
        self.alice, self.bob = alice, bob

    def say(self, count=1):
        """Alice says something to Bob; returns the texts."""
        texts = [next(TEXTS) for _ in range(count)]
        for text in texts:
            self.alice.send_message(self.bob.full, text)
        return texts

    def talk(self):
        """Both hear each other."""
        self.bob.wait_message(*self.say())
        text = next(TEXTS)
        self.bob.send_message(self.alice.full, text)
        self.alice.wait_message(text)

    def are_served(self):
        """Their streams are open, and their accounts answer."""
        for client in (self.alice, self.bob):
            answer = client.ask("get", f"<query xmlns='{ROSTER}'/>")
            assert answer.get("type") == "result"

    def meet(self, gateway):
        """They talk with somebody behind the gateway, both ways."""
        text = next(TEXTS)
        self.alice.send_message(gateway.bot, text)
        assert gateway.hear(text).get("from") == self.alice.full
        text = gateway.tell(self.bob.full)
        assert self.bob.wait_message(text).get("from") == gateway.bot


def owner(client):
    """What it takes to log in again."""
    return Account(client.bare, client.password)


def condition(stanza):
    """(type, condition) of an error stanza."""
    error = next(child for child in stanza if child.tag.endswith("}error"))
    name = next(child.tag for child in error if child.tag.startswith(f"{{{STANZAS}}}"))
    return error.get("type"), name.removeprefix(f"{{{STANZAS}}}")


def texts_until(client, last):
    """The texts of all messages up to that one."""
    texts = []
    while not texts or texts[-1] != last:
        element = client.receive()
        if element.tag == f"{{{CLIENT}}}message":
            texts.append(element.findtext(f"{{{CLIENT}}}body"))
    return texts


def routes(node):
    """The names that have a stream behind them."""
    lines = node.control("ask", "router", "show", "routes").splitlines()
    return {line.split()[0] for line in lines if not line.endswith(" down")}


def wait_routes(node, *names):
    wait.until(lambda: routes(node).issuperset(names), what=f"routes to {names}")


def leave(node, gateway):
    """Closes the stream of a gateway; returns when the router knows, since what it writes to a
    third-party component after that has no promise behind it."""
    gateway.close()
    wait.until(lambda: gateway.name not in routes(node), what=f"{gateway.name} to be away")


def wait_asked(client):
    """Until a client that has been silent for idle-timeout is asked whether it is there: this is
    how time passes in these tests."""
    client.wait_for(lambda e: e.find(f"{{{PING}}}ping") is not None, seconds=100)


class Watch:
    """What daemons log, and that they stay the same processes, since its beginning."""

    def __init__(self, node, *daemons):
        self._daemons = {name: node.daemon(name) for name in daemons}
        self._pids = {name: daemon.pid for name, daemon in self._daemons.items()}
        for daemon in self._daemons.values():
            daemon.mark_log()

    def has(self, daemon, event):
        return re.search(rf"event={event}\b", self._daemons[daemon].log()) is not None

    def wait(self, daemon, event):
        self._daemons[daemon].wait_log(rf"event={event}\b")

    def same_processes(self):
        return {name: daemon.pid for name, daemon in self._daemons.items()} == self._pids
