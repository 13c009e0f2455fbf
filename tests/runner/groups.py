# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Which groups there are, in order. A group without tests in the tree is absent.

import os
import re

from tests.runner import lint, process, pytests, units
from tests.runner.result import failed, passed

# Those that come first, in this order, and the seconds after which the pytest of a group is killed.
PYTEST_SECONDS = {
    "commands": 300,
    "router": 300,
    "plugins": 120,
    "conversations": 600,
    "attacks": 600,
    "clients": 600,
    "peers": 600,
    "faults": 600,
    "network": 600,
    "systemd": 300,
}
OTHER_SECONDS = 300
LONG_FACTOR = 10
WHOLE_FACTOR = 60
BENCHMARK_SECONDS = 3600
SANITIZER = "sanitizer"
SANITIZE = "address,undefined"
SANITIZED_GROUPS = ("attacks",)


def build(summary, *targets):
    """Warnings are errors (WERROR in the Makefile). Tells nothing if all is well."""
    status, output = process.make(*targets)
    if status != 0:
        summary.add(failed("build", " ".join(targets), output))
    return status == 0


def pytest_groups():
    """All folders of tests/ with a test_*.py."""
    found = {group for group in os.listdir("tests") if pytests.exists(group)}
    return [g for g in PYTEST_SECONDS if g in found] + sorted(found - set(PYTEST_SECONDS))


def sanitized(options):
    """The unit tests and the attacks once more, with all that the sanitizers see; with --all every
    group."""
    status, output = process.make(f"SANITIZE={SANITIZE}", "units", "programs", "tools")
    if status != 0:
        yield failed(SANITIZER, "build", output)
        return
    objects = f"{os.environ.get('BUILD', 'build')}/obj-{SANITIZE.replace(',', '-')}"
    yield from units.run(SANITIZER, f"{objects}/unit", "")
    for group in pytest_groups():
        if options.all or group in SANITIZED_GROUPS:
            seconds = LONG_FACTOR * PYTEST_SECONDS.get(group, OTHER_SECONDS)
            yield from pytests.run(group, "", seconds, label=SANITIZER, BIN=f"{objects}/bin",
                                   OBJ=objects)


def run(options, summary):
    if options.bench:
        return benchmarks(summary, options.name)
    name = options.name
    summary.run_group("lint", lambda: lint.run(name))
    if name == "lint" or (name and summary.results and not needs_build(name)):
        return None
    if not build(summary, "programs", "units", "tools"):
        return None
    directory = os.environ.get("OBJ", "build/obj") + "/unit"
    if name not in (*pytest_groups(), SANITIZER):
        summary.run_group("units", lambda: units.run("units", directory, name))
    run_pytests(summary, options)
    if name in ("", SANITIZER) and not os.environ.get("SANITIZE"):
        summary.run_group(SANITIZER, lambda: sanitized(options))
    return None


def needs_build(name):
    return name in (*pytest_groups(), "units", SANITIZER) or units.sources(name)


def run_pytests(summary, options):
    groups = pytest_groups()
    if options.name in (*groups, "units", SANITIZER):
        groups = [group for group in groups if group == options.name]
    for group in groups:
        seconds = PYTEST_SECONDS.get(group, OTHER_SECONDS)
        limit = seconds * factor(options)
        long = options.all or options.whole
        summary.run_group(group, lambda: pytests.run(group, options.name, limit, long))


def factor(options):
    if options.whole:
        os.environ["ATTACKS_DIVISOR"] = "1"
        return WHOLE_FACTOR
    return LONG_FACTOR if options.all else 1


def benchmarks(summary, name):
    """tests/bench/bench_*: programs that print their figures (docs/BENCHMARKS.md)."""
    scripts = sorted(f for f in os.listdir("tests/bench") if re.match(rf"bench_.*{name}", f))
    if not build(summary, "programs", "load"):
        return
    for script in scripts:
        status, output = process.run([f"tests/bench/{script}"], BENCHMARK_SECONDS)
        print(output, end="", flush=True)
        good = status == 0
        summary.add(passed("bench", script) if good else failed("bench", script, output))
