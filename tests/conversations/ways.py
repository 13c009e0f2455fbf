# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The ways in which conversations are played (test_conversations.py): what there is for each, and
# who has the home and the connection where.

import contextlib
import os

from tests.conversations.play import Play
from tests.harness import network, plugin
from tests.harness.node import WORKERS
from tests.node.place import NETWORK

COMMON = {f'domain "{NETWORK}"': {
    "abuse-address": [f"mailto:abuse@{NETWORK}", f"xmpp:abuse@{NETWORK}"],
    "support-address": "https://support.example/",
    "external-status-address": "https://elsewhere.example/status.json",
}}
# What make check has of the last two: accounts, sessions, presence, what is stored. All of them are
# long forms (docs/TESTING.md).
CORE = ("rfc6120/4.", "rfc6120/7.", "rfc6121/2.1", "rfc6121/3.1-", "rfc6121/3.1.3", "rfc6121/3.3",
        "rfc6121/3.4", "rfc6121/4.", "rfc6121/6-", "rfc6121/8.5.2.1", "xep-0012/3", "xep-0030/3",
        "xep-0160", "xep-0191/3", "xep-0280", "xep-0313", "xep-0352", "xep-0359")


class Direct:
    """A node as it is."""

    settings = COMMON
    workers = WORKERS

    @staticmethod
    def plays(script):
        return True

    @staticmethod
    def is_long(script):
        return False

    @contextlib.contextmanager
    def running(self, sections, casts):
        """sections: more of the configuration; casts: {path: Cast}, who get accounts."""
        settings = {**self.settings, **sections}
        with plugin.running(settings=settings, workers=self.workers) as node:
            add_accounts(node, [account for cast in casts.values()
                                for account in cast.accounts.values()])
            self.node = node
            yield self

    def play(self, script, cast, secret):
        return Play(self.node, script, cast, secret)


class Router(Direct):
    """Without the short cut between accounts of one worker."""

    settings = {**COMMON, "sm": {"shortcut": "no"}}

    @staticmethod
    def plays(script):
        return script.is_between_actors


def is_no_core(script):
    return not script.path.startswith(CORE)


class Workers(Router):
    """A node with two workers: both take connections, each serves half of the accounts."""

    settings = COMMON
    workers = 2
    is_long = staticmethod(is_no_core)


class WebSocket(Direct):
    """Clients come by WebSocket."""

    service = "WS"
    chosen = ("rfc6120/8", "rfc6121/8.5.3", "xep-0191", "xep-0199", "xep-0280", "xep-0313",
              "xep-0352")

    @staticmethod
    def plays(script):
        return script.is_of_stanzas

    @classmethod
    def is_long(cls, script):
        return not script.path.startswith(cls.chosen)

    def play(self, script, cast, secret):
        return Play(self.node, script, cast, secret, service=self.service)


class Bosh(WebSocket):
    """Clients come by BOSH."""

    service = "BOSH"
    chosen = ("rfc6121/8.5.3", "xep-0199", "xep-0280", "xep-0313")

    @staticmethod
    def plays(script):
        """A connection that breaks ends no session there (XEP-0124 §10)."""
        return script.is_of_stanzas and all(step.verb != "is cut off" for step in script.steps)


class Fronts:
    """Two nodes of a network. Accounts have their homes by turns at these; the first client of an
    account connects to the other node, its second one to its home."""

    is_long = staticmethod(is_no_core)

    @staticmethod
    def plays(script):
        """PLAIN is not offered there; components are at one node."""
        words = [step.block for step in script.steps]
        return script.is_between_actors and not script.components and not any(
            "PLAIN" in text for text in words)

    @contextlib.contextmanager
    def running(self, sections, casts):
        with network.running(2, settings={**COMMON, **sections}, relays=False) as running:
            self.nodes = list(running)
            for node in self.nodes:
                add_accounts(node, [cast.accounts[alias] for cast in casts.values()
                                    for alias in cast.accounts if self._home(cast, alias) is node])
            yield self

    def _home(self, cast, alias):
        return self.nodes[list(cast.accounts).index(alias) % len(self.nodes)]

    def play(self, script, cast, secret):
        homes = {alias: self._home(cast, alias) for alias in cast.accounts}
        others = dict(zip(self.nodes, reversed(self.nodes)))
        fronts, seen = {}, set()
        for actor in script.actors.values():
            if actor.account not in seen:
                fronts[actor.name] = others[homes[actor.account]]
            seen.add(actor.account)
        return Play(self.nodes[0], script, cast, secret, homes, fronts)


WAYS = {"direct": Direct, "router": Router, "workers": Workers, "fronts": Fronts,
        "websocket": WebSocket, "bosh": Bosh}


def add_accounts(node, accounts):
    path = f"{node.place.run}/imported"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="utf-8") as file:
        file.writelines(f"{account.jid}\t{account.password}\n" for account in accounts)
    node.control("user", "import", path)
    node.passwords += [account.password for account in accounts]
