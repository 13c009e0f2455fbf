# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A daemon dies at exactly the places where something is half done (docs/FAULTS.md, "Fault points"),
# while clients talk that resume and say again what was not acknowledged.

import asyncio
import os
import secrets
import subprocess

import pytest

from tests.faults import points
from tests.faults.campaign import checker
from tests.faults.campaign.campaign import Campaign
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.ledger import Ledger
from tests.faults.points import POINTS, Point
from tests.faults.test_campaign import NEIGHBOUR, SETTINGS, point_at
from tests.node.node import NETWORK_DAEMONS

SEED = os.environ.get("SEED") or secrets.token_hex(4)
TALK_SECONDS = (0.1, 0.3)  # before each hit
HITS = 10
SHORT = [Point("c2s", name) for name in ("batch_sent", "commit_returned_before_ack",
                                         "ack_written", "delivered_before_cursor")]


def strike(crowd, faults, rounds):
    ledger = crowd.ledger
    campaign = Campaign(ledger, crowd, faults, SEED, round_seconds=TALK_SECONDS)
    asyncio.run(campaign.run(rounds))
    crowd.look()
    text = f"SEED={SEED}: {checker.summary(ledger)}"
    print(text)
    assert len(ledger.promised) > rounds, text
    assert not checker.violations(ledger), text


@pytest.mark.seconds(1200)
def test_once_each(make_node):
    node = make_node(settings=SETTINGS, where=points.place_with_points(), workers=1)
    crowd = Crowd(Ledger())
    crowd.local_pairs(node, 3)
    strike(crowd, [points.fault_at(node, point) for point in SHORT], len(SHORT))


@pytest.fixture(scope="module")
def neighbours(make_node):
    node = make_node(settings=SETTINGS, where=points.place_with_points(), workers=1)
    other = make_node(settings=SETTINGS, network=NEIGHBOUR, authority=node.authority)
    point_at(node, other)
    point_at(other, node)
    return node, other


@pytest.mark.long
@pytest.mark.seconds(900)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_many_times(neighbours, point):
    node, other = neighbours
    crowd = Crowd(Ledger())
    crowd.local_pairs(node, 2)
    crowd.local_pairs(node, 1, sm=False)
    crowd.both_ways(node, other)
    strike(crowd, [points.fault_at(node, point)], HITS)


def has_points(program):
    """Whether there is anything of them in it."""
    with open(program, "rb") as file:
        text = points.VARIABLE.encode() in file.read()
    names = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    return text, "fault_point_" in names


def test_usual_programs_have_none():
    usual = os.environ.get("BIN", "build")
    for name in NETWORK_DAEMONS:
        assert has_points(f"{usual}/{name}") == (False, False), name
        assert has_points(f"{points.programs()}/{name}") == (True, True), name
