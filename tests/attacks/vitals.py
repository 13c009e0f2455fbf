# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What an attack may cost: no process, no session of others, one line in the log, some memory.

import contextlib
import functools
import os
import re

from tests.harness.plugin import running
from tests.harness.stream import RawStream
from tests.node import configuration
from tests.node.client import PING

KIB = 1024
MIB = 1024 * KIB
PAGE = os.sysconf("SC_PAGE_SIZE")
# Some time after a start, an hour later, or ten minutes behind a session that nobody came back to;
# nothing in a test provokes it.
BY_ITSELF = ("event=shared_released ", "event=session_expired ", "event=retention_done ")
# docs/LOGGING.md
VALUE = r'("(\\.|[^"\\])*"|[^ "]+)'
LINE = re.compile(rf"(error|warn|info|debug) event=[a-z0-9_]+( [a-z_]+={VALUE})*")


class Life:
    """A daemon since some moment: whether it is still the same process, what it wrote, what it
    took."""

    def __init__(self, daemon):
        self._daemon = daemon
        self._pid = daemon.pid
        self._started = self._start_time()
        # Quarantines and shadows of a sanitizer are no memory of the program.
        with open(f"/proc/{self._pid}/maps", encoding="utf-8") as file:
            self._measurable = "san.so" not in file.read()
        self.begin()

    def _stat(self):
        with open(f"/proc/{self._pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()

    def _start_time(self):
        state, *fields = self._stat()
        assert state not in "ZX", f"{self._daemon.name} has ended"
        return fields[18]

    def begin(self):
        self._log_begin = os.path.getsize(self._daemon.process.log)
        self._memory = self.memory()

    def memory(self):
        with open(f"/proc/{self._pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE

    def reset_peak(self):
        with open(f"/proc/{self._pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def peak(self):
        """The most memory it had since reset_peak(), beyond what it had at begin()."""
        with open(f"/proc/{self._pid}/status", encoding="ascii") as file:
            kib = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))
        return kib * KIB - self._memory if self._measurable else 0

    def growth(self):
        return self.memory() - self._memory if self._measurable else 0

    def lines(self):
        with open(self._daemon.process.log, encoding="utf-8") as file:
            file.seek(self._log_begin)
            return [line for line in file.read().splitlines()
                    if not line.startswith("debug ") and not any(e in line for e in BY_ITSELF)]

    def check_same_process(self):
        assert self._start_time() == self._started, f"{self._daemon.name} is another process"


class Scene:
    """A node under attack, with a session of somebody who must not notice."""

    def __init__(self, node, source):
        self.node = node
        account = node.add_account()
        self._canary = RawStream(node, account, source=source).login()
        self.lives = {name: Life(node.daemon(name)) for name in ("c2s", "router")}

    @functools.cached_property
    def mallory(self):
        """The account of the attacker."""
        return self.node.add_account("mallory")

    def begin(self):
        """What is still under way of connections that were closed is not of this case: a loop that
        has begun to end them is through with it some turns later."""
        for _ in range(3):
            self._canary.ask("get", f"<ping xmlns='{PING}'/>", to=f"nowhere.{self.node.network}")
        for life in self.lives.values():
            life.begin()

    def check(self, lines=1, growth=MIB):
        self._canary.settle()
        written = []
        for name, life in self.lives.items():
            life.check_same_process()
            written += life.lines()
            assert life.growth() <= growth, f"{name} has grown by {life.growth()} bytes"
        odd = [line for line in written if not LINE.fullmatch(line)]
        assert not odd, f"this was written by a library: {odd}"
        assert len(written) <= lines, "\n".join(written)

    @contextlib.contextmanager
    def survives(self, lines=1, growth=MIB):
        """What is done inside costs at most that."""
        self.begin()
        yield self
        self.check(lines, growth)

    def end(self):
        self._canary.close()


@contextlib.contextmanager
def scene_of(node, source):
    scene = Scene(node, source)
    try:
        yield scene
    finally:
        scene.end()


@contextlib.contextmanager
def other_scene(source, settings=None, **options):
    """A scene on a node of its own configuration."""
    settings = configuration.merge(exempt(source), settings)
    with running(settings=settings, **options) as node, scene_of(node, source) as scene:
        yield scene


def exempt(source):
    """The canary asks more often than people do."""
    return {"c2s": {"rate-exempt": source}}
