# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What can happen to a node of ours. A daemon that dies is started again, as its unit would be.

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from typing import Callable

from tests.harness import wait
from tests.node.postgres import DATABASE

PAUSE_SECONDS = (0.5, 3.0)
LONG_PAUSE_SECONDS = 30
DISK_SECONDS = (0.5, 2.0)


@dataclass
class Fault:
    name: str
    strike: Callable  # an async function of the campaign
    federation: bool = False  # only those who federate notice it
    everybody: bool = False  # it is over when all of these talk again, not the first of them


def backends(node):
    """The processes of PostgreSQL that serve the daemons of the node."""
    rows = node.postgres.query(
        DATABASE, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'kontalk%'")
    return [int(pid) for pid in rows.split()]


@contextlib.asynccontextmanager
async def stalled(node):
    """Inside the block nothing of the node can be committed."""
    pids = await in_thread(backends, node)
    signal_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(pids, signal.SIGCONT)


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def in_thread(function, *arguments):
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class Faults:
    """For one node; disk: of its database (tests/faults/disk.py); peer: the real server that it
    federates with (tests/peers), or None."""

    def __init__(self, node, disk, peer):
        self.node = node
        self.disk = disk
        self.peer = peer
        self.workers = [name.removeprefix("kontalk-") for name in node.daemons
                        if name.startswith("kontalk-c2s")]

    def all(self, long=False):
        """long: with those that take long."""
        return [*self._of_daemons(), *self._of_the_database(), *self._of_clients(),
                *(self._long() if long else [])]

    def _long(self):
        return [Fault(f"SIGSTOP {name} for 30 s", self._pausing(name, LONG_PAUSE_SECONDS))
                for name in self.workers]

    def _of_daemons(self):
        found = []
        for name in self._daemons():
            # Without its router c2s delivers to its own users by itself.
            federation = name not in self.workers
            found += [Fault(f"SIGKILL {name}", self._killing(name), federation),
                      Fault(f"SIGSTOP {name}", self._pausing(name), federation)]
        if self.peer:
            found.append(Fault("SIGSTOP of the real peer", self._pause_peer, True))
        return [*found, Fault("orderly restart of c2s", self._restart_c2s)]

    def _of_the_database(self):
        return [Fault("SIGKILL of a PostgreSQL backend", self._kill_backend),
                Fault("SIGKILL of PostgreSQL", self._kill_postgres),
                Fault("restart of PostgreSQL", self._restart_postgres),
                Fault("disk full", self._fill_disk),
                Fault("SIGSTOP of PostgreSQL, then SIGKILL c2s", self._stall_and_kill)]

    def _of_clients(self):
        return [Fault("connections cut", self._cut),
                Fault("half-open connections", self._vanish),
                Fault("clients that never acknowledge", self._hush),
                Fault("slow readers", self._slow),
                Fault("slow readers, then cut", self._slow_and_cut),
                Fault("slow readers, then SIGKILL c2s", self._slow_and_kill)]

    def _daemons(self):
        return [name for name in ("router", *self.workers, "s2s")
                if f"kontalk-{name}" in self.node.daemons]

    def _worker(self, campaign):
        """One of its c2s."""
        return self.workers[0] if len(self.workers) == 1 else campaign.random.choice(self.workers)

    def _killing(self, name):
        async def strike(_campaign):
            daemon = self.node.daemon(name)
            daemon.kill()
            await in_thread(daemon.start)
        return strike

    def _pausing(self, name, seconds=None):
        async def strike(campaign):
            with self.node.daemon(name).paused():
                await asyncio.sleep(seconds or campaign.random.uniform(*PAUSE_SECONDS))
            campaign.free()
        return strike

    async def _pause_peer(self, campaign):
        self.peer.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
        finally:
            self.peer.signal(signal.SIGCONT)
        campaign.free()

    async def _restart_c2s(self, campaign):
        await in_thread(self.node.daemon(self._worker(campaign)).restart)

    async def _kill_backend(self, campaign):
        """Its postmaster then ends all others and recovers."""
        if pids := await in_thread(backends, self.node):
            os.kill(campaign.random.choice(pids), signal.SIGKILL)
            await in_thread(self._wait_for_postgres)

    def _wait_for_postgres(self):
        def answers():
            try:
                return self.node.postgres.query("postgres", "SELECT 1") == "1"
            except Exception:  # not yet
                if not self.node.postgres.process.runs():
                    self.node.postgres.start()
                return False
        wait.until(answers, what="PostgreSQL to recover")

    async def _kill_postgres(self, _campaign):
        self.node.postgres.process.kill()
        await in_thread(self.node.postgres.start)

    async def _fill_disk(self, campaign):
        """What would make a file longer fails; without room for its log PostgreSQL ends."""
        self.disk.fill()
        try:
            if campaign.random.random() < 0.5:
                await in_thread(self._switch_log)
            await asyncio.sleep(campaign.random.uniform(*DISK_SECONDS))
        finally:
            self.disk.free()
        campaign.free()
        await in_thread(self._wait_for_postgres)

    def _switch_log(self):
        with contextlib.suppress(Exception):  # it may end by that
            self.node.postgres.query("postgres", "SELECT pg_switch_wal()")

    async def _restart_postgres(self, _campaign):
        await in_thread(self.node.postgres.stop)
        await in_thread(self.node.postgres.start)

    async def _stall_and_kill(self, campaign):
        """What was acknowledged while nothing could be committed is lost, if there is any."""
        async with stalled(self.node):
            await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
            worker = self.node.daemon(self._worker(campaign))
            worker.kill()
        campaign.free()
        await in_thread(worker.start)

    async def _cut(self, campaign):
        for actor in campaign.some(2):
            actor.cut()

    async def _slow(self, campaign):
        some = await self._read_nothing(campaign)
        for actor in some:
            actor.pause(False)
        campaign.free()

    async def _vanish(self, campaign):
        for actor in campaign.some(3):
            actor.vanish()

    async def _hush(self, campaign):
        """They read everything and say nothing about it; then one half is cut."""
        some = campaign.some(3)
        for actor in some:
            actor.hush(True)
        await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
        for number, actor in enumerate(some):
            actor.hush(False)
            if number % 2:
                actor.cut()
        campaign.free()

    @staticmethod
    async def _read_nothing(campaign):
        some = campaign.some(3)
        for actor in some:
            actor.pause(True)
        await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
        return some

    async def _slow_and_cut(self, campaign):
        """What they were sent meanwhile never arrives, acknowledgements too. They come back
        without their sessions."""
        for actor in await self._read_nothing(campaign):
            actor.cut(forget=True)
        campaign.free()

    async def _slow_and_kill(self, campaign):
        some = await self._read_nothing(campaign)
        worker = self.node.daemon(self._worker(campaign))
        worker.kill()
        for actor in some:
            actor.cut()
        await in_thread(worker.start)
