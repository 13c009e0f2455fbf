# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Two nodes: who dials, so that there is one link, and how much may wait for the other.

import pytest

from tests.harness import wait
from tests.network import worker as workers
from tests.network.worker import address, condition_of, is_message, next_message, text

ROUNDS = 4
# Less than the router keeps for net, much more than net keeps for the peer.
COUNT, SIZE = 300, 10000
# What is signed of a document, and a signature with its heading.
BODY_MAX, SIGNATURE = 512 * 1024, 100


@pytest.fixture(scope="module")
def pair(make_network):
    """Both dial at once, little may wait, and stanzas are small."""
    return make_network(2, settings={"net": {"dial-after": "0s", "queue-size": "256k",
                                             "stanza-size": "32k"}})


def lines(network):
    return sum(way.count() for way in network.relays.values())


def test_both_dial_at_once(pair):
    """They agree on one link; no session is told that it was lost."""
    for _ in range(ROUNDS):
        for name in ("alpha", "beta"):
            pair[name].daemon("net").kill()
        for name in ("alpha", "beta"):
            pair[name].daemon("net").start()
        pair.wait_linked()
        assert_one_line(pair)


@pytest.fixture
def patient(pair):
    """Whose name comes second does not dial as long as a test takes."""
    for node in pair:
        node.reconfigure({"net": {"dial-after": "1h"}})
    yield pair
    for node in pair:
        node.reconfigure({"net": {"dial-after": "0s"}})


@pytest.mark.parametrize("order", [("alpha", "beta"), ("beta", "alpha")])
def test_the_first_name_dials(patient, order):
    """Whichever of them is there first, and after a reset too."""
    for name in order:
        patient[name].daemon("net").kill()
    wait.until(lambda: lines(patient) == 0, what="the end of all connections")
    other_way = patient.relays["beta", "alpha"]
    before = other_way.bytes()
    for name in order:
        patient[name].daemon("net").start()
    patient.wait_linked()
    assert_alpha_dialled(patient)
    patient.alpha.daemon("net").mark_log()
    patient.reset("alpha", "beta")
    patient.alpha.daemon("net").wait_log("event=net_link_up .*session=resumed")
    patient.wait_linked()
    assert_alpha_dialled(patient)
    assert other_way.bytes() == before


def assert_alpha_dialled(pair):
    assert pair.status("alpha")["beta.example.test"]["by"] == "dialling"
    assert pair.status("beta")["alpha.example.test"]["by"] == "accepting"


def test_both_dial_after_a_reset(pair):
    for _ in range(ROUNDS):
        pair.alpha.daemon("net").mark_log()
        pair.reset("alpha", "beta")
        pair.alpha.daemon("net").wait_log("event=net_link_up .*session=resumed")
        pair.wait_linked()
        assert_one_line(pair)


def test_the_largest_document(pair):
    """It is larger than any stanza may be, and than what may wait."""
    def fill(changed):
        changed.note = "#\n" * ((BODY_MAX - len(changed.text()) + SIGNATURE) // 2)
    pair.publish(fill)
    pair.wait_serial()
    assert len(pair.document.text()) > BODY_MAX
    pair.publish(lambda changed: setattr(changed, "note", ""))
    pair.wait_serial()


def assert_one_line(pair):
    """And both know which one that is."""
    def sides():
        return sorted(pair.status(one)[f"{other}.example.test"]["by"]
                      for one, other in (("alpha", "beta"), ("beta", "alpha")))

    wait.until(lambda: lines(pair) == 1 and sides() == ["accepting", "dialling"],
               what="one connection")
    pair.wait_linked()


def test_the_other_one_dials_if_the_first_cannot(pair):
    """Only beta's connections get through."""
    pair.relays["alpha", "beta"].cut()
    pair.beta.daemon("net").mark_log()
    pair.reset("alpha", "beta")
    pair.beta.daemon("net").wait_log("event=net_link_up .* by=dialling session=resumed")
    pair.heal()
    pair.wait_linked()


def test_what_is_too_much_comes_back(pair):
    """What the other one does not read waits within bounds, and what was taken arrives."""
    source, target = address(pair.alpha), address(pair.beta)
    with workers.worker(pair.alpha) as alpha, workers.worker(pair.beta) as beta:
        with pair.beta.daemon("net").paused():
            for number in range(COUNT):
                alpha.send(text(source, target, number, SIZE))
            refused = {}
            while COUNT - 1 not in refused:
                error = alpha.wait_for(is_message)
                refused[int(error.get("id"))] = condition_of(error)
            assert refused[min(refused)] == ("wait", "resource-constraint")
            state = pair.status("alpha")["beta.example.test"]
            assert int(state["bytes"]) < 256 * 1024 + 2 * SIZE
        for number in sorted(set(range(COUNT)) - set(refused)):
            assert next_message(beta).get("id") == str(number)
