# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The accounts of a node for people to try: RUN/accounts, lines "jid<TAB>password".

import secrets

from tests.node import place

NAMES = ("alice", "bob")


def read(path):
    try:
        lines = place.read(path).splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def ensure(node, names=NAMES):
    """The file comes first: an account whose password nobody knows would be of no use."""
    known = read(node.place.accounts)
    for name in names:
        known.setdefault(f"{name}@{node.place.network}", secrets.token_urlsafe(18))
    place.write(node.place.accounts,
                "".join(f"{jid}\t{password}\n" for jid, password in known.items()))
    for name in names:
        jid = f"{name}@{node.place.network}"
        add(node, jid, known[jid])


def add(node, jid, password):
    """Adds it, or gives it this password if it is there."""
    try:
        node.control("user", "add", jid, password=password + "\n")
    except place.Error as problem:
        try:
            node.control("user", "passwd", jid, password=password + "\n")
        except place.Error:
            raise problem from None
