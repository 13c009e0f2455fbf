# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A client that keeps writing to domains that cannot be reached, and reads the errors.

import contextlib
import itertools
import socket
import threading
import time

from tests.bench.dns import BenchDns
from tests.node.client import Client
from tests.node.ports import ADDRESS

# How a domain is dead, by the name above it.
REFUSED, SILENT, MUTE, UNKNOWN = KINDS = ("refused.example", "silent.example", "mute.example",
                                          "unknown.example")
BACKLOG = 4096
TICK_SECONDS = 0.1


def domains(count):
    return [f"d{n}.{kind}" for n, kind in zip(range(count), itertools.cycle(KINDS))]


@contextlib.contextmanager
def dead_servers(dns: BenchDns):
    """Where these domains lead: to a port that refuses, to one that takes connections and says
    nothing, to a DNS that does not answer, and to names that do not exist."""
    with socket.socket() as refusing, socket.create_server((ADDRESS, 0), backlog=BACKLOG) as silent:
        refusing.bind((ADDRESS, 0))  # and does not listen
        dns.suffixes = {REFUSED: refusing.getsockname(), SILENT: silent.getsockname()}
        dns.mute = (f".{MUTE}",)
        yield


class Storm:
    """A message to each of `count` domains every `period` seconds, until the end of the block."""

    def __init__(self, server, user, count, period):
        host, port = server.address.rsplit(":", 1)
        jid = f"{user}@{server.accounts.domain}"
        self._client = Client((host, int(port)), jid, server.accounts.password, server.ca,
                              direct_tls=True)
        self._domains = domains(count)
        self._per_tick = max(1, int(count * TICK_SECONDS / period))
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._write, self._read)]
        self.problem = None

    def __enter__(self):
        self._client.login()
        self._client.socket.settimeout(None)
        for thread in self._threads:
            thread.start()
        return self

    def _write(self):
        targets = itertools.cycle(self._domains)
        due = time.monotonic()
        while not self._ending.wait(max(0, due - time.monotonic())):
            self._client.send("".join(
                f"<message type='chat' to='nobody@{next(targets)}'><body>Is anybody there?</body>"
                "</message>" for _ in range(self._per_tick)))
            due += TICK_SECONDS

    def _read(self):
        """Whatever it is; not parsed, since it has to cost little."""
        try:
            while self._client.socket.recv(1 << 20):
                pass
        except OSError:
            pass
        if not self._ending.is_set():
            self.problem = "the server ended the stream"

    def __exit__(self, *_):
        self._ending.set()
        self._threads[0].join()
        self._client.socket.shutdown(socket.SHUT_RDWR)
        self._threads[1].join()
        self._client.close()
