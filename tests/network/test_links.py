# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Links between nodes: they come up by themselves, one for each pair, and come back.

import json
import subprocess

import pytest

from tests.harness import wait


def test_every_pair_has_one_link(network):
    for one in network.nodes:
        states = network.status(one)
        others = [host for host in states if host != network[one].place.host]
        assert len(others) == len(network.nodes) - 1
        assert {states[host]["state"] for host in others} == {"up"}
    wait.until(lambda: sum(way.count() for way in network.relays.values()) == 3,
               what="the end of what there was before")


@pytest.mark.parametrize("end", ["alpha", "beta"])
def test_a_daemon_killed_comes_back(network, end):
    network[end].daemon("net").kill()
    other = "beta" if end == "alpha" else "alpha"
    network.wait_state(other, end, "down")
    network[end].daemon("net").start()
    network.wait_linked()


def test_cut_silently(network):
    network.cut("alpha", "beta")
    network.wait_state("alpha", "beta", "down")
    network.wait_state("beta", "alpha", "down")
    assert network.is_linked("alpha", "gamma") and network.is_linked("beta", "gamma")
    network.heal()
    network.wait_linked()


@pytest.mark.parametrize("source, sink", [("alpha", "beta"), ("beta", "alpha")])
def test_cut_one_way(network, source, sink):
    network.cut_one_way(source, sink)
    network.wait_state("alpha", "beta", "down")
    network.wait_state("beta", "alpha", "down")
    network.heal()
    network.wait_linked()


def test_check_tells_what_is_cut(network):
    """kontalkctl check network: the document, and the link to each other node."""
    def findings():
        program = network.alpha.place.program("kontalkctl")
        done = subprocess.run([program, "-c", network.alpha.place.configuration, "check", "--json",
                               "network"], capture_output=True, text=True, timeout=100, check=False)
        return done.returncode, {row["subject"]: row for row in json.loads(done.stdout)}

    status, found = findings()
    assert status == 0 and found[network.gamma.place.host]["cause"] == "the link is up"
    network.cut("alpha", "gamma")
    network.wait_state("alpha", "gamma", "down")
    status, found = findings()
    assert status == 2 and found[network.gamma.place.host]["severity"] == "error"
    assert found[network.beta.place.host]["severity"] == "ok"
    network.heal()
    network.wait_linked()


def test_reset_is_resumed(network):
    alpha = network.alpha.daemon("net")
    alpha.mark_log()
    network.reset("alpha", "beta")
    alpha.wait_log("event=net_link_up host=beta.* session=resumed")
    network.wait_linked()
