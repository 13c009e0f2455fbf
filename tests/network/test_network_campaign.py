# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A campaign of faults against a network of three nodes (docs/FAULTS.md), with talk between all of
# their homes. ROUNDS and SEED in the environment (make check-network) choose another length and
# another course.

import asyncio
import itertools
import os
import secrets

import pytest

from tests.faults.campaign import checker
from tests.faults.campaign.campaign import ROUND_SECONDS, Campaign
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.ledger import Ledger
from tests.faults.campaign.network import NetworkFaults
from tests.node import place

SHORT_ROUNDS = 8
SECONDS_A_ROUND = 20
ROUNDS = int(os.environ.get("ROUNDS") or SHORT_ROUNDS)
# Only then is it waited, and measured, how long it takes until all talk again.
LONG = ROUNDS > SHORT_ROUNDS
TALK_SECONDS = ROUND_SECONDS if LONG else (0.3, 1.0)  # before each fault
SEED = os.environ.get("SEED") or secrets.token_hex(4)
# The crowd is one machine that comes back again and again; nothing else is lifted.
SETTINGS = {"c2s": {"rate-exempt": "127.0.0.0/8"}}


def gather(ledger, network):
    """Both ways between each two homes, a recipient without XEP-0198 and one with two devices;
    and a pair whose clients are at the third node (docs/FRONTS.md)."""
    crowd = Crowd(ledger)
    for here, there in itertools.combinations(network, 2):
        crowd.both_ways(here, there)
    crowd.talk(crowd.actor(network.gamma), crowd.actor(network.alpha, sm=False).bare, True)
    phone = crowd.actor(network.beta, carbons=True)
    _, account = crowd.homes[phone.bare]
    crowd.actor(network.beta, account, device="laptop", carbons=True)
    crowd.talk(crowd.actor(network.alpha), phone.bare, True)
    crowd.exchange(crowd.actor(network.alpha, front=network.gamma),
                   crowd.actor(network.beta, front=network.gamma))
    crowd.local_pairs(network.gamma, 1)
    return crowd


@pytest.fixture(scope="module")
def scene(make_network):
    return make_network(3, settings=SETTINGS)


@pytest.mark.seconds(300 + SECONDS_A_ROUND * ROUNDS)
def test_campaign_across_nodes(scene):
    ledger = Ledger()
    crowd = gather(ledger, scene)
    faults = NetworkFaults(scene).all(LONG)
    asyncio.run(Campaign(ledger, crowd, faults, SEED, TALK_SECONDS, nodes=scene).run(ROUNDS))
    scene.wait_linked()
    crowd.look()
    text = f"SEED={SEED}: {checker.summary(ledger)}"
    print(text)
    if path := os.environ.get("FAULTS_REPORT"):
        place.write(path, text + "\n", 0o644)
    assert len(ledger.promised) > ROUNDS, text
    assert not checker.violations(ledger), text
