# SPDX-License-Identifier: AGPL-3.0-or-later
#
# That a node works: alice sends bob a message, each through a connection as any client has it.

import itertools
import secrets
import time

from tests.node import accounts, control, place
from tests.node.client import Client, Closed
from tests.node.ports import ADDRESS


LINK_SECONDS = 30


def login(node, name, service):
    jid = f"{name}@{node.place.network}"
    password = accounts.read(node.place.accounts)[jid]
    client = Client((ADDRESS, node.ports[service]), jid, password, node.authority.certificate,
                    direct_tls=service == "C2S_TLS")
    try:
        return client.login()
    except BaseException:
        client.close()
        raise


def send_message(node):
    """Alice comes by STARTTLS, bob by direct TLS."""
    body = f"proof {secrets.token_hex(8)}"
    clients = []
    try:
        bob = login(node, "bob", "C2S_TLS")
        clients.append(bob)
        bob.send_presence()
        alice = login(node, "alice", "C2S")
        clients.append(alice)
        alice.send_message(bob.bare, body)
        message = bob.wait_message(body)
        if message.get("from") != alice.full:
            raise place.Error(f"the message came from {message.get('from')}, not {alice.full}")
        for client in clients:
            client.logout()
    except (Closed, TimeoutError, OSError, ValueError, AssertionError) as problem:
        raise place.Error(f"alice could not send bob a message: {type(problem).__name__}: "
                          f"{problem}") from problem
    finally:
        for client in clients:
            client.close()


def reach_all(network):
    """Every node has a link to every other one."""
    deadline = time.monotonic() + LINK_SECONDS
    for one, other in itertools.permutations(network.nodes.values(), 2):
        while control.links(one).get(other.place.host, {}).get("state") != "up":
            if time.monotonic() > deadline:
                raise place.Error(f"{one.place.host} has no link to {other.place.host}")
            time.sleep(0.1)
