# SPDX-License-Identifier: AGPL-3.0-or-later
#
# docs/INTEROP.md says which servers are tested, in which version, by which ways; the tests of real
# peers see to it that this is true.

import os
import subprocess

from tests.peers.names import DIRECT, STARTTLS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = "| server | version | STARTTLS | direct TLS |"
NONE = "–"


def rows():
    """server → (version, proofs by STARTTLS, proofs by direct TLS)"""
    with open(f"{ROOT}/docs/INTEROP.md", encoding="utf-8") as file:
        table = file.read().partition(HEAD)[2].partition("\n\n")[0]
    cells = ([cell.strip() for cell in line.split("|")[1:5]] for line in table.splitlines()[2:])
    return {server: tuple(rest) for server, *rest in cells}


def of(peer):
    """The same of a class of peers and of what is installed."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", peer.name], capture_output=True,
                          text=True, check=True)
    proofs = [", ".join(way.proof for way in peer.ways if way.port == port) or NONE
              for port in (STARTTLS, DIRECT)]
    return (done.stdout.partition("-")[0], *proofs)
