# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A campaign: a crowd talks, a round at a time something dies, and at the end everything comes to
# rest and is compared. All that is random comes from one seed.

import asyncio
import random
import time
from dataclasses import dataclass

from tests.faults.campaign.actor import Actor

TALK_SECONDS = (0.02, 0.15)  # between two messages of a pair
ROUND_SECONDS = (0.5, 2.0)  # of talk before the next fault
RECOVERY_SECONDS = 60
REST_SECONDS = 90
POLL_SECONDS = 0.05


@dataclass
class Pair:
    """One who talks and one who is talked to; both have all their devices in `crowd`."""

    name: str
    sender: Actor
    recipient: str
    federated: bool = False
    count: int = 0

    def say(self):
        self.sender.say(self.recipient, f"{self.name}:{self.count}")
        self.count += 1


class Campaign:
    """crowd: actors of ours, and foreigners, who suffer nothing; faults: [Fault]; round_seconds:
    how long they talk before each; nodes: whose daemons run behind every fault."""

    def __init__(self, ledger, crowd, faults, seed, round_seconds=ROUND_SECONDS, nodes=()):
        self.ledger = ledger
        self.crowd = crowd.actors
        self.everybody = crowd.actors + crowd.foreigners
        self.pairs = crowd.pairs
        self.faults = faults
        self.round_seconds = round_seconds
        self.nodes = nodes
        self.random = random.Random(seed)
        self._talking = []

    async def run(self, rounds):
        for actor in self.everybody:
            actor.start()
        try:
            if not await self._until(self._all_online, RECOVERY_SECONDS):
                raise AssertionError("the crowd does not get in")
            self._talking = [asyncio.create_task(self._talk(pair)) for pair in self.pairs]
            for number in range(rounds):
                await self._round(number)
            await self._rest()
        finally:
            for task in self._talking:
                task.cancel()
            for actor in self.everybody:
                await actor.stop()

    def some(self, divisor):
        """Some of the crowd, one in `divisor`."""
        return self.random.sample(self.crowd, max(1, len(self.crowd) // divisor))

    def _all_online(self):
        return all(actor.ready.is_set() for actor in self.everybody)

    async def _talk(self, pair):
        while True:
            pair.say()
            await asyncio.sleep(self.random.uniform(*TALK_SECONDS))

    async def _round(self, number):
        # Every kind of fault comes once before chance decides.
        fault = (self.faults[number] if number < len(self.faults)
                 else self.random.choice(self.faults))
        await asyncio.sleep(self.random.uniform(*self.round_seconds))
        begun = self.freed = time.monotonic()
        await fault.strike(self)
        self._look_at_nodes(fault)
        self.ledger.faults.append((begun, fault.name, await self._recovery(fault)))
        self._look_after()

    def free(self):
        """What a fault held back goes on: recovery begins here, and not with the fault."""
        self.freed = time.monotonic()

    async def _recovery(self, fault):
        """Seconds until something has been received that was said since then, by one of those who
        are concerned, or by each; None: never."""
        before = {pair.name: pair.count for pair in self.pairs
                  if pair.federated or not fault.federation}
        seen = len(self.ledger.deliveries)

        def first():
            """{pair: when it was}"""
            found = {}
            for delivery in self.ledger.deliveries[seen:]:
                pair, _, number = delivery.key.rpartition(":")
                if pair in before and int(number) >= before[pair]:
                    found.setdefault(pair, delivery.at)
            return found

        wanted = len(before) if fault.everybody else 1
        await self._until(lambda: len(first()) >= wanted, RECOVERY_SECONDS)
        times = sorted(first().values())
        return times[wanted - 1] - self.freed if len(times) >= wanted else None

    def _look_at_nodes(self, fault):
        """Who has ended by itself would be started by the next fault, and never be missed."""
        problems = [problem for node in self.nodes for problem in node.problems()]
        if problems:
            raise AssertionError(f"behind {fault.name}: " + "\n".join(problems))

    def _look_after(self):
        for actor in self.everybody:
            if actor.failed():
                raise actor.failed()

    async def _rest(self):
        """Nobody says anything new; what was said is acknowledged and received."""
        for task in self._talking:
            task.cancel()
        deadline = time.monotonic() + REST_SECONDS
        while time.monotonic() < deadline:
            self._look_after()
            if all(actor.idle for actor in self.everybody) and not self.ledger.missing():
                return
            for actor in self.everybody:
                actor.ask()
            await self._until(lambda: False, 0.5)

    @staticmethod
    async def _until(condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True
