# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a test came to, and the sums that are printed.

import sys
import threading
import time
from dataclasses import dataclass

DETAIL_LINES = 80


@dataclass
class Result:
    group: str
    name: str
    outcome: str  # passed, failed, skipped
    detail: str = ""  # why, for what failed (once: an unsteady one passed then) or was skipped


def passed(group, name):
    return Result(group, name, "passed")


def failed(group, name, detail):
    return Result(group, name, "failed", detail)


def skipped(group, name, reason):
    return Result(group, name, "skipped", reason or "without a reason")


class Summary:
    """Collects results and tells about each one that did not pass as soon as it is known. Groups
    side by side may share one."""

    def __init__(self):
        self.results = []
        self._lock = threading.Lock()

    def add(self, result):
        with self._lock:
            self._tell(result)

    def _tell(self, result):
        self.results.append(result)
        if result.outcome == "failed" or (result.outcome == "passed" and result.detail):
            word = "FAILED" if result.outcome == "failed" else "unsteady"
            print(f"{word} {result.group}: {result.name}")
            for line in result.detail.rstrip().splitlines()[-DETAIL_LINES:]:
                print(f"    {line}")
        elif result.outcome == "skipped":
            print(f"skipped {result.group}: {result.name}: {' '.join(result.detail.split())}")
        sys.stdout.flush()

    def count(self, outcome, group=None):
        return sum(r.outcome == outcome and group in (None, r.group) for r in self.results)

    def line(self, group=None):
        return ", ".join(f"{self.count(o, group)} {o}" for o in ("passed", "failed", "skipped"))

    def run_group(self, name, run):
        """run() yields the results of one group; the group's line has its time."""
        begin = time.monotonic()
        for result in run():
            self.add(result)
        if any(r.group == name for r in self.results):
            print(f"{name}: {self.line(name)} ({time.monotonic() - begin:.0f} s)", flush=True)

    def print_total(self):
        print(self.line(), flush=True)
