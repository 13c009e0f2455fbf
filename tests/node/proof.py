# SPDX-License-Identifier: AGPL-3.0-or-later
#
# That a node works: alice sends bob a message, each through a connection as any client has it.

import contextlib
import itertools
import secrets

from tests.node import accounts, place
from tests.node.client import Client, Closed
from tests.node.ports import ADDRESS


def login(node, name, service, resource=None):
    jid = f"{name}@{node.place.network}"
    password = accounts.read(node.place.accounts)[jid]
    client = Client((ADDRESS, node.ports[service]), jid, password, node.authority.certificate,
                    direct_tls=service == "C2S_TLS", resource=resource)
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
    """Alice and bob are at every node at once, and from each of them she reaches him at each."""
    with contextlib.ExitStack() as stack:
        def everywhere(name):
            for host, node in network.nodes.items():
                client = login(node, name, "C2S", host)
                stack.callback(client.close)
                client.send_presence()
                yield host, client

        try:
            bobs, alices = dict(everywhere("bob")), dict(everywhere("alice"))
            for (source, alice), (target, bob) in itertools.product(alices.items(), bobs.items()):
                reach(alice, bob, f"from {source} to {target}")
        except (Closed, TimeoutError, OSError, ValueError, AssertionError) as problem:
            raise place.Error(f"alice could not reach bob everywhere: {type(problem).__name__}: "
                              f"{problem}") from problem


def reach(alice, bob, way):
    body = f"proof {way} {secrets.token_hex(8)}"
    alice.send_message(bob.full, body)
    message = bob.wait_message(body)
    if message.get("from") != alice.full:
        raise place.Error(f"{way}: the message came from {message.get('from')}, not {alice.full}")
