# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Client state (XEP-0352) together with resumption (XEP-0198).

from tests.harness.node import SOURCES
from tests.harness.smacks import SmStream

SHOW = "{jabber:client}show"


def connect(node, owner):
    return SmStream(node, owner, source=next(SOURCES))


def test_resumed_stream_is_active(node, login):
    """§5.2: what waited comes, and what comes later does not wait."""
    owner, friend = node.add_account(), login()
    first = connect(node, owner).login()
    first.enable()
    first.send_presence()
    first.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    first.settle()
    friend.send(f"<presence to='{first.full}'><show>away</show></presence>"
                f"<presence to='{first.full}'><show>xa</show></presence>")
    friend.settle()
    first.cut()
    second = connect(node, owner).authenticated()
    second.resume(first)
    assert second.wait_for(lambda e: e.get("from") == friend.full).findtext(SHOW) == "xa"
    friend.send(f"<presence to='{first.full}'><show>dnd</show></presence>")
    assert second.wait_for(lambda e: e.get("from") == friend.full).findtext(SHOW) == "dnd"
    second.close()
