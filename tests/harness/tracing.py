# SPDX-License-Identifier: AGPL-3.0-or-later
#
# `kontalkctl trace` beside a test: it listens, the test does something, and the hops come.

import contextlib
import json
import re
import subprocess
import threading

from tests.harness import wait

SECONDS = 60


class Tracing:
    """hops: the objects so far; text: every byte of its output."""

    def __init__(self, node, *words):
        command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "trace",
                   *words]
        self.json = "--json" in words
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.lines, self.complaints = [], []
        self.threads = [threading.Thread(target=lines.extend, args=(file,)) for lines, file in
                        ((self.lines, self.process.stdout), (self.complaints, self.process.stderr))]
        for thread in self.threads:
            thread.start()

    @property
    def text(self):
        return "".join(self.lines)

    @property
    def hops(self):
        return [json.loads(line) for line in list(self.lines) if line.endswith("\n")]

    def wait_begun(self):
        wait.until(lambda: any("are watched" in line for line in list(self.complaints)), SECONDS,
                   "the watch at all daemons")
        return self

    def of(self, daemon=None, name=None):
        """The decisions of a daemon about the stanza with this id."""
        return [hop["decision"] for hop in self.hops
                if "decision" in hop and name in (None, hop.get("id"))
                and (daemon is None or hop["daemon"].partition("@")[0] == daemon)]

    def wait(self, daemon, pattern, name=None):
        """Until it has decided so."""
        return wait.until(
            lambda: any(re.search(pattern, decision) for decision in self.of(daemon, name)),
            SECONDS, f"{pattern!r} of {daemon}; there was\n{self.text}")

    def end(self):
        self.process.kill()
        self.close()

    def close(self):
        """Waits for its end."""
        status = self.process.wait(SECONDS)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return status


@contextlib.contextmanager
def tracing(node, jid, *words):
    trace = Tracing(node, jid, "--json", "--for", "10m", *words)
    try:
        yield trace.wait_begun()
    finally:
        trace.end()
