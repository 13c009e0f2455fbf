# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Unit tests: each program in OBJ/unit runs cmocka groups and writes TAP, a line a test.

import os
import re

from tests.runner import process
from tests.runner.result import failed, passed, skipped

SECONDS = 300  # far more than the slowest takes with sanitizers
LINE = re.compile(r"^(?P<bad>not )?ok \d+ (?:- (?P<name>\S+)|# SKIP (?P<skip>\S+))")


def sources(name):
    """The names of the test programs that have to do with `name`; all without one."""
    files = sorted(f for f in os.listdir("tests/unit") if re.fullmatch(r"test_\w+\.c", f))
    if name and name != "units":
        files = [f for f in files if name in f or mentions(f"tests/unit/{f}", name)]
    return [f.removesuffix(".c") for f in files]


def mentions(path, name):
    with open(path, encoding="utf-8") as file:
        return re.search(rf"\b{re.escape(name)}\b", file.read()) is not None


def parse(group, program, output):
    """Results from TAP. Lines with "#" are about the result before them, others about the one
    behind: what a failing test said, and why (print_message()) one calls skip()."""
    results = []
    said = ""
    for line in output.splitlines():
        match = LINE.match(line)
        if not match:
            if line.startswith("#") and results and results[-1].outcome == "failed":
                results[-1].detail += line + "\n"
            else:
                said += line + "\n"
            continue
        name = f"{program}: {match['name'] or match['skip']}"
        if match["skip"]:
            results.append(skipped(group, name, said))
        elif match["bad"]:
            results.append(failed(group, name, said))
        else:
            results.append(passed(group, name))
        said = ""
    return results


def run_program(group, directory, program):
    status, output = process.run([f"{directory}/{program}"], SECONDS, CMOCKA_MESSAGE_OUTPUT="TAP")
    results = parse(group, program, output)
    if not results:
        results.append(failed(group, program, f"no results, {process.describe(status)}\n{output}"))
    elif status != 0 and not any(r.outcome == "failed" for r in results):
        results.append(failed(group, program, f"{process.describe(status)}\n{output}"))
    return results


def run(group, directory, name):
    for program in sources(name):
        yield from run_program(group, directory, program)
