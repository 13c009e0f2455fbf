# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A TCP relay between two programs that can be what a bad network is: cut without a word in one
# direction or both, slow, stalled, reset. What it holds back while it is cut comes when it is
# healed, as TCP would send it again.

import contextlib
import socket
import struct
import threading

CHUNK = 65536
FORWARD, BACKWARD = "forward", "backward"


class Way:
    """One direction of all connections."""

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.delay = 0
        self.bytes = 0


class Relay:
    def __init__(self, target):
        """target: () → (address, port), asked for at each connection."""
        self._target = target
        self.ways = {FORWARD: Way(), BACKWARD: Way()}
        self._pairs = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *directions):
        """Nothing passes, and nobody is told. No direction: both."""
        for direction in directions or self.ways:
            self.ways[direction].open.clear()

    def heal(self):
        for way in self.ways.values():
            way.open.set()
            way.delay = 0

    def delay(self, seconds):
        for way in self.ways.values():
            way.delay = seconds

    def reset(self):
        """All connections end at once, with RST."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                end(one, hard=True)

    def count(self):
        with self._lock:
            return len(self._pairs)

    def bytes(self):
        return sum(way.bytes for way in self.ways.values())

    def close(self):
        self._closed.set()
        end(self._listener)
        self.heal()
        self.reset()

    def _accept(self):
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        """Not while it is cut: the other side would not hear."""
        for way in self.ways.values():
            way.open.wait()
        try:
            server = socket.create_connection(self._target(), timeout=10)
        except OSError:
            end(client, hard=True)
            return
        server.settimeout(None)
        with self._lock:
            self._pairs.append((client, server))
        for source, sink, direction in ((client, server, FORWARD), (server, client, BACKWARD)):
            threading.Thread(target=self._pump, args=(source, sink, self.ways[direction]),
                             daemon=True).start()

    def _pump(self, source, sink, way):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(CHUNK)
                if way.delay:
                    self._closed.wait(way.delay)
                way.open.wait()
                if not data:
                    break
                sink.sendall(data)
                way.bytes += len(data)
        for one in (source, sink):
            end(one)
        with self._lock:
            self._pairs = [pair for pair in self._pairs if source not in pair]


def end(one, hard=False):
    with contextlib.suppress(OSError):
        if hard:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            one.shutdown(socket.SHUT_RDWR)
    one.close()
