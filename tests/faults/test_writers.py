# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Whoever writes without holding the slot is seen (writers.py).

from tests.faults import writers

WRITE = "SET application_name = 'kontalk-c2s@{worker}'; UPDATE roster_item SET name = 'x'"


def test_who_writes(node, login):
    client, friend = login(), node.add_account()
    with writers.watched(node):
        client.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{friend.jid}'/></query>")
        node.postgres.query("kontalk", WRITE.format(worker="c2s-1"))
        assert not writers.intruders(node)
        node.postgres.query("kontalk", WRITE.format(worker="another"))
        assert any(line.startswith("roster_item|") and
                   line.endswith("|kontalk-c2s@another|c2s-1") for line in writers.intruders(node))
