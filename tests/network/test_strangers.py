# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Who gets no link: whoever is no member, is not the one he says, or says it otherwise.

import ssl

import pytest

from tests.harness import wait
from tests.network.rogue import Rogue, pair_of
from tests.node import control, document

ALPHA, BETA = "alpha.example.test", "beta.example.test"


@pytest.fixture
def stranger(tmp_path):
    """A key that nobody knows, with a certificate that says it is beta's."""
    return document.node_key(str(tmp_path / "stranger"), BETA)


def strangers(node):
    return int(control.ask(node, "net", "status")[0].rpartition("=")[2])


def assert_silent_end(alpha, pair, **options):
    """It ends, and has said nothing."""
    try:
        with Rogue(alpha, pair, **options) as rogue:
            rogue.begin(BETA)
            assert rogue.read_to_end() == ""
    except (ConnectionError, ssl.SSLError):
        pass


def test_a_stranger_is_told_nothing(network, stranger):
    before = strangers(network.alpha)
    assert_silent_end(network.alpha, stranger)
    assert strangers(network.alpha) == before + 1
    assert network.is_linked("alpha", "beta")


@pytest.mark.parametrize("options", [
    {"pair": None}, {"alpn": None}, {"alpn": "xmpp-server"},
    {"version": ssl.TLSVersion.TLSv1_2}], ids=["no key", "no alpn", "other alpn", "old tls"])
def test_tls_is_as_it_has_to_be(network, options):
    assert_silent_end(network.alpha, **{"pair": pair_of(network.beta), **options})


@pytest.mark.parametrize("host, to, condition", [
    ("gamma.example.test", ALPHA, "not-authorized"),
    ("evilbeta.example.test", ALPHA, "not-authorized"),
    ("beta.example.test.evil.test", ALPHA, "not-authorized"),
    ("BETA.example.test", ALPHA, "not-authorized"),
    ("", ALPHA, "not-authorized"),
    (ALPHA, ALPHA, "not-authorized"),
    (BETA, "example.test", "host-unknown"),
    (BETA, "gamma.example.test", "host-unknown"),
    (BETA, "evilalpha.example.test", "host-unknown"),
])
def test_a_member_is_nobody_else(network, host, to, condition):
    """With beta's key."""
    with Rogue(network.alpha, pair_of(network.beta)) as rogue:
        rogue.begin(host, to)
        assert f"<{condition} " in rogue.read_to_end()
    assert network.is_linked("alpha", "beta")


@pytest.mark.parametrize("said, condition", [
    ("<message from='beta.example.test' to='alpha.example.test'/>", "not-authorized"),
    ("<r xmlns='urn:xmpp:sm:3'/>", "not-authorized"),
    ("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", "policy-violation"),
    ("<enabled xmlns='urn:xmpp:sm:3' id='00'/>", "policy-violation"),
    ("<resumed xmlns='urn:xmpp:sm:3' h='0' previd='00'/>", "policy-violation"),
    ("<protocols xmlns='urn:kontalk:link:1'><protocol name='durable' version='1'/></protocols>",
     "unsupported-version"),
])
def test_nothing_before_its_time(network, said, condition):
    with Rogue(network.alpha, pair_of(network.beta)) as rogue:
        rogue.begin(BETA)
        rogue.read("</stream:features>")
        rogue.send(said)
        assert f"<{condition} " in rogue.read_to_end()


def test_a_newer_release(network):
    """Versions and protocols that are not known here are no reason to refuse it: what both speak is
    spoken."""
    newer = "".join(f"<protocol name='{name}' version='{version}'/>"
                    for name, version in (("net", 7), ("durable", 2), ("session", 0), ("later", 1)))
    network.beta.daemon("net").stop()
    wait.until(lambda: not network.is_linked("alpha", "beta"))
    with Rogue(network.alpha, pair_of(network.beta)) as rogue:
        rogue.begin(BETA)
        rogue.read("</stream:features>")
        rogue.send(f"<protocols xmlns='urn:kontalk:link:1' serial='1'>{newer}</protocols>"
                   "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        rogue.read("<enabled ")
        assert network.status("alpha")[BETA]["versions"] == "net/1,durable/1"
    network.beta.daemon("net").start()


def test_a_second_link_is_refused(network):
    """The older one stays, as its heartbeat is answered."""
    with Rogue(network.alpha, pair_of(network.beta)) as rogue:
        rogue.begin(BETA)
        rogue.read("</stream:features>")
        rogue.send("<protocols xmlns='urn:kontalk:link:1'><protocol name='net' version='1'/>"
                   "<protocol name='durable' version='1'/></protocols>"
                   "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        assert "<conflict " in rogue.read_to_end()
    assert network.is_linked("alpha", "beta") and network.is_linked("beta", "alpha")


def test_a_suspended_member_is_cut_off(network):
    def suspend(changed):
        changed.members[BETA]["state"] = "suspended"

    with network.changed(suspend):
        network.alpha.daemon("net").wait_log(f"event=net_peer_removed host={BETA}")
        assert BETA not in network.status("alpha")
        assert_silent_end(network.alpha, pair_of(network.beta))
    network.wait_linked()


def test_a_key_is_renewed(network, tmp_path):
    """The next pin first, then the key; the old one is worth nothing in the end."""
    certificate, key = document.node_key(str(tmp_path / "next"), BETA)

    def announce(changed):
        changed.members[BETA]["next-pin"] = document.pin_of(certificate)

    def replace(changed):
        changed.members[BETA]["pin"] = changed.members[BETA].pop("next-pin")

    before = network.beta.settings
    with network.changed(announce):
        network.beta.reconfigure({"net": {"certificate": certificate, "key": key}})
        with network.changed(replace):
            network.reset("alpha", "beta")
            network.wait_linked()
            assert_silent_end(network.alpha, pair_of(network.beta))
        network.beta.settings = before
        network.beta.reconfigure({})
    network.wait_linked()
