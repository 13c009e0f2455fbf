# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Which groups there are, in order. A group without tests in the tree is absent.

import os
import re

from tests.runner import lint, process, pytests, units
from tests.runner.result import failed, passed

# Each with the seconds after which its pytest is killed.
PYTEST_GROUPS = {
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
LONG_FACTOR = 10
BENCHMARK_SECONDS = 3600
SANITIZER = "sanitizer"
SANITIZE = "address,undefined"


def build(summary, *targets):
    """Warnings are errors (WERROR in the Makefile). Tells nothing if all is well."""
    status, output = process.make(*targets)
    if status != 0:
        summary.add(failed("build", " ".join(targets), output))
    return status == 0


def sanitized_units():
    """The unit tests once more, with all that the sanitizers see."""
    status, output = process.make(f"SANITIZE={SANITIZE}", "units")
    if status != 0:
        yield failed(SANITIZER, "build", output)
        return
    plain = os.environ.get("BUILD", "build")
    directory = f"{plain}/obj-{SANITIZE.replace(',', '-')}/unit"
    yield from units.run(SANITIZER, directory, "")


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
    summary.run_group("units", lambda: units.run("units", directory, name))
    run_pytests(summary, options)
    if name in ("", SANITIZER) and not os.environ.get("SANITIZE"):
        summary.run_group(SANITIZER, sanitized_units)
    return None


def needs_build(name):
    return name in (*PYTEST_GROUPS, "units", SANITIZER) or units.sources(name)


def run_pytests(summary, options):
    for group, seconds in PYTEST_GROUPS.items():
        other = options.name in (*PYTEST_GROUPS, "units", SANITIZER) and options.name != group
        if other or not pytests.exists(group):
            continue
        limit = seconds * (LONG_FACTOR if options.all else 1)
        summary.run_group(group, lambda: pytests.run(group, options.name, limit, options.all))


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
