# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Somebody of ours and somebody of a real peer, on domains that federate one way (names.py).

import re
import xml.etree.ElementTree as ElementTree

from tests.node.client import CLIENT

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
ROSTER = "<query xmlns='jabber:iq:roster'/>"


def proofs(node, local, remote):
    """{direction: how} of what is ready now between two domains."""
    rows = re.findall(r"^(in|out) (\S+) (\S+) ready by=(\S+)", node.control("ask", "s2s", "show"),
                      re.M)
    return {direction: how for direction, ours, theirs, how in rows
            if (ours, theirs) == (local, remote)}


def condition(stanza):
    """(type, condition) of an error stanza."""
    error = stanza.find(f"{{{CLIENT}}}error")
    if error is None:
        raise AssertionError(f"no error: {ElementTree.tostring(stanza).decode()}")
    names = [child.tag.removeprefix(f"{{{STANZAS}}}") for child in error]
    return error.get("type"), next(name for name in names if name != "text")


def error_text(stanza):
    return stanza.findtext(f"{{{CLIENT}}}error/{{{STANZAS}}}text")


def wait_error(client, sender):
    """The error in answer to a message."""
    return client.wait_for(lambda e: e.tag == f"{{{CLIENT}}}message" and e.get("type") == "error"
                           and e.get("from") == sender)


def wait_presence(client, sender, kind=None):
    """From a bare or full JID."""
    return client.wait_for(
        lambda e: e.tag == f"{{{CLIENT}}}presence" and e.get("type") == kind
        and sender in (e.get("from"), e.get("from").partition("/")[0]))


def appear(client):
    """With the roster, so that it gets subscription stanzas (RFC 6121 §3.1.3)."""
    client.ask("get", ROSTER)
    client.send("<presence/>")
    return client


def exchange(here, there):
    """A message each way. What earlier tests said may come once more (docs/FEDERATION.md)."""
    for one, other in ((here, there), (there, here)):
        body = f"from {one.full}"
        one.send_message(other.full, body)
        assert other.wait_message(body).get("from") == one.full


def subscribe(one, other):
    """`one` may see `other` from now on, and does."""
    one.send(f"<presence type='subscribe' to='{other.bare}'/>")
    assert wait_presence(other, one.bare, "subscribe").get("from") == one.bare
    other.send(f"<presence type='subscribed' to='{one.bare}'/>")
    awaited = {(other.bare, "subscribed"), (other.full, None)}  # in any order
    while awaited:
        seen = one.wait_for(lambda e: e.tag == f"{{{CLIENT}}}presence")
        awaited.discard((seen.get("from"), seen.get("type")))


class Meeting:
    def __init__(self, world, peer, way, login):
        self.node = world.node
        self.peer = peer
        self.way = way
        self.ours, self.theirs = way.at("kontalk"), way.at(peer.name)
        self._login = login

    def account(self):
        return self.node.add_account(domain=self.ours)

    def here(self, account=None):
        """Somebody of ours, new unless given, who is available."""
        return appear(self._login(account or self.account(), where=self.node))

    def there(self, user):
        return appear(self.peer.login(user, self.theirs))
