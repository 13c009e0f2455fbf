# SPDX-License-Identifier: AGPL-3.0-or-later
#
# User, network and mount namespaces of our own: a loopback interface that nobody else has, with the
# usual ports, and a resolv.conf that names a DNS server in there. Daemons are started with
# `enter` before their command; sockets of tests come from `connect`.

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile

from tests.node import place

INSIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inside.py")
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
SECONDS = 60


class Unavailable(Exception):
    """This machine does not allow it; the reason."""


class Namespace:
    def __init__(self, dns_server):
        self._directory = tempfile.mkdtemp(prefix="kontalk-ns-", dir="/tmp")
        resolv_conf = f"{self._directory}/resolv.conf"
        place.write(resolv_conf, f"nameserver {dns_server}\n", 0o644)
        self._channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(SECONDS)
        with other, open(f"{self._directory}/output", "w+b") as output:
            self._holder = subprocess.Popen(
                [*UNSHARE, INSIDE, str(other.fileno()), resolv_conf], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, pass_fds=[other.fileno()])
        if self._channel.recv(64) != b"ready":
            reason = place.read(f"{self._directory}/output").strip().splitlines()
            self.end()
            raise Unavailable("no namespaces: " + (reason[-1] if reason else "no reason given"))

    @property
    def enter(self):
        """What comes before a command that is to run inside."""
        return ["nsenter", "--target", str(self._holder.pid), "--user", "--net", "--mount",
                "--preserve-credentials", "--"]

    def connect(self, address, *_, **__):
        """Like socket.create_connection(), from inside."""
        host, port = address
        self._channel.send(f"{host} {port}".encode())
        answer, fds, _, _ = socket.recv_fds(self._channel, 256, 1)
        if not fds:
            raise ConnectionError(answer.decode())
        return socket.socket(fileno=fds[0])

    def end(self):
        self._channel.close()
        self._holder.wait(SECONDS)
        shutil.rmtree(self._directory)


@contextlib.contextmanager
def namespace(dns_server):
    held = Namespace(dns_server)
    try:
        yield held
    finally:
        held.end()
