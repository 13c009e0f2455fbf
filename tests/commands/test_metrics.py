# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Metrics and health of the daemons, at their sockets and by kontalkctl, read by the parser of
# Prometheus' own library.

import datetime
import http.client
import socket
import subprocess

import pytest
from prometheus_client.openmetrics import parser

from tests.harness import wait

DAEMONS = ("router", "c2s", "s2s")
TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Visit(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


@pytest.fixture
def ask(node):
    """ask("c2s", "/metrics"): status, type and text of the answer."""
    def call(daemon, path, method="GET", **options):
        visit = Visit(node.place.short(f"kontalk-{daemon}.metrics"))
        visit.request(method, path, **options)
        answer = visit.getresponse()
        text = answer.read().decode()
        visit.close()
        return answer.status, answer.headers["Content-Type"], text
    return call


def families(text):
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


def value(text, name, /, **labels):
    return sum(sample.value for family in families(text).values() for sample in family.samples
               if sample.name == name and labels.items() <= sample.labels.items())


@pytest.mark.parametrize("daemon", DAEMONS)
def test_text_of_each_daemon(ask, daemon):
    status, kind, text = ask(daemon, "/metrics")
    assert (status, kind) == (200, TYPE)
    found = families(text)
    assert value(text, "process_resident_memory_bytes") > 1e6
    assert value(text, "kontalk_build_info", daemon=f"kontalk-{daemon}") == 1
    assert f"kontalk_{daemon}_" in " ".join(found)
    assert ask(daemon, "/health") == (200, "text/plain; charset=utf-8", "ok\n")


def without_clients(ask):
    text = ask("c2s", "/metrics")[2]
    return text if value(text, "kontalk_c2s_clients", state="bound") == 0 else None


def test_clients_and_their_stanzas(ask, raw, account):
    """Counted while they are there, with the reason for which they go."""
    before = wait.until(lambda: without_clients(ask), what="the clients of other tests to be gone")
    stream = raw(account())
    stream.login()
    stream.ask("get", "<ping xmlns='urn:xmpp:ping'/>")
    during = ask("c2s", "/metrics")[2]

    def more(name, **labels):
        return value(during, name, **labels) - value(before, name, **labels)
    assert more("kontalk_c2s_clients", state="bound") == 1
    assert more("kontalk_c2s_stanzas_total", kind="iq", direction="in") >= 1
    assert more("kontalk_c2s_stanzas_total", kind="iq", direction="out") >= 1
    assert more("kontalk_sm_iqs_total", request="urn:xmpp:ping ping", outcome="served") == 1
    assert more("kontalk_events_total", event="client_authenticated", level="info") == 1
    stream.logout()
    wait.until(lambda: value(ask("c2s", "/metrics")[2], "kontalk_events_total",
                             event="client_closed") > value(during, "kontalk_events_total",
                                                            event="client_closed"), what="the end")


def test_health_without_the_router(ask, node, ctl):
    node.daemon("router").stop()
    try:
        wait.until(lambda: ask("c2s", "/health")[0] == 503, what="c2s misses the router")
        assert ask("c2s", "/health")[2] == "the router cannot be reached\n"
        assert "kontalk-c2s 0.1: the router cannot be reached" in ctl("status").stdout
    finally:
        node.daemon("router").start()
    wait.until(lambda: ask("c2s", "/health")[0] == 200, what="c2s has the router again")


@pytest.mark.parametrize("method, path, status", (
    ("POST", "/metrics", 405), ("GET", "/", 404), ("GET", "/metrics/", 404),
    ("HEAD", "/metrics", 200), ("DELETE", "/health", 405)))
def test_other_requests(ask, method, path, status):
    assert ask("router", path, method)[0] == status


def test_head_that_is_too_long(ask):
    assert ask("router", "/metrics", headers={"X": "x" * 9000})[0] == 431


def test_no_request(node, ask):
    """Nonsense gets 400; more connections than there may be are closed; it serves on."""
    path = node.place.short("kontalk-router.metrics")
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(60)
        one.connect(path)
        one.sendall(b"\x16\x03\x01 what\r\n\r\n")
        assert one.recv(4096).startswith(b"HTTP/1.1 400 ")
    many = [socket.socket(socket.AF_UNIX) for _ in range(17)]
    for one in many:
        one.settimeout(60)
        one.connect(path)
    assert many[16].recv(10) == b""
    for one in many:
        one.close()
    wait.until(lambda: served(ask), what="room for another one")


def served(ask):
    try:
        return ask("router", "/health")[0] == 200
    except (ConnectionError, http.client.HTTPException):
        return False


def test_certificates(ask, ctl, node):
    """What is in memory, and when it ends."""
    clients, servers = ctl("show", "tls").stdout.split("kontalk-s2s:\n")
    assert "kontalk-net" not in servers  # which does not run
    for text, daemon in ((clients, "c2s"), (servers, "s2s")):
        [line] = [line for line in text.splitlines() if f"for {node.network}" in line]
        ends = datetime.datetime.fromisoformat(line.split()[2].replace("Z", "+00:00"))
        told = ask(daemon, "/metrics")[2]
        assert value(told, f"kontalk_{daemon}_certificate_end_seconds") == ends.timestamp()


def test_outbox(ask, login, node):
    """What waits for others, as long as it does: here for kontalk-s2s, which then says that there
    is nobody."""
    def waiting():
        return value(ask("c2s", "/metrics")[2], "kontalk_sm_outbox")

    client, before = login(), waiting()
    node.daemon("s2s").kill()
    try:
        client.send_message("nobody@away.invalid", "waits")
        wait.until(lambda: waiting() > before)
        assert value(ask("c2s", "/metrics")[2], "kontalk_sm_outbox_bytes") > 0
    finally:
        node.daemon("s2s").start()
    client.wait_for(lambda e: e.get("type") == "error" and e.get("from") == "nobody@away.invalid")
    wait.until(lambda: waiting() <= before)


@pytest.mark.long
def test_rules():
    """What Prometheus says of the alert rules; that their names exist is lint/metrics."""
    done = subprocess.run(["promtool", "check", "rules", "docs/monitoring/alerts.yml"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
