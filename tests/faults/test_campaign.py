# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A campaign of faults against two nodes that federate (docs/FAULTS.md). ROUNDS and SEED in the
# environment (make check-faults) choose another length and another course.

import asyncio
import os
import secrets

import pytest

from tests.faults.campaign import checker
from tests.faults.campaign.campaign import Campaign
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.faults import Faults
from tests.faults.campaign.ledger import Ledger
from tests.harness.plugin import running
from tests.node import configuration, place

SHORT_ROUNDS = 17
SECONDS_A_ROUND = 20
ROUNDS = int(os.environ.get("ROUNDS") or SHORT_ROUNDS)
SEED = os.environ.get("SEED") or secrets.token_hex(4)
# The crowd is one machine that comes back again and again; nothing else is lifted.
SETTINGS = {"c2s": {"rate-exempt": "127.0.0.0/8"}}
QUICK = {"retry-min": "100ms", "retry-max": "2s"}
NEIGHBOUR = "neighbour.test"


def point_at(here, there):
    host, port = there.address("S2S")
    here.reconfigure({f'peer "{there.network}"': {"address": f"{host}:{port}"},
                      "s2s": {**here.settings["s2s"], **QUICK}})


def settings_of(node):
    """DATABASE_OPTIONS: of the sessions of PostgreSQL, for tests/faults/test_mutants.py."""
    options = os.environ.get("DATABASE_OPTIONS")
    conninfo = f"{node.postgres.conninfo} options='{options}'"
    return {"database": {"conninfo": conninfo}} if options else {}


@pytest.fixture(scope="module")
def nodes():
    with running(settings=SETTINGS) as ours, \
            running(settings=SETTINGS, network=NEIGHBOUR, authority=ours.authority) as neighbour:
        if extra := settings_of(ours):
            ours.settings = configuration.merge(ours.settings, extra)
            ours.configure()
            ours.daemon("c2s").restart()
        point_at(ours, neighbour)
        point_at(neighbour, ours)
        yield ours, neighbour


def gather(ledger, ours, neighbour):
    crowd = Crowd(ledger)
    crowd.local_pairs(ours, 5)
    crowd.local_pairs(ours, 2, sm=False)
    crowd.devices(ours)
    crowd.both_ways(ours, neighbour)
    return crowd


@pytest.mark.seconds(300 + SECONDS_A_ROUND * ROUNDS)
def test_nothing_acknowledged_is_lost(nodes):
    ledger = Ledger()
    crowd = gather(ledger, *nodes)
    campaign = Campaign(ledger, crowd.actors, crowd.pairs, Faults(nodes[0]).all(), SEED)
    asyncio.run(campaign.run(ROUNDS))
    crowd.look()
    text = f"SEED={SEED}: {checker.summary(ledger)}"
    print(text)
    if path := os.environ.get("FAULTS_REPORT"):
        place.write(path, text + "\n", 0o644)
    assert len(ledger.promised) > ROUNDS, text
    assert not checker.violations(ledger), text
