# SPDX-License-Identifier: AGPL-3.0-or-later
#
# docs/INTEROP.md says by which mechanism each client comes; the tests of the clients see to it that
# this is true.

import os
import re

from tests.harness import wait

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = f"{ROOT}/docs/INTEROP.md"
HEAD = "| client | version | with -PLUS offered | without | TLS |"


def rows():
    """client → (version, mechanism where -PLUS is offered, mechanism elsewhere, TLS)"""
    with open(DOCUMENT, encoding="utf-8") as file:
        table = file.read().partition(HEAD)[2].partition("\n\n")[0]
    cells = ([cell.strip(" `") for cell in line.split("|")[1:6]]
             for line in table.splitlines()[2:])
    return {client: rest for client, *rest in cells}


class Interop:
    def __init__(self, unbound_node):
        self._unbound_node = unbound_node
        self._rows = rows()

    def check(self, client, node, account):
        _, plus, without, tls = self._rows[client]
        wanted = without if node is self._unbound_node else plus
        assert login(node, account) == (wanted, tls)


def login(node, account):
    """How the account's newest session came: mechanism and version of TLS."""
    bound = re.compile(rf"^{re.escape(account.jid)}/.* (\S+) (\S+) bound$", re.MULTILINE)
    found = wait.until(lambda: bound.findall(node.control("ask", "c2s", "show", "sessions")),
                       what=f"a session of {account.jid}")
    tls, mechanism = found[-1]
    return mechanism, tls
