# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The node of the registrar is lost, with its key: another home takes the office over, and the old
# one that comes back after all gives names to nobody (docs/NETWORK.md).

import re

import pytest

from tests.harness import wait
from tests.network.test_directory import add, can_add, lookup, refused
from tests.network.test_releases import try_add
from tests.node import place

DAEMONS = ("c2s", "net", "s2s", "router")
# What cannot be said now is said up to half a minute later; what has changed without anybody being
# told is seen after a minute.
LOOKED = 150


@pytest.fixture(scope="module")
def three(make_network):
    return make_network(3)


def keyholder(network):
    return f"{network.place.secrets}/keyholder"


def next_document(network, *words):
    """The change that kontalkctl makes at gamma, signed there; its serial."""
    network.gamma.control("network", *words)
    network.gamma.control("network", "sign", keyholder(network))
    network.gamma.control("network", "reload")
    return int(re.search(r"^serial = (\d+)$", place.read(network.gamma.place.document), re.M)[1])


def installed(network, name, serial):
    """The node has it, and so have its other daemons, where no files can be watched either."""
    wait.until(lambda: network.serial(name) == serial, 60, f"serial {serial} at {name}")
    network[name].control("network", "reload")


@pytest.mark.seconds(900)
def test_the_registrar_is_lost(three):
    take_over(three)
    come_back(three)


def take_over(three):
    domain = three.place.network
    names = {name: f"of-{name}@{domain}" for name in three.nodes}
    for name, jid in names.items():
        add(three[name], jid)
    add(three.gamma, f"gone@{domain}")
    three.gamma.control("user", "del", f"gone@{domain}")
    wait.until(lambda: lookup(three.beta, f"gone@{domain}") is None, what="a deleted name")
    wait.until(lambda: lookup(three.beta, names["alpha"]), what="a name of alpha's")
    for one in DAEMONS:
        three.alpha.daemon(one).kill()
    three.wait_state("gamma", "alpha", "down")
    with pytest.raises(place.Error, match="try again later"):
        three.gamma.control("user", "add", f"new@{domain}", password="a password\n")
    with pytest.raises(place.Error, match="it is the registrar already"):
        three.gamma.control("network", "registrar", "alpha", "without-former")

    serial = next_document(three, "registrar", "beta", "without-former")
    installed(three, "beta", serial)
    c2s = three.beta.daemon("c2s")
    c2s.wait_log("event=registrar_taken_over from=alpha to=beta", LOOKED)
    c2s.wait_log("event=registrar_open home=beta", LOOKED)
    wait.until(lambda: try_add(three.gamma, f"new@{domain}"), LOOKED, "a name of beta's")
    wait.until(lambda: lookup(three.beta, f"new@{domain}"), what="what beta gave")
    for name in ("beta", "gamma"):
        for jid in (names["alpha"], f"gone@{domain}"):
            assert refused(three[name], jid)
    assert "registrar alpha is lost" in three.gamma.control("network", "show")


def come_back(three):
    """With its old document it still thinks that it gives names; it is linked with nobody."""
    domain = three.place.network
    for one in reversed(DAEMONS):
        three.alpha.daemon(one).start()
    wait.until(lambda: can_add(three.alpha, f"late@{domain}"), LOOKED, "a name that alpha gives")
    wait.until(lambda: can_add(three.alpha, f"both@{domain}"), LOOKED, "a name that alpha gives")
    wait.until(lambda: try_add(three.gamma, f"both@{domain}"), LOOKED, "the same of beta's")
    assert not three.is_linked("alpha", "beta")
    assert lookup(three.gamma, f"late@{domain}") is None
    # It is let in again: not before its data have the epoch of the document is its home served.
    c2s = three.alpha.daemon("c2s")
    c2s.mark_log()
    serial = next_document(three, "activate", three.alpha.place.host)
    for one in ("beta", "alpha"):
        installed(three, one, serial)
    c2s.wait_log("event=home_not_served home=alpha epoch=1", LOOKED)
    three.alpha.control("home", "raise", "2")
    c2s.wait_log("event=directory_recovered home=alpha epoch=2", LOOKED)
    # It hears of gamma's name from beta before it asks for its own to be renewed, or behind that.
    wait.until(lambda: f"event=directory_disowned jid=both@{domain}" in c2s.log()
               or lookup(three.alpha, f"both@{domain}") == ("gamma", three.gamma.place.host),
               LOOKED, "whose name it is")
    three.wait_linked(seconds=60)
    # What it gave meanwhile is claimed anew, and what somebody else has is his.
    for one in (three.beta, three.gamma):
        wait.until(lambda: lookup(one, f"late@{domain}") == ("alpha", three.alpha.place.host),
                   LOOKED, "what alpha gave to itself")
        assert lookup(one, f"of-alpha@{domain}") == ("alpha", three.alpha.place.host)
        assert lookup(one, f"both@{domain}") == ("gamma", three.gamma.place.host)
    wait.until(lambda: try_add(three.alpha, f"after@{domain}"), LOOKED, "a name for alpha")
