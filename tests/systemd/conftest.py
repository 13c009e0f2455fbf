# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The machines of this group. The short tests boot this Debian itself on an overlay.

import os

import pytest

from tests.systemd import machine as machines
from tests.systemd.server import Server, build


def booted(root, arguments=""):
    if os.environ.get("SANITIZE"):
        pytest.skip("the sandbox of the units is not for sanitizers")
    try:
        return machines.Machine(root, arguments)
    except machines.Unavailable as problem:
        pytest.skip(f"no container with systemd: {problem}")


@pytest.fixture(scope="session")
def package():
    return build(os.getcwd())


@pytest.fixture(scope="session")
def machine():
    machine = booted("/", machines.ONLY_BASIC)
    yield machine
    machine.end()


@pytest.fixture(scope="session")
def installed(machine, package, tmp_path_factory):
    server = Server(machine, str(tmp_path_factory.mktemp("authority")))
    server.install(package)
    server.states = {
        unit: (server.property(unit, "ActiveState"), server.property(unit, "UnitFileState"))
        for unit in ("kontalk-router", "kontalk-c2s@1", "kontalk-s2s", "kontalk-net",
                     "kontalk-files", "kontalk-muc")}
    return server


@pytest.fixture(scope="session")
def server(installed):
    """Installed, set up, running."""
    installed.set_up()
    installed.start()
    return installed
