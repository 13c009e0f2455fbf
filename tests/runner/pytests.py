# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Groups of pytest files: tests/<group>/test_*.py, one pytest process a group. It tells each result
# as it comes (tests/harness/report.py), so that a hang costs no more than the test that hangs.

import contextlib
import glob
import json
import os
import re
import shutil
import tempfile

from tests.runner import process
from tests.runner.result import Result, failed

NOTHING_COLLECTED = 5
MEMORY = "/dev/shm"
MEMORY_BYTES = 8 << 30  # that have to be free there: far more than is ever used
MOST_AGAIN = 3  # of a group's failures are run a second time


def exists(group):
    return bool(glob.glob(f"tests/{group}/**/test_*.py", recursive=True))


def command(group, name, long, mark, only, scratch):
    arguments = [os.environ.get("PYTHON", "/usr/bin/python3"), "-m", "pytest", "-q",
                 f"--basetemp={scratch}/tmp", *(only or [f"tests/{group}"])]
    if name and name != group:
        arguments += ["-k", name]
    if long:
        arguments.append("--long")
    if mark:
        arguments += ["-m", mark]
    return arguments


def read(label, report):
    with open(report, encoding="utf-8") as file:
        for line in file:
            yield Result(label, **json.loads(line))


@contextlib.contextmanager
def directory(parent=None):
    """Where others may look into what is theirs."""
    with tempfile.TemporaryDirectory(prefix="kontalk-check-", dir=parent) as made:
        os.chmod(made, 0o711)
        yield made


@contextlib.contextmanager
def memory():
    """For clusters of PostgreSQL, of which each has a thousand files; "" where memory is short."""
    if not is_roomy(MEMORY):
        yield ""
        return
    with directory(MEMORY) as made:
        yield made


def is_roomy(place):
    """Both the file system and the machine that it takes it from."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            available = int(re.search(r"MemAvailable: *(\d+) kB", file.read())[1]) << 10
        return os.access(place, os.W_OK) and min(
            available, shutil.disk_usage(place).free) >= MEMORY_BYTES
    except (OSError, TypeError):
        return False


def run(group, name, seconds, long=False, label=None, mark=None, only=None, **environment):
    """Results under the group's name, or `label`; of the tests with that mark, or of those in the
    list `only`."""
    label = label or group
    with directory() as scratch, memory() as clusters:
        report = f"{scratch}/report"
        open(report, "w").close()
        try:
            status, output = process.run(command(group, name, long, mark, only, scratch),
                                         seconds, TEST_REPORT=report, TEST_SCRATCH=scratch,
                                         TEST_CLUSTERS=clusters, **environment)
        finally:
            end_leftovers(scratch)
        results = list(read(label, report))
        if status is None:
            results.append(failed(label, running(report), f"no end in sight\n{output}"))
    yield from results
    if status not in (0, NOTHING_COLLECTED) and not any(r.outcome == "failed" for r in results):
        yield failed(label, "pytest", f"{process.describe(status)}\n{output}")


def run_twice(group, name, seconds, long=False):
    """Like run(), but what fails is run once more, unless it is much: then it passes if it passes
    the second time, with what it said the first time as its detail."""
    results = list(run(group, name, seconds, long))
    bad = [r.name for r in results if r.outcome == "failed"]
    second = {}
    if 0 < len(bad) <= MOST_AGAIN and all("::" in test for test in bad):
        only = [f"tests/{test}" for test in bad]
        second = {r.name: r for r in run(group, "", seconds, long, only=only)}
    for result in results:
        if result.outcome == "failed" and result.name in second:
            result.outcome = second[result.name].outcome
        yield result


def running(report):
    try:
        with open(report + ".running", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return "pytest"


def end_leftovers(scratch):
    """The nodes of a pytest that was killed."""
    for run_directory in (*glob.glob(f"{scratch}/run-*/"), *glob.glob(f"{scratch}/tmp/*/run/")):
        process.run([os.environ.get("PYTHON", "/usr/bin/python3"), "-m", "tests.node", "stop"], 60,
                    even_if_stopped=True, RUN=run_directory)
