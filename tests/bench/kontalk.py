# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Our own node, as `make run` has it, with a database that writes to disk.

import os

from tests.bench import processes
from tests.node import configuration, node, place
from tests.node.ports import ADDRESS

# Limits that the load would meet: it is one machine that behaves like thousands.
LIFTED = {"c2s": {"rate-exempt": "127.0.0.0/8", "handshakes-per-second": "1000000"}}
# Verifiers take their time on purpose.
IMPORT_SECONDS = 300


class Kontalk:
    name = "kontalk"
    version = "this tree"

    def __init__(self, directory, accounts, authority, settings=None, wrap=None,
                 rooms=False):
        """settings: as of Node; wrap: {daemon: words to put in front of its command}; rooms: with
        kontalk-muc."""
        self.accounts = accounts
        merged = {section: dict(keys) for section, keys in LIFTED.items()}
        for section, keys in (settings or {}).items():
            merged.setdefault(section, {}).update(keys)
        os.chmod(directory, 0o711)
        where = place.Place(f"{directory}/run", os.environ.get("BIN", "build"),
                            network=accounts.domain)
        self.node = node.Node(where, merged, usual_ports=False, muc=rooms)
        self.node.authority = authority
        for daemon, words in (wrap or {}).items():
            process = self.node.daemons[daemon]
            process.command = [*words, *process.command]

    @property
    def conference(self):
        return self.node.place.conference

    @staticmethod
    def is_installed():
        return True

    @property
    def address(self):
        return f"{ADDRESS}:{self.node.ports['C2S_TLS']}"

    @property
    def ca(self):
        return self.node.authority.certificate

    @property
    def s2s_port(self):
        return self.node.ports["S2S"]

    @staticmethod
    def federation(dns, settings=None):
        """What makes it federate, by the names that this DNS knows."""
        names = {"s2s": {"dns-server": dns.server, "dnssec": "no", "internal-addresses": "yes"}}
        return {"settings": configuration.merge(names, settings)}

    def start(self):
        with self.node.locked():
            self.node.start()
            self.node.control("user", "import", self.accounts.path, seconds=IMPORT_SECONDS)

    def kill(self):
        """SIGKILL for what a client talks to; the rest of the node goes on."""
        self.node.daemons["kontalk-c2s"].kill()

    def start_again(self):
        self.node.start_daemon("kontalk-c2s")

    def stop(self):
        self.node.stop()
        self.node.postgres.remove()

    def parts(self):
        """{daemon: pids}; the database is a part too, but none of ours."""
        return {name: process.pids() for name, process in self.node.daemons.items()}

    def database(self):
        return [pid for top in self.node.postgres.process.pids()
                for pid in processes.with_children(top)]
