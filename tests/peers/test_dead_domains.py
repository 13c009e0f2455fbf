# SPDX-License-Identifier: AGPL-3.0-or-later
#
# However many domains cannot be reached, one that can does not wait for them.

import socket

import pytest

from tests.harness import wait
from tests.node.ports import ADDRESS

PLACES = 2


def write_to(client, domain):
    client.send(f"<message to='nobody@{domain}'><body>Is anybody there?</body></message>")


def count_shown(node, state):
    return node.control("ask", "s2s", "show").count(f" {state} by=")


@pytest.fixture
def patient(pair):
    """A node that waits as long as may be for those who do not answer."""
    before = pair.left.settings
    pair.left.reconfigure({"s2s": {"connecting": PLACES, "connect-timeout": "1h",
                                   "negotiation-timeout": "1h"}})
    yield pair.left
    pair.left.reconfigure({"s2s": {"connecting": None, "connect-timeout": None,
                                   "negotiation-timeout": None}})
    pair.left.reconfigure(before)
    pair.left.daemon("s2s").restart()


def test_silent_servers_keep_no_place(pair, patient, login):
    """Not even from a domain that was never reached before."""
    pair.point_at_each_other()
    patient.daemon("s2s").restart()
    alice, bob = login(where=patient), login(where=pair.right)
    with socket.create_server((ADDRESS, 0)) as silent:
        dead = [f"silent{n}.test" for n in range(2 * PLACES)]
        address = f"{ADDRESS}:{silent.getsockname()[1]}"
        patient.reconfigure({f'peer "{domain}"': {"address": address} for domain in dead})
        for domain in dead:
            write_to(alice, domain)
        alice.send_message(bob.full, "past them")
        bob.wait_message("past them")
        wait.until(lambda: count_shown(patient, "negotiating") == len(dead))


def test_known_domains_pass_others(pair, patient, login):
    """A domain that was reached lately has places that no other can take."""
    pair.point_at_each_other()
    patient.daemon("s2s").restart()
    alice, bob = login(where=patient), login(where=pair.right)
    alice.send_message(bob.full, "now it is known")
    bob.wait_message("now it is known")
    pair.right.daemon("s2s").restart()  # which ends the stream
    wait.until(lambda: count_shown(patient, "ready") == 0)
    with socket.create_server((ADDRESS, 0)) as silent:
        dead = [f"hush{n}.test" for n in range(2 * PLACES)]
        address = f"{ADDRESS}:{silent.getsockname()[1]}"
        patient.reconfigure({f'peer "{domain}"': {"address": address} for domain in dead})
        for domain in dead:
            write_to(alice, domain)
        alice.send_message(bob.full, "at once")
        bob.wait_message("at once")
