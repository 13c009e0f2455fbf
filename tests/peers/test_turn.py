# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Credentials for TURN (XEP-0215), shown to a real TURN server that shares the secret: coturn; by
# its client, and by `kontalkctl check turn`.

import contextlib
import json
import os
import socket
import struct
import subprocess
from datetime import datetime

import pytest

from tests.attacks.s2s import zones
from tests.harness import program, wait
from tests.harness.node import SOURCES
from tests.node import place
from tests.node.certificates import Authority
from tests.node.configuration import text

NS = "{urn:xmpp:extdisco:2}"
PORT, TLS_PORT = 3478, 5349
HOST = "turn.checked.example"
SECRETS = ("shared-secret-of-turn", "another-secret-of-turn")


class Turn:
    """A server with the first of the secrets, at an address of its own. Nobody may have more than
    four relays at a time."""

    def __init__(self, where, authority):
        self.address = next(SOURCES)
        certificate, key = authority.issue_server(f"{where.path}/turn", [HOST])
        where.write("turn.conf", "\n".join([
            f"listening-ip={self.address}", f"listening-port={PORT}", "use-auth-secret",
            f"tls-listening-port={TLS_PORT}", f"cert={certificate}", f"pkey={key}", "no-dtls",
            f"static-auth-secret={SECRETS[0]}", "realm=example.test", "user-quota=4",
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
def authority(tmp_path_factory):
    made = Authority(str(tmp_path_factory.mktemp("ca")))
    made.ensure()
    return made


@pytest.fixture(scope="module")
def turn(authority):
    with program.home("/nonexistent") as where:
        server = Turn(where, authority)
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
def turn_node(make_node, authority, turn, files):
    return make_node(authority=authority, settings=section(turn, files[0]))


@pytest.fixture(scope="module")
def names(turn):
    with contextlib.closing(zones.Zones()) as answering:
        answering.put(HOST, zones.address(turn.address))
        yield answering


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


def findings(node, names, directory, services):
    """What `kontalkctl check turn` says of services, besides the node's own."""
    os.mkdir(f"{directory}/conf.d")
    place.write(f"{directory}/kontalk.conf", place.read(node.place.configuration))
    place.write(f"{directory}/conf.d/turn.conf", text({"s2s": {"dns-server": names.server}, **{
        f'external-service "{name}"': keys for name, keys in services.items()}}))
    done = subprocess.run([node.place.program("kontalkctl"), "-c", f"{directory}/kontalk.conf",
                           "check", "--json", "turn"],
                          text=True, timeout=110, capture_output=True, check=False)
    assert not done.stderr, done.stderr
    rows = json.loads(done.stdout)
    assert not [row for row in rows if row["area"] != "turn"], rows
    found = {row["subject"].split('"')[1]: row for row in rows}
    assert found.pop("turn")["severity"] == "ok"
    return found


def test_check_gets_a_relay(turn_node, names, turn, files, tmp_path):
    """By each transport, one after another: so each has been given back before."""
    service = {"host": turn.address, "secret-file": files[0]}
    found = findings(turn_node, names, tmp_path, {
        "udp": {**service, "type": "turn", "port": PORT},
        "udp again": {**service, "type": "turn", "port": PORT},
        "tcp": {**service, "type": "turn", "port": PORT, "transport": "tcp"},
        "tls": {**service, "type": "turns", "port": TLS_PORT, "host": HOST},
        "stun": {"host": turn.address, "type": "stun", "port": PORT}})
    assert [row for row in found.values() if row["severity"] != "ok"] == [], found
    assert len(found) == 5
    assert all(f"gives a relay, at {turn.address}:" in found[name]["cause"]
               for name in ("udp", "udp again", "tcp", "tls")), found


def test_check_is_refused(turn_node, names, turn, files, tmp_path):
    service = {"type": "turn", "host": turn.address, "port": PORT}
    password = f"{tmp_path}/password"
    place.write(password, "a password of nobody\n")
    found = findings(turn_node, names, tmp_path, {
        "other secret": {**service, "secret-file": files[1]},
        "nobody": {**service, "username": "nobody", "password-file": password},
        "other name": {"type": "stuns", "host": turn.address, "port": TLS_PORT},
        "none": service})
    assert [(name, row["severity"]) for name, row in found.items()] == [
        ("other secret", "error"), ("nobody", "error"),
        ("other name", "error"), ("none", "note")], found
    for name, cause, remedy in (
            ("other secret", "refuses the credentials that clients get (realm example.test)",
             f"static-auth-secret= what is in {files[1]}"),
            ("nobody", "refuses the credentials", "lt-cred-mech, user=nobody:"),
            ("other name", "certificate", "certbot"),
            ("none", "clients get no credentials", "secret-file")):
        assert cause in found[name]["cause"] and remedy in found[name]["remedy"]


def test_reload(turn_node, turn, files, login):
    """A secret that has changed holds at once."""
    client = login(where=turn_node)
    turn_node.reconfigure(section(turn, files[1]))
    assert not turn.admits(service_of(client, turn_node))
