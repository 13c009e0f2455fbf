# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What can happen to a node of ours. A daemon that dies is started again, as its unit would be.

import asyncio
import contextlib
import os
import signal

from tests.harness import wait

PAUSE_SECONDS = (0.5, 3.0)


class Faults:
    """For one node; `names` chooses among them."""

    def __init__(self, node):
        self.node = node

    def all(self):
        return [*((f"SIGKILL {name}", self._killing(name)) for name in self._daemons()),
                *((f"SIGSTOP {name}", self._pausing(name)) for name in self._daemons()),
                ("orderly restart of c2s", self._restart_c2s),
                ("SIGKILL of a PostgreSQL backend", self._kill_backend),
                ("SIGKILL of PostgreSQL", self._kill_postgres),
                ("restart of PostgreSQL", self._restart_postgres),
                ("SIGSTOP of PostgreSQL, then SIGKILL c2s", self._stall_and_kill),
                ("connections cut", self._cut),
                ("slow readers", self._slow),
                ("slow readers, then cut", self._slow_and_cut),
                ("slow readers, then SIGKILL c2s", self._slow_and_kill)]

    def _daemons(self):
        return [name for name in ("router", "c2s", "s2s")
                if f"kontalk-{name}" in self.node.daemons]

    @staticmethod
    async def _in_thread(function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)

    def _killing(self, name):
        async def strike(_campaign):
            daemon = self.node.daemon(name)
            daemon.kill()
            await self._in_thread(daemon.start)
        return strike

    def _pausing(self, name):
        async def strike(campaign):
            with self.node.daemon(name).paused():
                await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
        return strike

    async def _restart_c2s(self, _campaign):
        await self._in_thread(self.node.daemon("c2s").restart)

    def _backends(self):
        rows = self.node.postgres.query(
            "postgres", "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'kontalk%'")
        return [int(pid) for pid in rows.split()]

    async def _kill_backend(self, campaign):
        """Its postmaster then ends all others and recovers."""
        backends = await self._in_thread(self._backends)
        if backends:
            os.kill(campaign.random.choice(backends), signal.SIGKILL)
            await self._in_thread(self._wait_for_postgres)

    def _wait_for_postgres(self):
        def answers():
            try:
                return self.node.postgres.query("postgres", "SELECT 1") == "1"
            except Exception:  # not yet
                return False
        wait.until(answers, what="PostgreSQL to recover")

    async def _kill_postgres(self, _campaign):
        self.node.postgres.process.kill()
        await self._in_thread(self.node.postgres.start)

    async def _restart_postgres(self, _campaign):
        await self._in_thread(self.node.postgres.stop)
        await self._in_thread(self.node.postgres.start)

    async def _stall_and_kill(self, campaign):
        """What was acknowledged while nothing could be committed is lost, if there is any."""
        backends = await self._in_thread(self._backends)
        self._signal(backends, signal.SIGSTOP)
        try:
            await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
            self.node.daemon("c2s").kill()
        finally:
            self._signal(backends, signal.SIGCONT)
        await self._in_thread(self.node.daemon("c2s").start)

    @staticmethod
    def _signal(pids, number):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _cut(self, campaign):
        for actor in campaign.some(2):
            actor.cut()

    async def _slow(self, campaign):
        some = await self._read_nothing(campaign)
        for actor in some:
            actor.pause(False)

    @staticmethod
    async def _read_nothing(campaign):
        some = campaign.some(3)
        for actor in some:
            actor.pause(True)
        await asyncio.sleep(campaign.random.uniform(*PAUSE_SECONDS))
        return some

    async def _slow_and_cut(self, campaign):
        """What they were sent meanwhile never arrives, acknowledgements too. Half of them come back
        without their sessions."""
        for number, actor in enumerate(await self._read_nothing(campaign)):
            actor.cut(forget=number % 2 == 0)

    async def _slow_and_kill(self, campaign):
        some = await self._read_nothing(campaign)
        self.node.daemon("c2s").kill()
        for actor in some:
            actor.cut()
        await self._in_thread(self.node.daemon("c2s").start)
