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
    count: int = 0

    def say(self):
        self.sender.say(self.recipient, f"{self.name}:{self.count}")
        self.count += 1


class Campaign:
    """crowd: all actors; pairs; faults: [(name, async function of the campaign)]."""

    def __init__(self, ledger, crowd, pairs, faults, seed):
        self.ledger = ledger
        self.crowd = crowd
        self.pairs = pairs
        self.faults = faults
        self.random = random.Random(seed)
        self._talking = []

    async def run(self, rounds):
        for actor in self.crowd:
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
            for actor in self.crowd:
                await actor.stop()

    def some(self, divisor):
        """Some of the crowd, one in `divisor`."""
        return self.random.sample(self.crowd, max(1, len(self.crowd) // divisor))

    def _all_online(self):
        return all(actor.ready.is_set() for actor in self.crowd)

    async def _talk(self, pair):
        while True:
            pair.say()
            await asyncio.sleep(self.random.uniform(*TALK_SECONDS))

    async def _round(self, number):
        # Every kind of fault comes once before chance decides.
        what, strike = (self.faults[number] if number < len(self.faults)
                        else self.random.choice(self.faults))
        await asyncio.sleep(self.random.uniform(*ROUND_SECONDS))
        begun = time.monotonic()
        await strike(self)
        self.ledger.faults.append((begun, what, await self._recovery(begun)))
        self._look_after()

    async def _recovery(self, begun):
        """Seconds until something said after the fault had been received; None: never."""
        before = {pair.name: pair.count for pair in self.pairs}
        seen = len(self.ledger.deliveries)

        def talk_goes_on():
            return any(int(number) >= before.get(pair, 0) for pair, _, number in
                       (d.key.rpartition(":") for d in self.ledger.deliveries[seen:]))

        return time.monotonic() - begun if await self._until(talk_goes_on, RECOVERY_SECONDS) \
            else None

    def _look_after(self):
        for actor in self.crowd:
            if actor.failed():
                raise actor.failed()

    async def _rest(self):
        """Nobody says anything new; what was said is acknowledged and received."""
        for task in self._talking:
            task.cancel()
        deadline = time.monotonic() + REST_SECONDS
        while time.monotonic() < deadline:
            self._look_after()
            if all(actor.idle for actor in self.crowd) and not self.ledger.missing():
                return
            for actor in self.crowd:
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
