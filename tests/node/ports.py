# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Ports on the loopback interface, so that any number of nodes run side by side: the usual ones if
# they are free, else others, the same again at the next start if they still are.
#
# Between the choice and the daemon's listen(2) a port is reserved by a name in the abstract socket
# namespace (unix(7)): two nodes that start at the same moment do not take the same one, and the
# reservation ends with the process.

import json
import random
import socket

from tests.node import place

ADDRESS = "127.0.0.1"
# Name in node.env and the port it usually has.
SERVICES = {"C2S": 5222, "C2S_TLS": 5223, "S2S": 5269, "S2S_TLS": 5270, "COMPONENT": 5347,
            "HTTP": 5280, "HTTPS": 5281, "FILES": 5283}
# Of a node in a network.
NETWORK_SERVICES = {"NET": 5271}
# Below what the kernel gives to outgoing connections.
OTHERS = range(10000, 32768)
TRIES = 1000


class Reservation:
    def __init__(self):
        self._held = []

    def take(self, port):
        """Whether the port is free, and from now on ours."""
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0kontalk-port-{port}")
        except OSError:
            name.close()
            return False
        if not is_free(port):
            name.close()
            return False
        self._held.append(name)
        return True

    def release(self):
        for name in self._held:
            name.close()
        self._held = []


def is_free(port):
    with socket.socket() as probe:
        # Connections of an earlier run may linger in TIME_WAIT; listeners are still noticed.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
        return True


def choose(path, reservation, usual=True, in_network=False):
    """{service: port}, remembered in `path`. usual=False: never the well-known ones."""
    remembered = recall(path)
    chosen = {}
    services = {**SERVICES, **(NETWORK_SERVICES if in_network else {})}
    for service, well_known in services.items():
        wishes = [remembered.get(service), well_known if usual else None]
        chosen[service] = first_free(filter(None, wishes), reservation)
    place.write(path, json.dumps(chosen), 0o644)
    return chosen


def recall(path):
    try:
        return json.loads(place.read(path))
    except (FileNotFoundError, ValueError):
        return {}


def first_free(wishes, reservation):
    for port in wishes:
        if reservation.take(port):
            return port
    for _ in range(TRIES):
        port = random.choice(OTHERS)
        if reservation.take(port):
            return port
    raise place.Error("no free port found on the loopback interface")
