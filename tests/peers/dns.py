# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The DNS of the namespace: Knot with a root zone of its own, which it signs, that has all names.
# bogus.example has a zone that is not signed, although the root says so.

import os
import re
import subprocess

from tests.harness import program
from tests.peers.foreign import LIFE_SECONDS
from tests.peers.names import DNS

CONFIGURATION = """
server:
    rundir: "{directory}"
    listen: {address}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{directory}/db"
    journal-db-max-size: 16M
    kasp-db-max-size: 16M
    timer-db-max-size: 16M
template:
  - id: default
    storage: "{directory}"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
  - domain: .
    file: root.zone
    dnssec-signing: on
  - domain: bogus.example.
    file: bogus.zone
"""
HEAD = f"""$TTL 60
@ SOA ns.example. root.example. 1 3600 3600 86400 60
@ NS ns.example.
"""
ROOT = f"""ns.example. A {DNS}
bogus.example. NS ns.example.
bogus.example. DS 12345 13 2 {'E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766'}
"""


class Dns:
    def __init__(self, namespace, home, records, bogus_records):
        self._namespace = namespace
        self._home = home
        os.makedirs(f"{home.path}/db")
        self._configuration = home.write("knot.conf", CONFIGURATION.format(
            directory=home.path, address=DNS))
        home.write("root.zone", HEAD + ROOT + "\n".join(records) + "\n")
        home.write("bogus.zone", HEAD + "\n".join(bogus_records) + "\n")
        self._program = None

    def start(self):
        """Returns when it serves."""
        self._program = program.Program(self._home, *self._namespace.enter, "knotd", "-c",
                                        self._configuration, seconds=LIFE_SECONDS)
        self._program.wait_output(r"\[\.\] loaded(.|\n)*server started")

    def anchor(self):
        """A file with the key of the root."""
        done = subprocess.run(["keymgr", "-c", self._configuration, ".", "ds"],
                              capture_output=True, text=True, timeout=60, check=True)
        return self._home.write("anchor", re.sub(r"^\. DS", ". IN DS", done.stdout, flags=re.M))

    def end(self):
        self._program.end()
