# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What can happen to a network of our nodes. A daemon that dies is started again.

import asyncio

from tests.faults.campaign.faults import PAUSE_SECONDS, Fault, in_thread, stalled

# Until after a link counts as down, and then some (tests/harness/network.py).
CUT_SECONDS = (0.5, 6.0)
# Long enough for much to be said that only a home that is to die has in its memory, and for it to
# look after its outbox (every second).
GATHER_SECONDS = (2.0, 4.0)


class NetworkFaults:
    """What can happen to a network. Which nodes it happens to is chosen each time."""

    def __init__(self, network):
        self.network = network

    def all(self, everybody):
        """What is worst comes first: a short campaign has not all of it. everybody: whether it is
        waited until all talk again."""
        strikes = {
            "SIGKILL c2s": self._killing("c2s"),
            "SIGKILL net": self._killing("net"),
            "SIGKILL router": self._killing("router"),
            "a link cut": self._healing(self._cut),
            "a link cut one way": self._healing(self._cut_one_way),
            "SIGKILL net and router of two nodes": self._kill_two,
            "a node cut off": self._healing(self._cut_off),
            "SIGSTOP net": self._pausing("net"),
            "SIGSTOP router": self._pausing("router"),
            "SIGSTOP c2s": self._pausing("c2s"),
            "a link reset": self._reset,
            "connections cut": self._cut_clients,
            "SIGSTOP of PostgreSQL, then SIGKILL c2s": self._stall_and_kill,
            "a node cut off, then SIGKILL of all of it": self._cut_off_and_kill,
        }
        return [Fault(name, strike, True, everybody) for name, strike in strikes.items()]

    def _some(self, campaign, count):
        """The names of so many nodes, in any order."""
        return campaign.random.sample(sorted(self.network.nodes), count)

    def _killing(self, name):
        async def strike(campaign):
            daemon = self.network[self._some(campaign, 1)[0]].daemon(name)
            daemon.kill()
            await in_thread(daemon.start)
        return strike

    def _pausing(self, name):
        async def strike(campaign):
            with self.network[self._some(campaign, 1)[0]].daemon(name).paused():
                await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
            campaign.free()
        return strike

    def _healing(self, harm):
        async def strike(campaign):
            harm(campaign)
            await asyncio.sleep(campaign.random.uniform(*CUT_SECONDS))
            self.network.heal()
            campaign.free()
        return strike

    def _cut(self, campaign):
        self.network.cut(*self._some(campaign, 2))

    def _cut_one_way(self, campaign):
        self.network.cut_one_way(*self._some(campaign, 2))

    def _cut_off(self, campaign):
        one, *others = self._some(campaign, len(self.network.nodes))
        self.network.split([one], others)

    async def _reset(self, campaign):
        self.network.reset(*self._some(campaign, 2))

    async def _kill_two(self, campaign):
        """What was on its way between them was nowhere else in memory."""
        names = self._some(campaign, 2)
        daemons = [self.network[one].daemon(part) for one, part in zip(names, ("net", "router"))]
        for daemon in daemons:
            daemon.kill()
        for daemon in daemons:
            await in_thread(daemon.start)

    async def _stall_and_kill(self, campaign):
        """A home that says so of what it has not committed loses what others have sent it."""
        node = self.network[self._some(campaign, 1)[0]]
        async with stalled(node):
            await asyncio.sleep(campaign.random.uniform(*GATHER_SECONDS))
            node.daemon("c2s").kill()
        campaign.free()
        await in_thread(node.daemon("c2s").start)

    async def _cut_off_and_kill(self, campaign):
        """What it has offered and nobody has taken is nowhere but in its outbox: what the links
        had taken goes with them."""
        one, *others = self._some(campaign, len(self.network.nodes))
        daemons = [self.network[one].daemon(name) for name in ("router", "net", "c2s")]
        self.network.split([one], others)
        await asyncio.sleep(campaign.random.uniform(*GATHER_SECONDS))
        for daemon in daemons:
            daemon.kill()
        for other in others:
            self.network.reset(one, other)
        self.network.heal()
        campaign.free()
        for daemon in daemons:
            await in_thread(daemon.start)

    @staticmethod
    async def _cut_clients(campaign):
        for actor in campaign.some(2):
            actor.cut()
