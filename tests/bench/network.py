# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A network of two nodes, alpha and beta, with databases that write to disk and accounts at both.

import contextlib
import os
import shutil
import tempfile

from tests.bench import accounts, kontalk, processes, servers
from tests.harness import relay
from tests.node import configuration, control, network, place
from tests.node.ports import ADDRESS

NODES = ("alpha", "beta")
# Nobody asks whether the other end is alive while bytes are counted.
SILENT = {"net": {"heartbeat": "1h"}}


class BenchNetwork(network.Network):
    """relays: the link goes through a relay that counts, and can cut it; wrap: as of Kontalk, for
    alpha, or for beta if `wrapped` says so."""

    def __init__(self, directory, relays=False, settings=None, wrap=None, wrapped="alpha"):
        super().__init__(f"{directory}/run", os.environ.get("BIN", "build"), len(NODES),
                         usual_ports=False,
                         settings=configuration.merge(kontalk.LIFTED, settings))
        self.relay = relay.Relay(lambda: (ADDRESS, self.nodes["beta"].ports["NET"])) \
            if relays else None
        for daemon, words in (wrap or {}).items():
            process = self.nodes[wrapped].daemons[daemon]
            process.command = [*words, *process.command]

    def address_of(self, name):
        """Alpha, whose name comes first, dials."""
        if self.relay and name == "beta":
            return f"{self.relay.address[0]}:{self.relay.address[1]}"
        return super().address_of(name)

    def fill(self, pairs):
        """The paths of two lists that Load reads: of so many pairs at alpha, and of others that
        have one at each node."""
        made = accounts.make(self.place.run, self.place.network, 4 * pairs)
        users = made.users()
        here, there = users[:3 * pairs], users[3 * pairs:]
        lines = {name: self._add(name, own, made.password)
                 for name, own in (("alpha", here), ("beta", there))}
        between = [line for pair in zip(lines["alpha"][2 * pairs:], lines["beta"])
                   for line in pair]
        return self._write("local", lines["alpha"][:2 * pairs]), self._write("between", between)

    def _add(self, name, users, password):
        """Accounts of these users at this node; returns their lines."""
        one = self.nodes[name]
        known = [f"{user}@{self.place.network}\t{password}" for user in users]
        path = self._write(f"of-{name}", [f"{line}\n" for line in known])
        one.control("user", "import", path, seconds=kontalk.IMPORT_SECONDS)
        return [f"{line}\t{self.client_address(name)}\n" for line in known]

    def _write(self, name, lines):
        path = f"{self.place.run}/accounts-{name}"
        place.write(path, "".join(lines))
        return path

    def client_address(self, name):
        return f"{ADDRESS}:{self.nodes[name].ports['C2S_TLS']}"

    # What Load and Meter ask of a server.

    @property
    def address(self):
        return self.client_address("alpha")

    @property
    def ca(self):
        return self.nodes["alpha"].authority.certificate

    def parts(self):
        return {f"{daemon} of {name}": process.pids() for name, one in self.nodes.items()
                for daemon, process in one.daemons.items()}

    def database(self):
        return [pid for top in self.cluster.process.pids()
                for pid in processes.with_children(top)]

    # Links.

    def state(self):
        """Of the link to beta, as alpha sees it."""
        links = control.links(self.nodes["alpha"])
        return links.get(self.nodes["beta"].place.host, {}).get("state")


@contextlib.contextmanager
def running(**options):
    servers.allow_many_descriptors()
    directory = tempfile.mkdtemp(prefix="kontalk-bench-network-", dir="/tmp")
    os.chmod(directory, 0o711)
    pair = BenchNetwork(directory, **options)
    try:
        with pair.locked():
            pair.start()
        yield pair
    finally:
        pair.stop()
        if pair.relay:
            pair.relay.close()
        pair.cluster.remove()
        shutil.rmtree(directory, ignore_errors=True)
