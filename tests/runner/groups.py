# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Which groups there are, in order. A group without tests in the tree is absent.

import contextlib
import functools
import os
import re
import tempfile

from tests.runner import lanes, lint, process, pytests, units
from tests.runner.result import failed, passed

# Those that come first, in this order, and the seconds after which the pytest of a group is killed.
PYTEST_SECONDS = {
    "faults": 1800,
    "attacks": 1800,
    "network": 1800,
    "peers": 1200,
    "conversations": 1800,
    "commands": 1800,
    "router": 1200,
    "plugins": 600,
    "clients": 1200,
    "systemd": 1200,
}
OTHER_SECONDS = 600
LONG_FACTOR = 10
CAMPAIGN_FACTOR = 20
WHOLE_FACTOR = 60
BENCHMARK_SECONDS = 3600
SANITIZER = "sanitizer"
SANITIZE = "address,undefined"
WORKERS = "workers"
# What make check runs there; without sanitizers only the tests that have MEASURED.
SANITIZED_GROUPS = ("attacks",)
MEASURED = "memory"
# What fails in other groups is run once more (pytests.run_twice()): these have one try.
ONCE = ("faults", "attacks")
# So many groups run side by side: most of the time they wait.
LANES = 2


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
    """The unit tests once more, with all that the sanitizers see, and the attacks; with --all every
    group. They are compiled while other groups run, which have the processor first."""
    status, output = process.make(f"SANITIZE={SANITIZE}", "units", "programs", "tools", nice=19)
    if status != 0:
        yield failed(SANITIZER, "build", output)
        return
    objects = f"{os.environ.get('BUILD', 'build')}/obj-{SANITIZE.replace(',', '-')}"
    yield from units.run(SANITIZER, f"{objects}/unit", "")
    for group in pytest_groups():
        if options.all or group in SANITIZED_GROUPS:
            seconds = LONG_FACTOR * PYTEST_SECONDS.get(group, OTHER_SECONDS)
            yield from pytests.run(group, "", seconds, label=SANITIZER, BIN=f"{objects}/bin",
                                   OBJ=objects, SANITIZE=SANITIZE)


def run(options, summary):
    if options.bench:
        return benchmarks(summary, options.name)
    name = options.name
    summary.run_group("lint", lambda: lint.run(name))
    if name == "lint" or (name and summary.results and not needs_build(name)):
        return None
    if not build(summary, "programs", "units", "tools"):
        return None
    works = []
    if with_sanitizer(name):
        works.append(lambda: summary.run_group(SANITIZER, lambda: sanitized(options)))
    if name not in (*pytest_groups(), SANITIZER):
        directory = os.environ.get("OBJ", "build/obj") + "/unit"
        works.append(functools.partial(summary.run_group, "units",
                                       lambda: units.run("units", directory, name)))
    works += pytest_works(summary, options)
    if options.all and name == "":
        works.append(functools.partial(run_with_workers, summary))
    with figures_told(options):
        lanes.run(int(os.environ.get("LANES") or LANES), works)
    return None


@contextlib.contextmanager
def figures_told(options):
    """A campaign that passes tells what it came to, too."""
    if not options.campaign:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="kontalk-figures-") as directory:
        report = os.environ.setdefault("FAULTS_REPORT", f"{directory}/report")
        yield
        if os.path.exists(report):
            print(open(report, encoding="utf-8").read(), end="")


def with_sanitizer(name):
    return name in ("", SANITIZER) and not os.environ.get("SANITIZE")


def needs_build(name):
    return name in (*pytest_groups(), "units", SANITIZER) or units.sources(name)


def pytest_works(summary, options):
    """Functions that run a group each."""
    names = pytest_groups()
    if options.name in (*names, "units", SANITIZER):
        names = [name for name in names if name == options.name]
    return [functools.partial(run_pytest, summary, options, name) for name in names]


def run_with_workers(summary):
    """The conversations once more, on nodes with two workers."""
    limit = LONG_FACTOR * PYTEST_SECONDS["conversations"]
    summary.run_group(WORKERS, lambda: pytests.run("conversations", "", limit, label=WORKERS,
                                                   WORKERS="2"))


def run_pytest(summary, options, group):
    limit = PYTEST_SECONDS.get(group, OTHER_SECONDS) * factor(options)
    long = options.all or options.whole
    if group not in ONCE:
        summary.run_group(group, lambda: pytests.run_twice(group, options.name, limit, long))
        return
    elsewhere = with_sanitizer(options.name) and group in SANITIZED_GROUPS and not long
    summary.run_group(group, lambda: pytests.run(group, options.name, limit, long,
                                                 mark=MEASURED if elsewhere else None))


def factor(options):
    if options.whole:
        os.environ["ATTACKS_DIVISOR"] = "1"
        return WHOLE_FACTOR
    if options.campaign:
        return CAMPAIGN_FACTOR
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
