# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A campaign of faults against two nodes that federate (docs/FAULTS.md). ROUNDS and SEED in the
# environment (make check-faults) choose another length and another course.

import asyncio
import contextlib
import os
import secrets
from dataclasses import dataclass

import pytest

from tests.faults import writers
from tests.faults.campaign import checker
from tests.faults.campaign.campaign import Campaign
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.faults import Faults
from tests.faults.campaign.ledger import Ledger
from tests.faults.disk import Disk, disk
from tests.harness import namespace
from tests.harness.node import WORKERS, TestNode
from tests.harness.plugin import running
from tests.node import configuration, place
from tests.peers import names
from tests.peers.foreign import Foreign
from tests.peers.names import WAYS
from tests.peers.prosody import Prosody
from tests.peers.world import world

SHORT_ROUNDS = 19 + 2 * (WORKERS - 1)  # one for each kind
SECONDS_A_ROUND = 20
ROUNDS = int(os.environ.get("ROUNDS") or SHORT_ROUNDS)
LONG = ROUNDS > SHORT_ROUNDS
SEED = os.environ.get("SEED") or secrets.token_hex(4)
# The crowd is one machine that comes back again and again; nothing else is lifted.
SETTINGS = {"c2s": {"rate-exempt": "127.0.0.0/8"}}
QUICK = {"retry-min": "100ms", "retry-max": "2s"}
NEIGHBOUR = "neighbour.test"
# By dialback: with EXTERNAL Prosody 0.12 writes what it is given between <success/> and the new
# features before what has waited for the stream.
WAY = next(way for way in WAYS if way.proof == "dialback")


def point_at(here, there):
    # Prosody's world has an address of its own for the node.
    address = there.settings["s2s"].get("listen") or "{}:{}".format(*there.address("S2S"))
    here.reconfigure({f'peer "{there.network}"': {"address": address},
                      "s2s": {**here.settings["s2s"], **QUICK}})


def settings_of_sessions(node):
    """DATABASE_OPTIONS: of the sessions of PostgreSQL, for tests/faults/test_mutants.py."""
    options = os.environ.get("DATABASE_OPTIONS")
    conninfo = f"{node.postgres.conninfo} options='{options}'"
    return {"database": {"conninfo": conninfo}} if options else {}


@dataclass
class Scene:
    node: TestNode  # to which everything happens
    neighbour: TestNode
    disk: Disk  # of the node
    peer: Foreign  # None where there are no namespaces


@contextlib.contextmanager
def alone(options):
    with running(settings=SETTINGS, **options) as node, \
            running(settings=SETTINGS, network=NEIGHBOUR, authority=node.authority) as neighbour:
        yield node, neighbour, None


@contextlib.contextmanager
def beside_prosody(directory, options):
    with world(directory, settings=SETTINGS, **options) as there, \
            running(settings=SETTINGS, network=NEIGHBOUR, authority=there.authority,
                    inside={"s2s": there.namespace.enter}) as neighbour:
        yield there.node, neighbour, there.start(Prosody)


def setting(directory, options):
    try:
        with namespace.namespace(names.DNS):
            return beside_prosody(directory, options)
    except namespace.Unavailable:
        return alone(options)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with disk() as made, setting(str(tmp_path_factory.mktemp("world")),
                                 {"database_words": made.words}) as (node, neighbour, peer):
        if extra := settings_of_sessions(node):
            node.settings = configuration.merge(node.settings, extra)
            node.configure()
            node.daemon("c2s").restart()
        point_at(node, neighbour)
        point_at(neighbour, node)
        yield Scene(node, neighbour, made, peer)


def gather(ledger, scene):
    crowd = Crowd(ledger)
    crowd.local_pairs(scene.node, 5)
    crowd.local_pairs(scene.node, 2, sm=False)
    crowd.devices(scene.node)
    crowd.both_ways(scene.node, scene.neighbour)
    if scene.peer:
        crowd.with_peer(scene.node, scene.peer, WAY)
    return crowd


@pytest.mark.seconds(300 + SECONDS_A_ROUND * ROUNDS)
def test_nothing_acknowledged_is_lost(scene):
    ledger = Ledger()
    crowd = gather(ledger, scene)
    faults = Faults(scene.node, scene.disk, scene.peer).all(LONG)
    with writers.watched(scene.node):
        asyncio.run(Campaign(ledger, crowd, faults, SEED,
                             nodes=(scene.node, scene.neighbour)).run(ROUNDS))
        crowd.look()
        intruders = writers.intruders(scene.node)
    text = f"SEED={SEED}: {checker.summary(ledger)}"
    print(text)
    if path := os.environ.get("FAULTS_REPORT"):
        place.write(path, text + "\n", 0o644)
    assert len(ledger.promised) > ROUNDS, text
    assert not checker.violations(ledger), text
    assert not intruders, intruders
