# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Contacts that a conversation begins with, made as clients make them (RFC 6121 §3.1).

import contextlib

from tests.conversations import wire


def befriend(node_of, cast, contacts):
    """contacts: (account, contact, subscription of the account's item: to, from or both);
    node_of(alias): where that account has its home."""
    for account, contact, subscription in contacts:
        with contextlib.ExitStack() as stack:
            mine, theirs = (stack.enter_context(connected(node_of(alias), cast.accounts[alias]))
                            for alias in (account, contact))
            if subscription in ("to", "both"):
                subscribe(mine, theirs)
            if subscription in ("from", "both"):
                subscribe(theirs, mine)


@contextlib.contextmanager
def connected(node, account):
    """A resource without presence: nobody hears of it."""
    client = wire.ClientWire(node, account, source=wire.next_source(), resource="befriending")
    client.login()
    yield client
    client.logout()


def subscribe(subscriber, contact):
    for sender, other, kind in ((subscriber, contact, "subscribe"),
                                (contact, subscriber, "subscribed")):
        sender.send(f"<presence type='{kind}' to='{other.bare}'/>")
        sender.probe([sender.bare, other.bare])
        wire.await_probes([sender])
