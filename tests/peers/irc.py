# SPDX-License-Identifier: AGPL-3.0-or-later
#
# An IRC server (ngircd), a client of it, and a gateway to it (biboumi), all of Debian.

import contextlib
import re
import secrets
import shutil
import socket
import time

from tests.harness import program, wait

PORT = 6667
SERVER = """
[Global]
Name = irc.test
AdminInfo1 = tests
Info = tests
Listen = {address}
Ports = {port}
MotdPhrase = hello
ServerUID = {user}
ServerGID = {user}
[Options]
Ident = no
PAM = no
DNS = no
[Limits]
MaxJoins = 100
MaxConnectionsIP = 100
"""
GATEWAY = """hostname={domain}
password={secret}
xmpp_server_ip={host}
port={port}
db_name={home}/biboumi.sqlite
log_level=1
identd_port=0
fixed_irc_server=
policy_directory={home}
"""


class Ircd:
    """At an address of its own, since biboumi knows the usual port only."""

    def __init__(self, home):
        self.address = ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
        home.write("ngircd.conf", SERVER.format(address=self.address, port=PORT, user="nobody"))

    @contextlib.contextmanager
    def running(self, home):
        path = shutil.which("ngircd") or "/usr/sbin/ngircd"
        with program.running(home, path, "-n", "-f", f"{home.path}/ngircd.conf"):
            wait.until(self.answers, what="ngircd")
            yield self

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex((self.address, PORT)) == 0


class IrcClient:
    """Somebody on the IRC server."""

    def __init__(self, server, nick):
        self._sock = socket.create_connection((server.address, PORT), timeout=wait.SECONDS)
        self._lines = self._sock.makefile("r", encoding="utf-8", newline="\r\n")
        self.say(f"NICK {nick}")
        self.say(f"USER {nick} 0 * :{nick}")
        self.wait("^:[^ ]+ 001 ")

    def say(self, line):
        self._sock.sendall(f"{line}\r\n".encode())

    def wait(self, pattern, seconds=wait.SECONDS):
        """The match in the first line that fits; pings are answered."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            line = self._lines.readline().rstrip("\r\n")
            assert line, f"the IRC server has closed before {pattern!r}"
            if line.startswith("PING"):
                self.say(line.replace("PING", "PONG", 1))
            found = re.search(pattern, line)
            if found:
                return found
        raise TimeoutError(pattern)

    def close(self):
        self._sock.close()


class Biboumi:
    """The gateway, as a component of a node: run() it as often as needed, its state stays."""

    def __init__(self, node, home, domain, secret):
        self._node, self._home = node, home
        self.domain = domain
        host, port = node.address("COMPONENT")
        home.write("biboumi.cfg", GATEWAY.format(domain=domain, secret=secret, host=host,
                                                 port=port, home=home.path))

    @contextlib.contextmanager
    def running(self):
        with program.running(self._home, "biboumi", f"{self._home.path}/biboumi.cfg") as gateway:
            self.wait_up()
            yield gateway

    def wait_up(self):
        wait.until(lambda: f"{self.domain} component/" in
                   self._node.control("ask", "router", "show", "routes"), what="the gateway")

    def wait_down(self):
        wait.until(lambda: f"{self.domain} down" in
                   self._node.control("ask", "router", "show", "routes"), what="its end")
