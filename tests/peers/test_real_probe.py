# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl s2s probe of real servers, which a signed DNS leads to.

import subprocess

import pytest

from tests.peers.names import OURS, WAYS, special

SECONDS = 200


@pytest.fixture
def probe(world):
    def call(domain, ours=OURS):
        node = world.node
        command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "s2s",
                   "probe", domain, ours]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS,
                              check=False)
    return call


@pytest.mark.parametrize("peer", ["prosody", "ejabberd"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.label)
def test_healthy(request, probe, peer, way):
    request.getfixturevalue(peer)
    ours, theirs = way.at("kontalk"), way.at(peer)
    done = probe(theirs, ours)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"the server takes us for {ours}, by {way.proof}" in done.stdout
    assert "1 record, proven by DNSSEC" in done.stdout
    assert done.stdout.endswith(" answered\n")


def test_dane(prosody, probe):
    domain = special("dane")
    done = probe(domain)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"TLSA _5269._tcp.{domain}: 1 record, proven by DNSSEC" in done.stdout
    assert "accepted by DANE" in done.stdout


@pytest.mark.parametrize("name, step, why", [
    ("wrongdane", "certificate refused: ", "TLSA"),
    ("expired", "certificate refused: its certificate has expired", "has expired"),
    ("othername", "certificate refused: ", "other names"),
    ("selfsigned", "certificate refused: ", "not trusted"),
    ("closed", "(there is no such service)", "the domain has no XMPP service"),
    ("away", "Connection refused", "no server of the domain can be connected to"),
])
def test_trouble(prosody, probe, name, step, why):
    done = probe(special(name))
    assert done.returncode == 1, done.stdout
    assert step in done.stdout
    assert done.stderr.startswith(f"kontalkctl: {special(name)} was not reached: ")
    assert why in done.stderr


def test_forged(world, probe):
    done = probe("bogus.example")
    assert done.returncode == 1
    assert "SRV _xmpp-server._tcp.bogus.example: forged, as DNSSEC says" in done.stdout
    assert "DNSSEC says that the answer is forged" in done.stderr
