# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The pytest plugin of all groups: options and the time limit of each test.

import signal

import pytest

SECONDS = 120


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run tests marked long too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long; only with --long (make check-all)")
    config.addinivalue_line("markers", "seconds(n): may take n seconds instead of the usual limit")


def pytest_collection_modifyitems(config, items):
    """Long forms are left out, not skipped: a skip is for what cannot be tested here."""
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """No test runs for ever: fixtures included, it has its seconds."""
    marker = item.get_closest_marker("seconds")
    limit = marker.args[0] if marker else SECONDS

    def over(*_):
        raise TimeoutError(f"no end after {limit} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
