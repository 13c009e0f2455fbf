# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The accounts of a node for people to try: RUN/accounts, lines "jid<TAB>password".

import secrets
import time

from tests.node import place

NAMES = ("alice", "bob")
# Names of a network are given by its registrar, which has to be reached.
REGISTRAR_SECONDS = 60
REGISTRAR_STEP_SECONDS = 0.2


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
        create(node, jid, password)
    except place.Error as problem:
        try:
            node.control("user", "passwd", jid, password=password + "\n")
        except place.Error:
            raise problem from None


def create(node, jid, password):
    """Adds it; waits for the registrar of the network."""
    deadline = time.monotonic() + REGISTRAR_SECONDS
    while True:
        try:
            node.control("user", "add", jid, password=password + "\n")
            return
        except place.Error as problem:
            if "try again later" not in str(problem) or time.monotonic() > deadline:
                raise
        time.sleep(REGISTRAR_STEP_SECONDS)
