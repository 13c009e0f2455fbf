# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A pytest plugin: tells tests/run each result as it comes, a line of JSON in the file TEST_REPORT.

import json
import os


def outcome_of(report):
    """(outcome, detail), or None where a phase has nothing to tell."""
    if report.failed:
        return "failed", report.longreprtext
    if report.skipped:
        reason = getattr(report, "wasxfail", None)
        if reason is None:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        return "skipped", reason.removeprefix("Skipped: ")
    return ("passed", "") if report.when == "call" else None


def write(name, outcome, detail):
    path = os.environ.get("TEST_REPORT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "outcome": outcome, "detail": detail}) + "\n")


def pytest_runtest_logstart(nodeid, location):
    write_running(nodeid)


def pytest_runtest_logreport(report):
    told = outcome_of(report)
    if told:
        phase = "" if report.when == "call" or told[0] == "skipped" else f" ({report.when})"
        details = "\n".join(text for _, text in report.sections) if told[0] == "failed" else ""
        write(report.nodeid + phase, told[0], f"{told[1]}\n{details}".strip())


def pytest_collectreport(report):
    if report.failed:
        write(report.nodeid, "failed", report.longreprtext)


def write_running(nodeid):
    """What was running when pytest was killed is of interest to the one who killed it."""
    path = os.environ.get("TEST_REPORT")
    if path:
        with open(path + ".running", "w", encoding="utf-8") as file:
            file.write(nodeid)
