# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl s2s: what is shown of streams, and a domain that is probed, in health and in every kind
# of trouble.

import contextlib
import itertools
import json
import re
import socket
import subprocess

import pytest

from tests.harness import wait
from tests.node.ports import ADDRESS

SECONDS = 60
NAMES = itertools.count(1)
STEP = re.compile(r"^ *(\d+)\.(\d{3}) (\S+) +(.*)$")


@pytest.fixture(scope="module")
def ctl(pair):
    """ctl("show"): what it came to, with what it said."""
    def call(*words, node=pair.left):
        command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "s2s", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS,
                              check=False)
    return call


@pytest.fixture
def left(pair):
    """The node that is asked, with other settings until the end of the test."""
    before = pair.left.settings
    yield pair.left
    changed = {section: {key: None for key in keys} for section, keys in
               pair.left.settings.items()}
    pair.left.reconfigure(changed)
    pair.left.reconfigure(before)


@pytest.fixture
def there():
    """A domain of nobody's, that no test before has tried to reach."""
    return f"there{next(NAMES)}.test"


@pytest.fixture
def listener():
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server((ADDRESS, 0)) as server:
        yield server


def dead_port():
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


def peer(domain, port, key="address"):
    return {f'peer "{domain}"': {key: f"{ADDRESS}:{port}"}}


def steps(done):
    """[(topic, text)], in order of time."""
    found = [STEP.match(line) for line in done.stdout.splitlines()]
    assert all(found), done.stdout
    times = [(int(step[1]), int(step[2])) for step in found]
    assert times == sorted(times)
    return [(step[3], step[4]) for step in found]


def assert_reached(done):
    assert done.returncode == 0, done.stdout + done.stderr
    assert steps(done)[-1] == ("ping", "answered")
    return steps(done)


def assert_not_reached(done, domain, why):
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith(f"kontalkctl: {domain} was not reached: ")
    assert why in done.stderr
    return steps(done)


def texts(found, topic):
    return [text for name, text in found if name == topic]


def shown(ctl, **options):
    done = ctl("show", "--json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_shown(ctl, **wanted):
    """The row that has these values."""
    return wait.until(lambda: next((row for row in shown(ctl)
                                    if wanted.items() <= row.items()), None))


# --- probe ---

def test_probe_of_a_healthy_domain(pair, ctl):
    pair.point_at_each_other()
    found = assert_reached(ctl("probe", pair.right.network))
    host, port = pair.right.address("S2S")
    assert found[0] == ("probe", f"{pair.right.network}, as {pair.left.network}")
    assert texts(found, "policy") == ["TLS is required, a valid certificate is required",
                                      "DNSSEC is not validated here"]
    assert texts(found, "dns") == ["not asked: the configuration has 1 address"]
    assert texts(found, "address") == [f"{host}:{port}, STARTTLS: connecting",
                                       f"connected to {host}"]
    asking, secured = texts(found, "tls")
    assert "STARTTLS" in asking and re.fullmatch(r"TLSv1\.3, \S+", secured)
    subject, issuer, valid, names, verdict = texts(found, "certificate")
    assert pair.right.network in subject and issuer.startswith("issuer ")
    assert re.fullmatch(r"valid from \S+Z until \S+Z", valid)
    assert pair.right.network in names
    assert verdict == "accepted by the trusted authorities"
    before, after = texts(found, "features")[:2]
    assert "starttls" in before and "mechanisms EXTERNAL" in after and "dialback" in after
    assert texts(found, "proof") == [f"SASL EXTERNAL as {pair.left.network}",
                                     f"the server takes us for {pair.left.network}, by EXTERNAL"]
    assert texts(found, "ping") == ["sent", "answered"]


def test_probe_by_direct_tls(pair, ctl):
    pair.point_at_each_other("S2S_TLS")
    found = assert_reached(ctl("probe", pair.right.network))
    host, port = pair.right.address("S2S_TLS")
    assert f"{host}:{port}, direct TLS: connecting" in texts(found, "address")
    assert len(texts(found, "tls")) == 1


def test_probe_leaves_ordinary_pairs_alone(pair, ctl, login):
    """It neither opens nor uses one, and is gone when it has ended."""
    pair.point_at_each_other()
    pair.left.daemon("s2s").restart()
    assert_reached(ctl("probe", pair.right.network))
    assert not [row for row in shown(ctl) if row["direction"] == "out"]
    bob = login(where=pair.right)
    login(where=pair.left).send_message(bob.full, "an ordinary message")
    bob.wait_message("an ordinary message")
    before = wait_shown(ctl, direction="out", state="ready")
    assert_reached(ctl("probe", pair.right.network))
    after = wait_shown(ctl, direction="out", state="ready")
    assert before == after


def test_probe_without_dns(ctl):
    found = assert_not_reached(ctl("probe", "nowhere.test"), "nowhere.test",
                               "the DNS knows no address of a server")
    asked = " ".join(texts(found, "dns"))
    for question in ("SRV _xmpps-server._tcp.nowhere.test", "SRV _xmpp-server._tcp.nowhere.test",
                     "A nowhere.test", "AAAA nowhere.test"):
        assert f"{question}: there is no such name, not proven by DNSSEC" in asked


def test_probe_of_a_dead_address(left, ctl, there):
    port = dead_port()
    left.reconfigure(peer(there, port))
    found = assert_not_reached(ctl("probe", there), there,
                               "no server of the domain can be connected to")
    assert texts(found, "address") == [f"{ADDRESS}:{port}, STARTTLS: connecting",
                                       f"{ADDRESS}:{port}, STARTTLS: Connection refused"]


def test_probe_goes_on_to_the_next_address(pair, left, ctl):
    host, port = pair.right.address("S2S")
    dead = dead_port()
    left.reconfigure({f'peer "{pair.right.network}"':
                      {"address": [f"{ADDRESS}:{dead}", f"{host}:{port}"], "address-tls": None}})
    found = assert_reached(ctl("probe", pair.right.network))
    assert f"{ADDRESS}:{dead}, STARTTLS: Connection refused" in texts(found, "address")


def test_probe_of_who_never_answers(left, ctl, listener, there):
    left.reconfigure(peer(there, listener.getsockname()[1]))
    left.reconfigure({"s2s": {"negotiation-timeout": "500ms"}})
    found = assert_not_reached(ctl("probe", there), there, "the server did not answer in time")
    assert f"connected to {ADDRESS}" in texts(found, "address")


def test_probe_ends_at_its_deadline(left, ctl, listener, there):
    """Whatever the parts may take."""
    left.reconfigure(peer(there, listener.getsockname()[1]))
    left.reconfigure({"s2s": {"connect-timeout": "500ms"}})
    assert_not_reached(ctl("probe", there), there, "no server of the domain answered in time")


def test_probe_of_who_hangs_up(left, ctl, listener, there):
    left.reconfigure(peer(there, listener.getsockname()[1]))
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(
            [left.place.program("kontalkctl"), "-c", left.place.configuration, "s2s", "probe",
             there], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        connection, _ = listener.accept()
        # Its steps are told while it goes on.
        for line in process.stdout:
            if "connected to" in line:
                break
        connection.close()
        rest, problem = process.communicate(timeout=SECONDS)
    assert process.returncode == 1 and "was not reached" in problem
    assert "stream      ended: " in rest


def test_probe_with_a_refused_certificate(pair, left, ctl, there):
    """It is for another name."""
    left.reconfigure(peer(there, pair.right.address("S2S_TLS")[1], "address-tls"))
    found = assert_not_reached(ctl("probe", there), there, "its certificate is for other names")
    assert pair.right.network in texts(found, "certificate")[-2]
    assert texts(found, "certificate")[-1] == "refused: its certificate is for other names"
    assert not texts(found, "proof")


def test_probe_of_a_denied_domain(left, ctl, there):
    left.reconfigure({"s2s": {"deny": there}})
    found = assert_not_reached(ctl("probe", there), there,
                               "federation with this domain is not allowed here")
    assert {topic for topic, _ in found} == {"probe", "policy"}


def test_probe_of_ourselves(pair, ctl):
    assert_not_reached(ctl("probe", pair.left.network), pair.left.network, "the domain is here")


def test_probe_as_who_we_are_not(pair, ctl):
    assert_not_reached(ctl("probe", pair.right.network, "other.test"), pair.right.network,
                       "this domain does not federate")


def test_probe_of_what_is_no_domain(ctl):
    done = ctl("probe", "a@b")
    assert done.returncode == 1 and "no domain" in done.stderr


def test_probe_by_dialback(strangers, ctl):
    ours, theirs = strangers.left.network, strangers.right.network
    strangers.point_at_each_other()
    found = assert_reached(ctl("probe", theirs))
    assert "a valid certificate is not required" in texts(found, "policy")[0]
    assert texts(found, "certificate")[-1].startswith("no proof, but none is required: ")
    assert texts(found, "proof")[-3:] == [
        f"dialback: a key for {ours} is sent",
        f"dialback: {ADDRESS} asks whether the key is ours: it is",
        f"the server takes us for {ours}, by dialback"]


def test_probe_while_the_daemon_is_away(pair, ctl):
    s2s = pair.left.daemon("s2s")
    s2s.stop()
    try:
        for words in (("probe", pair.right.network), ("show",)):
            done = ctl(*words)
            assert done.returncode == 1
            assert done.stderr == "kontalkctl: kontalk-s2s is not running\n"
    finally:
        s2s.start()


def test_probe_while_the_daemon_stops(left, listener, there):
    left.reconfigure(peer(there, listener.getsockname()[1]))
    with subprocess.Popen([left.place.program("kontalkctl"), "-c", left.place.configuration,
                           "s2s", "probe", there],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        connection, _ = listener.accept()
        with connection:
            left.daemon("s2s").restart()
        _, problem = process.communicate(timeout=SECONDS)
    assert process.returncode == 1 and problem


# --- show ---

def test_show_of_what_is_ready(pair, ctl, login):
    pair.point_at_each_other()
    for node in (pair.left, pair.right):
        node.daemon("s2s").restart()
    alice, bob = login(where=pair.left), login(where=pair.right)
    alice.send_message(bob.full, "to right")
    bob.wait_message("to right")
    bob.send_message(alice.full, "to left")
    alice.wait_message("to left")
    for direction in ("out", "in"):
        row = wait_shown(ctl, direction=direction, state="ready", local=pair.left.network,
                         remote=pair.right.network, proof="EXTERNAL", tls="TLSv1.3",
                         address=ADDRESS, problem=None, waiting=0, unacknowledged=0)
        assert row["cipher"]


def test_show_as_a_table(ctl):
    done = ctl("show")
    assert done.returncode == 0
    head, *rows = done.stdout.splitlines()
    for name in ("OURS", "THEIRS", "STATE", "PROOF", "TLS", "CIPHER", "WAITING", "UNACKED",
                 "LAST PROBLEM"):
        assert name in head
    assert len(rows) == len(shown(ctl))


def test_show_of_an_option_that_is_not_there(ctl):
    done = ctl("show", "--yaml")
    assert done.returncode == 1 and "--yaml" in done.stderr


def send_to(node, login, there):
    login(where=node).send_message(f"nobody@{there}", "x", "headline")


def test_show_of_what_is_being_negotiated(left, ctl, login, listener, there):
    left.reconfigure(peer(there, listener.getsockname()[1]))
    send_to(left, login, there)
    wait_shown(ctl, direction="out", state="negotiating", remote=there, waiting=1, address=ADDRESS,
               tls=None, proof=None)


def test_show_of_what_waits(left, ctl, login, there):
    """For the end of a back-off."""
    left.reconfigure(peer(there, dead_port()))
    left.reconfigure({"s2s": {"retry-min": "10s", "retry-max": "10s"}})
    send_to(left, login, there)
    row = wait_shown(ctl, direction="out", state="waiting", remote=there, waiting=1,
                     problem="no server of the domain can be connected to")
    assert row["retry_seconds"] in range(1, 16)


def test_show_of_a_stranger(pair, left, ctl):
    """Who has connected and proven nothing."""
    with socket.create_connection(pair.left.address("S2S")):
        wait_shown(ctl, direction="in", state="unproven", remote=None, proof=None)
