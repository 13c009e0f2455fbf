# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Programs that want a terminal, driven inside a tmux of their own.

import contextlib
import os
import re
import signal
import subprocess

from tests.harness import wait
from tests.harness.program import limited

COLUMNS, ROWS = 200, 60


class Terminal:
    """Only characters that a person could type; no secrets into the command."""

    def __init__(self, where, *command):
        self._where = where
        self._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS),
                   *limited(), *command)

    def _tmux(self, *words):
        done = subprocess.run(["tmux", "-S", f"{self._where.path}/tmux", "-f", "/dev/null", *words],
                              env=self._where.environment, cwd=self._where.path,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=20, check=True)
        return done.stdout

    def type(self, line):
        self._tmux("send-keys", "-l", "--", line)
        self._tmux("send-keys", "Enter")

    def screen(self):
        return self._tmux("capture-pane", "-p")

    def wait_screen(self, pattern, seconds=wait.SECONDS):
        try:
            return wait.until(lambda: re.search(pattern, self.screen()), seconds)
        except TimeoutError as problem:
            raise TimeoutError(f"no {pattern!r} on the screen:\n{self.screen()}") from problem

    def end(self):
        """Some live on without a terminal, so that it would not do to end tmux."""
        with contextlib.suppress(subprocess.CalledProcessError):  # tmux ends with the last of them
            for leader in self._tmux("list-panes", "-F", "#{pane_pid}").split():
                with contextlib.suppress(ProcessLookupError):  # it was told to end before
                    os.kill(int(leader), signal.SIGTERM)
            wait.until(lambda: not self._tmux("list-panes"))


@contextlib.contextmanager
def running(where, *command):
    terminal = Terminal(where, *command)
    try:
        yield terminal
    finally:
        terminal.end()
