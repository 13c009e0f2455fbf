# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A private node for tests, on ports and sockets of its own below a scratch directory.

import contextlib
import itertools
import os
import re
import secrets
import shutil
import signal
import tempfile
from dataclasses import dataclass

from tests.harness import empty_dns, wait, web
from tests.node import accounts, configuration, node, place, ports
from tests.node.ports import ADDRESS

SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|LeakSanitizer")
NAMES = itertools.count(1)
# `make check WORKERS=2`: every node has several c2s.
WORKERS = int(os.environ.get("WORKERS", "1"))
# A source of its own for each connection, so that limits per address concern only tests of them.
SOURCES = (f"127.{a}.{b}.{c}" for a in range(1, 255) for b in range(256) for c in range(1, 255))


@dataclass
class Account:
    jid: str
    password: str

    @property
    def user(self):
        return self.jid.partition("@")[0]


class Daemon:
    """One daemon of a node, by its short name: node.daemon("c2s")."""

    def __init__(self, owner, name):
        self._owner = owner
        self.name = name
        self.process = owner.daemons[name]
        self.expected_down = False
        # "c2s" tells what any of the workers has logged, "c2s@c2s-2" what that one has.
        self._logs = {process.log: 0 for process in owner.daemons.values()
                      if process is self.process or process.name == name}

    @property
    def pid(self):
        pids = self.process.pids()
        return pids[0] if pids else None

    def kill(self):
        """SIGKILL; it is gone when this returns."""
        self.expected_down = True
        self.process.kill()

    def stop(self):
        self.expected_down = True
        assert self.process.stop(), (f"{self.name} did not end by itself\n"
                                     f"{self.process.log_tail()}")

    def start(self):
        """Returns when it has said that it is ready."""
        self._owner.start_daemon(self.name)
        self.expected_down = False

    def restart(self):
        self.stop()
        self.start()

    def send(self, number):
        self.process.send(number)

    @contextlib.contextmanager
    def paused(self):
        """Stopped by SIGSTOP inside the block."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def log(self):
        """What it has logged since mark_log(), or all of it."""
        return "".join(read_from(path, begin) for path, begin in self._logs.items())

    def mark_log(self):
        self._logs = {path: os.path.getsize(path) for path in self._logs}

    def wait_log(self, pattern, seconds=wait.SECONDS):
        """Returns the match of a regular expression in the log since mark_log()."""
        return wait.until(lambda: re.search(pattern, self.log(), re.MULTILINE), seconds,
                          f"{pattern!r} in the log of {self.name}")


def read_from(path, begin):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            file.seek(begin)
            return file.read()
    except FileNotFoundError:
        return ""


class TestNode(node.Node):
    __test__ = False  # no test, whatever its name looks like

    def __init__(self, settings=None, domains=None, network=place.NETWORK, authority=None,
                 inside=None, where=None, workers=WORKERS, database_words=(), **membership):
        """settings: {section: {key: value}} for kontalk.conf, None takes a key away;
        domains: {domain: names of its certificate} beside the network's own;
        network: its domain; authority: another node's, so that both trust each other;
        inside: {daemon: what comes before its command} for namespaces;
        workers: so many c2s, each with a port of its own beside that which they share:
        daemon("c2s") and "C2S_1", daemon("c2s@c2s-2") and "C2S_2" and so on;
        database_words: what comes before that of PostgreSQL;
        where, membership: of a node in a TestNetwork."""
        where = where or scratch_place(network)
        self.dns = empty_dns.EmptyDns()
        no_dns = {"s2s": {"dns-server": self.dns.server, "dnssec": "no"}}
        super().__init__(where, configuration.merge(no_dns, settings), durable=False,
                         usual_ports=False, workers=workers, **membership)
        self.postgres.before = list(database_words)
        self.authority = authority or self.authority
        self.domains.update(domains or {})
        for name, words in (inside or {}).items():
            process = self.daemons[f"kontalk-{name}"]
            process.command = [*words, *process.command]
        self.passwords = []
        self._handles = {}

    def choose_ports(self):
        chosen = self._reservation is not None
        super().choose_ports()
        if self.workers > 1 and not chosen:
            for number in range(1, self.workers + 1):
                self.ports[f"C2S_{number}"] = ports.first_free([], self._reservation)

    def of_worker(self, settings, number):
        if self.workers == 1:
            return settings
        own = [f"{ADDRESS}:{self.ports[service]}" for service in ("C2S", f"C2S_{number}")]
        return configuration.merge(settings, {"c2s": {"listen": own}})

    def daemon(self, short_name):
        name = f"kontalk-{short_name}"
        return self._handles.setdefault(name, Daemon(self, name))

    def address(self, service="C2S"):
        return ADDRESS, self.ports[web.SERVICES.get(service, service)]

    def reconfigure(self, changes):
        """Further settings, in force when this returns."""
        self.settings = configuration.merge(self.settings or {}, changes)
        self.configure()
        self.control("reload")

    @property
    def network(self):
        return self.place.network

    @property
    def ca(self):
        return self.authority.certificate

    def component_secret(self):
        return place.read(f"{self.place.secrets}/{self.place.component}").strip()

    @contextlib.contextmanager
    def administrator(self, client):
        """Whose account administers inside the block."""
        self.control("user", "admin", client.bare)
        yield client
        self.control("user", "admin", client.bare, "no")

    def add_account(self, user=None, domain=None):
        user = user or f"user{next(NAMES)}"
        account = Account(f"{user}@{domain or self.network}", secrets.token_urlsafe(12))
        accounts.create(self, account.jid, account.password)
        self.passwords.append(account.password)
        return account

    def problems(self):
        """What no test may leave behind, as texts; daemons that ended are started again."""
        found = []
        for name in self.daemons:
            handle = self.daemon(name.removeprefix("kontalk-"))
            if not handle.process.runs():
                if not handle.expected_down:
                    found.append(f"{name} ended {handle.process.ending()}\n"
                                 f"{handle.process.log_tail()}")
                handle.start()
        return found

    def end(self):
        """Stops it and removes all of it; returns the problems found in what it leaves."""
        orderly = self.stop()
        found = [] if orderly else ["a part of the node did not end by itself"]
        found += self.leftovers()
        self.dns.close()
        self.postgres.remove()
        shutil.rmtree(self.place.run)
        return found

    def leftovers(self):
        """What is wrong in its logs."""
        found = []
        for name in os.listdir(self.place.log):
            text = place.read(f"{self.place.log}/{name}")
            if SANITIZER_REPORT.search(text):
                found.append(f"{name} has a report of a sanitizer:\n{text[-6000:]}")
            if any(password in text for password in self.passwords):
                found.append(f"{name} has a password in it")
        return found


def scratch_place(network):
    parent = os.environ.get("TEST_SCRATCH")
    directory = tempfile.mkdtemp(prefix="run-" if parent else "kontalk-test-", dir=parent or "/tmp")
    return place.Place(directory, os.environ.get("BIN", "build"), network=network)
