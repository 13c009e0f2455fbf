# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Credentials for TURN (XEP-0215), shown to a real TURN server that shares the secret: coturn.

import socket
import struct
import subprocess
from datetime import datetime

import pytest

from tests.harness import program, wait
from tests.harness.node import SOURCES
from tests.node import place

NS = "{urn:xmpp:extdisco:2}"
PORT = 3478
SECRETS = ("shared-secret-of-turn", "another-secret-of-turn")


class Turn:
    """A server with the first of the secrets, at an address of its own."""

    def __init__(self, where):
        self.address = next(SOURCES)
        where.write("turn.conf", "\n".join([
            f"listening-ip={self.address}", f"listening-port={PORT}", "use-auth-secret",
            f"static-auth-secret={SECRETS[0]}", "realm=example.test", "no-tls", "no-dtls",
            "no-cli", "allow-loopback-peers", "log-file=stdout", "simple-log",
            f"pidfile={where.path}/pid", f"userdb={where.path}/users"]) + "\n")

    def admits(self, service):
        """Whether it relays a message for who has these credentials."""
        return subprocess.run(
            [*program.limited(60), "turnutils_uclient", "-u", service.get("username"),
             "-w", service.get("password"), "-p", str(PORT), "-n", "1", "-m", "1", "-y", "-c",
             self.address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode == 0


    def answers(self):
        """A binding request (RFC 8489) is answered."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect((self.address, PORT))
            try:
                sock.send(struct.pack("!HHI12s", 1, 0, 0x2112A442, b"are-you-here"))
                return sock.recv(2048)
            except OSError:
                return None


@pytest.fixture(scope="module")
def turn():
    with program.home("/nonexistent") as where:
        server = Turn(where)
        with program.running(where, "turnserver", "-c", f"{where.path}/turn.conf"):
            wait.until(server.answers, what="an answer of the TURN server")
            yield server


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    paths = [f"{tmp_path_factory.mktemp('turn')}/{n}" for n, _ in enumerate(SECRETS)]
    for path, secret in zip(paths, SECRETS):
        place.write(path, secret + "\n")
    return paths


def section(turn, path):
    return {'external-service "turn"': {
        "type": "turn", "host": turn.address, "port": PORT, "transport": "udp",
        "secret-file": path}}


@pytest.fixture(scope="module")
def turn_node(make_node, turn, files):
    return make_node(settings=section(turn, files[0]))


def service_of(client, node):
    result = client.ask("get", f"<services xmlns='{NS[1:-1]}' type='turn'/>", to=node.network)
    return result.find(f"{NS}services/{NS}service")


def test_credentials(turn_node, turn, login):
    service = service_of(login(where=turn_node), turn_node)
    assert service.get("restricted") == "true"
    assert turn.admits(service)
    service.set("password", service_of(login(where=turn_node), turn_node).get("password"))
    assert not turn.admits(service)  # another account's password


def test_end(turn_node, login):
    """What the name says about its end is what `expires` says, and nothing about whose it is."""
    client, other = login(where=turn_node), login(where=turn_node)
    service = service_of(client, turn_node)
    end, _, mark = service.get("username").partition(":")
    assert datetime.fromisoformat(service.get("expires").replace("Z", "+00:00")).timestamp() == \
        float(end)
    assert client.bare.partition("@")[0] not in mark
    assert service_of(client, turn_node).get("username").endswith(mark)
    assert not service_of(other, turn_node).get("username").endswith(mark)


def test_reload(turn_node, turn, files, login):
    """A secret that has changed holds at once."""
    client = login(where=turn_node)
    turn_node.reconfigure(section(turn, files[1]))
    assert not turn.admits(service_of(client, turn_node))
