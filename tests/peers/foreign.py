# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What all real peers have in common: Debian's program, never its service; files and accounts of its
# own; ended by the number of its process.

import os
import signal

from tests.harness import program, wait
from tests.node.client import Client, encode
from tests.peers.names import WAYS

READY_SECONDS = 180
LIFE_SECONDS = 7200  # of what a run that was killed left behind
SASL_PLAIN = "PLAIN"
PASSWORD = "wonderland"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
FULL_STREAM = "{http://etherx.jabber.org/streams}"


class PeerClient(Client):
    """A client of a peer, without TLS, because nobody else is in the namespace."""

    def __init__(self, address, jid, connect, resource):
        super().__init__(address, jid, PASSWORD, None, resource=resource, connect=connect)

    def login(self, mechanism=SASL_PLAIN):
        self.begin()
        secret = encode(f"\0{self.user}\0{self.password}".encode())
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>"
                  f"{secret}</auth>")
        self.expect("{urn:ietf:params:xml:ns:xmpp-sasl}success")
        self.begin()
        self.bind()
        if self.features.find(f"{{{SESSION}}}session") is not None:
            self.ask("set", f"<session xmlns='{SESSION}'/>")
        return self


class Foreign:
    """name, address, users and ways are of the class; configure() writes what it needs, commands()
    says what is to be run."""

    ways = WAYS
    acknowledges = False  # XEP-0198
    not_reached = "remote-server-timeout"  # the error for a domain that does not let it in
    users = ("alice", "bob", "carol", "dave", "eve")

    def __init__(self, namespace, home, certificates):
        self.namespace = namespace
        self.home = home
        self.certificates = certificates
        self._programs = []
        self._clients = 0
        self.configure()

    @property
    def domains(self):
        return [way.at(self.name) for way in self.ways]

    def start(self):
        """Returns when it serves clients and servers."""
        for command in self.commands():
            self._programs.append(program.Program(self.home, *self.namespace.enter, *command,
                                                  environment=self.environment(),
                                                  seconds=LIFE_SECONDS))
        wait.until(self.is_ready, READY_SECONDS, f"{self.name} being ready")

    def environment(self):
        return {}

    def is_ready(self):
        return self.listens(5222) and self.listens(5269)

    def listens(self, port):
        try:
            self.namespace.connect((self.address, port)).close()
            return True
        except ConnectionError:
            return False

    def login(self, user, domain):
        self._clients += 1
        jid = f"{user}@{domain}"
        return PeerClient((self.address, 5222), jid, self.namespace.connect,
                          f"r{self._clients}").login()

    def kill(self):
        """At once and without a word."""
        self.signal(signal.SIGKILL)
        self.end()

    def signal(self, number):
        for one in self._programs:
            one.signal(number)

    def end(self):
        while self._programs:
            self._programs.pop().end()

    def output(self):
        return self._programs[-1].output() if self._programs else ""

    def path(self, name):
        return os.path.join(self.home.path, name)
