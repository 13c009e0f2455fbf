# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The pytest plugin of all groups: options, the time limit of each test, and the fixtures.

import contextlib
import signal
import subprocess

import pytest

from tests.harness import network as networks
from tests.harness.node import SOURCES, TestNode
from tests.harness.stream import RawStream

SECONDS = 240


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run tests marked long too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long; only with --long (make check-all)")
    config.addinivalue_line("markers", "seconds(n): may take n seconds instead of the usual limit")
    config.addinivalue_line("markers", "memory: what it measures is measured without sanitizers")


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


@contextlib.contextmanager
def running(**options):
    node = TestNode(**options)
    problems = []
    try:
        with node.locked():
            node.start()
        yield node
        problems = node.problems()
    finally:
        problems += node.end()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def session_node():
    with running() as node:
        yield node


@pytest.fixture
def node(session_node):
    """The node that all tests of the group share. A daemon that a test stopped is started again
    behind it; one that ended by itself fails the test."""
    yield session_node
    problems = session_node.problems()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def make_node():
    """make_node(settings={"c2s": {"idle-timeout": "1s"}}): a node of another configuration, until
    the end of the file."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(running(**options))


@pytest.fixture(scope="session")
def session_network():
    with networks.running() as network:
        yield network


@pytest.fixture
def network(session_network):
    """Three nodes, alpha, beta and gamma, that all tests of the group share: network.alpha is a
    node. Behind each test what was stopped is started, what was cut is healed."""
    yield session_network
    problems = session_network.restore()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def make_network():
    """make_network(5, settings=…): a further network, until the end of the file."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(
            networks.running(*arguments, **options))


@pytest.fixture
def account(node):
    """account("romeo"): a new account; without a name it gets one that was never used."""
    return node.add_account


@pytest.fixture
def ctl(node):
    """ctl("user", "list"): what it came to, with what it said."""
    def call(*words, password="", configuration=node.place.configuration):
        command = [node.place.program("kontalkctl"), "-c", configuration, *words]
        return subprocess.run(command, input=password, capture_output=True, text=True, timeout=60,
                              check=False)
    return call


@pytest.fixture
def raw(node):
    """raw(service="C2S_TLS"): a connection that has said nothing yet, from an address of its own.
    raw(owner) has what it takes to log in."""
    with contextlib.ExitStack() as stack:
        def connect(owner=None, where=node, **options):
            options.setdefault("source", next(SOURCES))
            stream = RawStream(where, owner, **options)
            stack.callback(stream.close)
            return stream
        yield connect


@pytest.fixture
def login(raw, node):
    """login(): a bound client of a new account; login(owner, resource="phone") of that one."""
    def connect(owner=None, where=node, **options):
        return raw(owner or where.add_account(), where, **options).login()
    return connect


@pytest.fixture
def source():
    """source(): a source address in 127.0.0.0/8 that no connection has had."""
    return lambda: next(SOURCES)
