# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Programs of others that a component of ours is run beside.

import contextlib
import os
import socket
import tempfile

import pytest

from tests.harness import program
from tests.node import place, ports
from tests.node.ports import ADDRESS
from tests.peers.foreign import PASSWORD

SECRET = "a secret"
PROSODY = """
run_as_root = true
pidfile = "{directory}/pid"
data_path = "{directory}/data"
interfaces = {{ "{address}" }}
c2s_ports = {{ {c2s} }}
component_ports = {{ {component} }}
component_interface = "{address}"
modules_enabled = {{ "saslauth"; "disco"; "ping" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_plain"
storage = "internal"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
log = {{ info = "*console" }}
VirtualHost "example.test"
Component "{domain}"
    component_secret = "{secret}"
"""


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="kontalk-files-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield path


@pytest.fixture
def run():
    """run(command, …): until the end of the test."""
    with contextlib.ExitStack() as stack:
        def begin(*command):
            home = stack.enter_context(program.home("/nonexistent"))
            return stack.enter_context(program.running(home, *command))
        yield begin


def free_port():
    reservation = ports.Reservation()
    try:
        return ports.first_free([], reservation)
    finally:
        reservation.release()


def accepts(port):
    with contextlib.suppress(ConnectionError):
        socket.create_connection((ADDRESS, port)).close()
        return True
    return False


def write_prosody(directory, domain, component):
    """A Prosody that has the account alice and takes `domain` as a component. Returns the port of
    its clients."""
    c2s = free_port()
    os.makedirs(f"{directory}/data/example%2etest/accounts")
    place.write(f"{directory}/data/example%2etest/accounts/alice.dat",
                f'return {{ ["password"] = "{PASSWORD}" }};\n')
    place.write(f"{directory}/prosody.cfg.lua", PROSODY.format(
        directory=directory, address=ADDRESS, c2s=c2s, component=component, secret=SECRET,
        domain=domain))
    return c2s
