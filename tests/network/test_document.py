# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The network document over the links: put into place at one node it is in force at all, in every
# daemon, without a restart, and only the links that it concerns open and close.

import base64

import pytest

from tests.harness import wait
from tests.network.rogue import Rogue, pair_of, patient
from tests.node import document, place

GAMMA = "gamma.example.test"
DAEMONS = ("net", "c2s", "s2s")


def keyholder_file(network):
    return f"{network.place.secrets}/keyholder"


def mark(network):
    for one in network:
        for name in DAEMONS:
            one.daemon(name).mark_log()


def hand_over(network, name):
    """By other ways than the links."""
    place.write(network[name].place.document, network.document.text(), 0o644)


def undisturbed(network, one, other):
    """The link of these two has not been touched since mark()."""
    host = network[other].place.host
    return f"event=net_line_ended host={host}" not in network[one].daemon("net").log() \
        and network.is_linked(one, other)


@pytest.mark.parametrize("name", ["alpha", "gamma"])
def test_from_one_to_all(network, name):
    mark(network)
    serial = network.publish(name=name)
    network.wait_serial()
    for one in network:
        for daemon in DAEMONS:
            one.daemon(daemon).wait_log(f"event=document_in_force serial={serial} members=3")
        assert place.read(one.place.document) == network.document.text()
    for one, other in (("alpha", "beta"), ("alpha", "gamma"), ("beta", "gamma")):
        assert undisturbed(network, one, other)


def test_a_node_that_was_away(network):
    network.gamma.daemon("net").kill()
    for _ in range(3):
        network.publish(name="beta")
    network.wait_serial("alpha", "beta")
    network.gamma.daemon("net").start()
    network.wait_serial()


def test_on_both_sides_of_a_split(network):
    before = network.document.serial
    network.split(["alpha"], ["beta", "gamma"])
    network.publish(name="beta")
    network.wait_serial("beta", "gamma")
    assert network.serial("alpha") == before
    network.heal()
    network.wait_serial()


def test_keyholders_that_changed_meanwhile(network):
    """The newest is signed by somebody whom who was away does not know."""
    ada = network.document.keyholders
    bea = {"bea": document.signing_key(f"{network.place.secrets}/bea")}
    network.gamma.daemon("net").kill()

    def change(to):
        def edit(changed):
            changed.signers = {**changed.keyholders, **to}
            changed.keyholders = to
        return edit
    network.publish(change(bea))
    network.wait_serial("alpha", "beta")
    network.publish()
    network.wait_serial("alpha", "beta")
    network.gamma.daemon("net").mark_log()
    network.gamma.daemon("net").start()
    network.wait_serial()
    log = network.gamma.daemon("net").log()
    assert "event=document_not_taken" in log and log.count("event=document_taken") == 2
    network.publish(change(ada))
    network.wait_serial()


def test_what_is_not_signed(network):
    """Nobody takes it, and nobody hears of it."""
    good = network.document
    mark(network)
    network.publish(lambda changed: changed.signers.clear())
    network.alpha.daemon("net").wait_log("event=document_refused .*0 of the keyholders")
    network.document = good
    hand_over(network, "alpha")
    network.publish(name="beta")
    network.wait_serial()
    assert "event=document_not_taken" not in network.beta.daemon("net").log()


def test_a_member_goes_and_comes(network):
    """It hears of it itself; whoever is left is not disturbed."""
    gone = network.document.members[GAMMA]
    home = network.document.homes["gamma"]
    mark(network)

    def remove(changed):
        del changed.members[GAMMA], changed.homes["gamma"]
    network.publish(remove)
    for name in ("alpha", "beta"):
        network[name].daemon("net").wait_log(f"event=net_peer_removed host={GAMMA}")
        assert GAMMA not in network.status(name)
    network.gamma.daemon("net").wait_log("event=document_without_us")
    network.gamma.daemon("c2s").wait_log("event=document_without_us")
    assert undisturbed(network, "alpha", "beta")

    def add(changed):
        changed.members[GAMMA], changed.homes["gamma"] = gone, home
    network.publish(add, name="beta")
    hand_over(network, "gamma")
    network.wait_linked()
    network.wait_serial()
    assert undisturbed(network, "alpha", "beta")


def told(client):
    """The text of the stream error with which a client is sent away."""
    return client.read_to_end().elements[-1].findtext("{*}text")


def test_a_suspension(network, login):
    """By one keyholder, in force everywhere at once; the next document ends it. Who was connected
    there is told, and so is whose account is there."""
    here, visitor = login(where=network.gamma), network.beta.add_account()
    visitor = login(visitor, where=network.gamma)
    away = login(network.gamma.add_account(), where=network.beta)
    mark(network)
    network.beta.control("network", "suspend", GAMMA, keyholder_file(network), "1h")
    for name in ("alpha", "beta"):
        network[name].daemon("net").wait_log(f"event=net_peer_removed host={GAMMA}")
    for one in network:
        one.daemon("c2s").wait_log("event=document_in_force .* suspensions=1")
    for client in (here, visitor):
        assert "suspended from the network" in told(client)
    assert "cannot be reached" in told(away)
    assert undisturbed(network, "alpha", "beta")
    network.publish()
    network.wait_linked()
    network.wait_serial()
    assert undisturbed(network, "alpha", "beta")
    wait.until(lambda: logs_in(login, network.gamma), 60, "a login at gamma")


def logs_in(login, node):
    try:
        return login(where=node)
    except (OSError, AssertionError, place.Error):
        return None


def test_a_key_that_changes(network):
    """The next pin is named first, then the node takes the new key, then it is the pin."""
    gamma = network.gamma
    certificate, key = document.node_key(f"{gamma.place.tls}/next", GAMMA)
    new = document.pin_of(certificate)
    before = network.document.members[GAMMA]["pin"]
    old = gamma.settings

    def set_pins(pin, following):
        def edit(changed):
            changed.members[GAMMA].pop("next-pin", None)
            changed.members[GAMMA].update({"pin": pin, **following})
        return edit
    network.publish(set_pins(before, {"next-pin": new}))
    network.wait_serial()
    gamma.reconfigure({"net": {"certificate": certificate, "key": key}})
    gamma.daemon("net").restart()
    network.wait_linked()
    mark(network)
    network.publish(set_pins(new, {}))
    network.wait_serial()
    assert undisturbed(network, "alpha", "gamma")
    gamma.settings = old
    gamma.reconfigure({"net": {"certificate": None, "key": None}})
    network.publish(set_pins(before, {}))
    gamma.daemon("net").restart()
    hand_over(network, "gamma")
    network.wait_linked()
    network.wait_serial()


def test_changes_under_load(network, login):
    """Each message once and in order, whatever the document says meanwhile of somebody else."""
    alice, bob = login(where=network.alpha), login(where=network.beta)
    bob.send_presence()
    mark(network)
    for i in range(100):
        alice.send_message(bob.bare, f"message {i}")
        if i % 10 == 9:
            state = "draining" if i % 20 == 9 else "active"
            network.publish(lambda changed: changed.members[GAMMA].update(state=state),
                            name=("alpha", "beta", "gamma")[i % 3])
            network.wait_serial("beta")
    bodies = [bob.wait_for(lambda e: e.findtext("{*}body") is not None).findtext("{*}body")
              for _ in range(100)]
    assert bodies == [f"message {i}" for i in range(100)]
    network.wait_serial()
    assert undisturbed(network, "alpha", "beta") and undisturbed(network, "beta", "gamma")


def stranger(changed, network):
    changed.signers = {"ada": document.signing_key(f"{network.place.secrets}/eve")}


FORGED = (
    # name, what is done to the next document, why it is not taken
    ("by a stranger", lambda changed, network: stranger(changed, network), "0 of the keyholders"),
    ("by nobody", lambda changed, _: changed.signers.clear(), "0 of the keyholders"),
    ("by a keyholder of its own", lambda changed, network: (
        stranger(changed, network), setattr(changed, "keyholders", changed.signers)),
     "0 of the keyholders"),
    ("of another network", lambda changed, _: setattr(changed, "domain", "example.org"),
     "for another network"),
    ("without an epoch", lambda changed, _: changed.homes["alpha"].update(epoch=0), "out of range"),
    ("a moved home", lambda changed, _: changed.homes["alpha"].update(host="beta.example.test"),
     "without a higher epoch"),
)


def test_what_a_member_forges(network):
    """It has a link, and says it has a newer document; alpha asks, looks, and leaves it."""
    network.beta.daemon("net").stop()
    wait.until(lambda: not network.is_linked("alpha", "beta"))
    alpha, before = network.alpha.daemon("net"), network.serial("alpha")
    with patient(network.alpha), Rogue(network.alpha, pair_of(network.beta)) as rogue:
        rogue.link("beta.example.test")
        for name, edit, reason in FORGED:
            alpha.mark_log()
            changed = network.document.next()
            edit(changed, network)
            text = base64.b64encode(changed.text().encode()).decode()
            rogue.send(f"<document xmlns='urn:kontalk:document:1' serial='{changed.serial}'>"
                       f"{text}</document>")
            alpha.wait_log(f"event=document_not_taken host=beta.* reason=.*{reason}"), name
    assert network.serial("alpha") == before
    assert place.read(network.alpha.place.document) == network.document.text()
    network.beta.daemon("net").start()
