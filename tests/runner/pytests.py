# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Groups of pytest files: tests/<group>/test_*.py, one pytest process a group. It tells each result
# as it comes (tests/harness/report.py), so that a hang costs no more than the test that hangs.

import glob
import json
import os
import tempfile

from tests.runner import process
from tests.runner.result import Result, failed

NOTHING_COLLECTED = 5


def exists(group):
    return bool(glob.glob(f"tests/{group}/**/test_*.py", recursive=True))


def command(group, name, long, mark, scratch):
    arguments = [os.environ.get("PYTHON", "/usr/bin/python3"), "-m", "pytest", "-q",
                 f"--basetemp={scratch}/tmp", f"tests/{group}"]
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


def run(group, name, seconds, long=False, label=None, mark=None, **environment):
    """Results under the group's name, or `label`; of the tests with that mark."""
    label = label or group
    with tempfile.TemporaryDirectory(prefix="kontalk-check-") as scratch:
        os.chmod(scratch, 0o711)
        report = f"{scratch}/report"
        open(report, "w").close()
        try:
            status, output = process.run(command(group, name, long, mark, scratch), seconds,
                                         TEST_REPORT=report, TEST_SCRATCH=scratch,
                                         **environment)
        finally:
            end_leftovers(scratch)
        results = list(read(label, report))
        if status is None:
            results.append(failed(label, running(report), f"no end in sight\n{output}"))
    yield from results
    if status not in (0, NOTHING_COLLECTED) and not any(r.outcome == "failed" for r in results):
        yield failed(label, "pytest", f"{process.describe(status)}\n{output}")


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
