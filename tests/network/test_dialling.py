# SPDX-License-Identifier: AGPL-3.0-or-later
#
# One link for each pair, whoever dials.

import pytest

from tests.harness import wait

ROUNDS = 4


@pytest.fixture(scope="module")
def pair(make_network):
    """Both dial at once."""
    return make_network(2, settings={"net": {"dial-after": "0s"}})


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


def test_both_dial_after_a_reset(pair):
    for _ in range(ROUNDS):
        pair.alpha.daemon("net").mark_log()
        pair.reset("alpha", "beta")
        pair.alpha.daemon("net").wait_log("event=net_link_up .*session=resumed")
        pair.wait_linked()
        assert_one_line(pair)


def assert_one_line(pair):
    wait.until(lambda: lines(pair) == 1, what="one connection")
    sides = [pair.status(one)[f"{other}.example.test"]["by"]
             for one, other in (("alpha", "beta"), ("beta", "alpha"))]
    assert sorted(sides) == ["accepting", "dialling"]


def test_the_other_one_dials_if_the_first_cannot(pair):
    """Only beta's connections get through."""
    pair.relays["alpha", "beta"].cut()
    pair.beta.daemon("net").mark_log()
    pair.reset("alpha", "beta")
    pair.beta.daemon("net").wait_log("event=net_link_up .* by=dialling session=resumed")
    pair.heal()
    pair.wait_linked()
