# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Pushes of the roster (RFC 6121 §2.1.6) and the block list (XEP-0191) that a client had not
# acknowledged when c2s was killed: behind the resumption it hears of what they told. What it had
# acknowledged does not come again.

import pytest

from tests.faults.test_resume import connect, end_of, kill  # noqa: F401
from tests.harness import wait
from tests.harness.smacks import collect

ROSTER = "jabber:iq:roster"
BLOCKING = "urn:xmpp:blocking"
FETCH = (f"<iq type='get' id='roster'><query xmlns='{ROSTER}'/></iq>"
         f"<iq type='get' id='list'><blocklist xmlns='{BLOCKING}'/></iq>")


def add(jid):
    return f"<query xmlns='{ROSTER}'><item jid='{jid}'/></query>"


def remove(jid):
    return f"<query xmlns='{ROSTER}'><item jid='{jid}' subscription='remove'/></query>"


def block(jid):
    return f"<block xmlns='{BLOCKING}'><item jid='{jid}'/></block>"


def unblock(jid):
    return f"<unblock xmlns='{BLOCKING}'><item jid='{jid}'/></unblock>"


def change(client, *payloads):
    """Returns when all of it is committed."""
    for payload in payloads:
        client.send(f"<iq type='set' id='change'>{payload}</iq>")
        assert client.wait_for(lambda e: e.get("id") == "change").get("type") == "result"


def pushes(elements):
    """What was told, in order: (roster's version, JID, subscription) and (what, JIDs)."""
    told = []
    for element in elements:
        if element.get("type") != "set":
            continue
        child = element[0]
        if child.tag == f"{{{ROSTER}}}query":
            told.append((child.get("ver"), child[0].get("jid"), child[0].get("subscription")))
        elif child.tag.startswith(f"{{{BLOCKING}}}"):
            told.append((child.tag.partition("}")[2], {item.get("jid") for item in child}))
    return told


def known(node, client):
    """The versions of roster and block list that the row of the session has."""
    return node.postgres.query(
        "kontalk", "SELECT session.roster_version, session.blocklist_version"
        " FROM session JOIN account USING (owner)"
        f" WHERE local = '{client.bare.partition('@')[0]}'"
        f" AND resource = '{client.full.partition('/')[2]}'").strip()


def has_all(node, client):
    """The client acknowledges everything, and the database knows."""
    client.acknowledge()
    latest = node.postgres.query(
        "kontalk", "SELECT roster_version, blocklist_version FROM account"
        f" WHERE local = '{client.bare.partition('@')[0]}'").strip()
    wait.until(lambda: known(node, client) == latest, what=f"{latest} to be what the client has")


@pytest.fixture
def pair(connect, account):  # noqa: F811
    """A client that looks at roster and list, another one that changes them, and a new stream."""
    owner = account()
    client = connect(owner)
    client.answers = False
    client.send(FETCH)
    client.wait_for(lambda e: e.get("id") == "list")
    return client, connect(owner), lambda: connect(owner, enabled=False)


@pytest.mark.parametrize("waiting", [False, True], ids=["sent", "not sent"])
def test_killed_before_the_acknowledgement(node, pair, waiting):
    client, other, back = pair
    change(other, add("old@x.example"), block("bad@x.example"))
    collect(client)
    has_all(node, client)
    if waiting:
        client.cut()
    change(other, remove("old@x.example"), add("new@x.example"), block("worse@x.example"),
           unblock("bad@x.example"))
    if not waiting:
        assert len(pushes(collect(client))) == 4
    kill(node)
    if not waiting:
        end_of(client)
    again = back()
    again.resume(client)
    assert pushes(collect(again)) == [
        ("unblock", set()), ("block", {"worse@x.example"}),
        ("2", "old@x.example", "remove"), ("3", "new@x.example", "none")]


def test_result_lost(node, pair):
    """The answer was on its way; the client will not ask again, because its request was handled."""
    client, other, back = pair
    change(other, add("friend@x.example"), block("bad@x.example"))
    client.ask_h()
    kill(node)
    again = back()
    again.resume(client, 0)
    assert pushes(collect(again)) == [
        ("unblock", set()), ("block", {"bad@x.example"}), ("1", "friend@x.example", "none")]


def test_killed_behind_the_acknowledgement(node, pair):
    client, other, back = pair
    change(other, add("friend@x.example"), block("bad@x.example"))
    assert len(pushes(collect(client))) == 2
    has_all(node, client)
    kill(node)
    again = back()
    again.resume(client)
    assert not pushes(collect(again))
    has_all(node, again)
    kill(node)
    last = back()
    last.resume(again)
    assert not pushes(collect(last))


def test_version_of_the_client(node, connect, account):  # noqa: F811
    """Who asks with a version has it (RFC 6121 §2.6), and had it before <enable/>."""
    owner = account()
    other = connect(owner)
    change(other, add("old@x.example"))
    client = connect(owner, enabled=False)
    client.bind()
    client.send(f"<iq type='get' id='roster'><query xmlns='{ROSTER}' ver='1'/></iq>")
    client.wait_for(lambda e: e.get("id") == "roster")
    client.enable()
    client.answers = False
    change(other, add("new@x.example"))
    assert pushes(collect(client)) == [("2", "new@x.example", "none")]
    kill(node)
    again = connect(owner, enabled=False)
    again.resume(client)
    assert pushes(collect(again)) == [("2", "new@x.example", "none")]
