# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Sessions that can be resumed (XEP-0198) outlive the death of daemons: c2s, the router, PostgreSQL.

import contextlib
import signal

import pytest

from tests.faults.test_database_away import reaches_database
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.smacks import SM, SmStream, collect
from tests.node.client import CLIENT, Closed, local_name

PRESENCE = f"{{{CLIENT}}}presence"
CARBONS = "urn:xmpp:carbons:2"


@pytest.fixture
def connect(node):
    with contextlib.ExitStack() as stack:
        def make(owner=None, where=node, enabled=True, **options):
            stream = SmStream(where, owner or where.add_account(), source=next(SOURCES), **options)
            stack.callback(stream.close)
            if not enabled:
                return stream.authenticated()
            stream.login()
            stream.enable()
            return stream
        yield make


def kill(node):
    node.daemon("c2s").kill()
    node.daemon("c2s").start()


def stop(node):
    node.daemon("c2s").stop()
    node.daemon("c2s").start()


def end_of(client):
    with pytest.raises(Closed):
        while True:
            client.receive()


@pytest.mark.parametrize("restart", [kill, stop], ids=["killed", "ended in order"])
def test_resume(node, connect, account, restart):
    """The counters go on where they were, and the session is what it was."""
    owner = account()
    client = connect(owner)
    client.send("<presence><priority>7</priority><status>here</status></presence>"
                f"<iq type='set' id='c'><enable xmlns='{CARBONS}'/></iq>"
                "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    client.wait_for(lambda e: e.get("id") == "r")
    assert client.ask_h() == 3
    restart(node)
    end_of(client)
    again = connect(owner, enabled=False)
    assert again.resume(client) == 3
    assert again.ask_h() == 3
    other = connect(owner)
    other.send("<presence/>")
    seen = other.wait_for(lambda e: e.tag == PRESENCE and e.get("from") == client.full)
    assert (seen.findtext(f"{{{CLIENT}}}status"), seen.findtext(f"{{{CLIENT}}}priority")) == \
        ("here", "7")
    other.send_message(account().jid, "a copy of this")
    again.wait_for(lambda e: e.find(f"{{{CARBONS}}}sent") is not None)
    other.send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>"
               "<item jid='friend@x.example'/></query></iq>")
    again.wait_for(lambda e: e.find("{jabber:iq:roster}query") is not None)
    assert again.ask_h() == 3


def test_killed_many_times(node, connect, account):
    """h never falls, whatever was said between."""
    owner = account()
    client = connect(owner)
    client.send("<presence/>")
    told = client.ask_h()
    for n in range(3):
        kill(node)
        again = connect(owner, enabled=False)
        assert again.resume(client) == told == n + 1
        again.send(f"<presence><status>{n}</status></presence>")
        told = again.ask_h()
        client = again


def test_contacts_see_no_flap(node, connect, account):
    """Not by the death, and not by the return."""
    owner, watching = account(), account()
    friend = connect(watching)
    client = connect(owner)
    client.send(f"<presence/><presence to='{friend.full}'><status>for you</status></presence>")
    assert client.ask_h() == 2
    friend.wait_for(lambda e: e.tag == PRESENCE)
    friend.ask_h()
    kill(node)
    back = connect(owner, enabled=False)
    back.resume(client)
    watcher = connect(watching, enabled=False)
    watcher.resume(friend)
    back.settle()
    assert not [e for e in collect(watcher) if e.tag == PRESENCE]
    back.logout()
    gone = watcher.wait_for(lambda e: e.tag == PRESENCE)
    assert (gone.get("from"), gone.get("type")) == (client.full, "unavailable")


@pytest.mark.parametrize("end", ["never came back", "closed its stream"])
def test_what_others_saw_is_in_the_row(node, connect, account, end):
    """c2s is killed as soon as somebody has seen it: the end is told all the same, and once."""
    owner = account()
    friend, client = connect(owner), connect(account(), enabled=False)
    client.bind()
    client.enable("resume='true' max='2'")
    client.send(f"<presence to='{friend.full}'><status>for you</status></presence>")
    friend.wait_for(lambda e: e.tag == PRESENCE)
    if end == "closed its stream":
        client.logout()
        friend.wait_for(lambda e: e.tag == PRESENCE)
    kill(node)
    back = connect(owner, enabled=False)
    back.resume(friend)
    rows = ("SELECT count(*) FROM session JOIN account USING (owner) WHERE ended IS NULL"
            f" AND local = '{client.bare.partition('@')[0]}'")
    wait.until(lambda: node.postgres.query("kontalk", rows).strip() == "0",
               what="the session that is gone to have ended")
    seen = [e.get("type") for e in collect(back) if e.tag == PRESENCE]
    assert seen == ([] if end == "closed its stream" else ["unavailable"])


def test_state_without_an_acknowledgement(node, connect, account):
    """What the client has heard of is there, though no <a/> covers it."""
    owner = account()
    client = connect(owner)
    client.send("<presence><priority>7</priority></presence>"
                f"<iq type='set' id='c'><enable xmlns='{CARBONS}'/></iq>")
    client.wait_for(lambda e: e.get("id") == "c")
    kill(node)
    other = connect(owner)
    other.send("<presence/>")
    seen = other.wait_for(lambda e: e.tag == PRESENCE and e.get("from") == client.full)
    assert seen.findtext(f"{{{CLIENT}}}priority") == "7"
    again = connect(owner, enabled=False)
    again.resume(client)
    other.send_message(account().jid, "a copy of this")
    again.wait_for(lambda e: e.find(f"{{{CARBONS}}}sent") is not None)


def test_inactive_while_it_waits(node, connect, account):
    """XEP-0352: of the presence of somebody the last is kept, behind the death of c2s too."""
    owner, speaking = account(), account()
    client, friend = connect(owner), connect(speaking)
    client.send("<inactive xmlns='urn:xmpp:csi:0'/><presence/>")
    client.ask_h()
    kill(node)
    back = connect(speaking, enabled=False)
    back.resume(friend)
    for status in "first", "second", "last":
        back.send(f"<presence to='{client.full}'><status>{status}</status></presence>")
    back.settle()
    again = connect(owner, enabled=False)
    again.resume(client)
    assert [e.findtext(f"{{{CLIENT}}}status") for e in collect(again)
            if e.tag == PRESENCE and e.get("from") == back.full] == ["last"]


@pytest.mark.parametrize("meanwhile", [
    "SELECT 1", "UPDATE session SET expires = now() + interval '10 hours'",
], ids=["", "clock set back"])
def test_time_is_over_after_the_death(make_node, connect, account, meanwhile):
    """Contacts hear of it from the new process, though nobody asked for the account; and not later
    because the clock is set back."""
    node = make_node(settings={"sm": {"resume-time": "2s"}})
    owner, watched = node.add_account(), node.add_account()
    client = connect(watched, node)
    friend = connect(owner, node)
    client.send(f"<presence/><presence to='{friend.full}'/>")
    assert client.ask_h() == 2
    friend.wait_for(lambda e: e.tag == PRESENCE)
    friend.ask_h()
    node.daemon("c2s").kill()
    node.postgres.query("kontalk", meanwhile)
    node.daemon("c2s").start()
    back = connect(owner, node, enabled=False)
    back.resume(friend)
    gone = back.wait_for(lambda e: e.tag == PRESENCE)
    assert (gone.get("from"), gone.get("type")) == (client.full, "unavailable")
    failed = connect(watched, node, enabled=False).try_resume(client.id, 0)
    assert (local_name(failed.tag), failed.get("h")) == ("failed", "2")


def test_h_of_the_client(node, connect, account):
    """The new process takes it for what was sent, within reason."""
    owner = account()
    client = connect(owner)
    client.send("<presence/>")
    client.ask_h()
    kill(node)
    liar = connect(owner, enabled=False)
    h = client.handled + 100000
    answer = liar.exchange(f"<resume xmlns='{SM}' previd='{client.id}' h='{h}'/>")
    assert answer.error == "undefined-condition"
    again = connect(owner, enabled=False)
    again.resume(client)
    again.settle()
    again.acknowledge()
    again.settle()


def test_password_changed_while_c2s_is_away(node, connect, account):
    owner = account()
    client = connect(owner)
    client.ask_h()
    node.daemon("c2s").kill()
    node.control("user", "passwd", owner.jid, password="another")
    node.daemon("c2s").start()
    failed = connect(type(owner)(owner.jid, "another"), enabled=False).try_resume(client.id, 0)
    assert local_name(failed.tag) == "failed"


def test_router_killed(node, connect, account):
    """Sessions do not notice."""
    client = connect(account())
    client.send("<presence/>")
    node.daemon("router").kill()
    node.daemon("router").start()
    assert client.ask_h() == 1


def test_database_away(node, connect, account):
    """h is not told before the database knows it; the session goes on all the same."""
    owner = account()
    client = connect(owner)
    client.send("<presence/>")
    assert client.ask_h() == 1
    node.postgres.process.send(signal.SIGQUIT)  # all its processes die at once
    node.postgres.stop()
    client.send("<presence><status>2</status></presence>")
    assert client.ask_now() == 1
    node.postgres.start()
    assert client.next_h() == 2
    client.cut()
    wait.until(lambda: reaches_database(node), what="c2s to find its database again")
    assert connect(owner, enabled=False).resume(client) == 2


STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
DELAY = "{urn:xmpp:delay}delay"
BODY = f"{{{CLIENT}}}body"


def messages(client, count):
    """Body, stanza-id, whether it is said to be late."""
    found = [client.wait_for(lambda e: e.find(BODY) is not None) for _ in range(count)]
    return [(e.findtext(BODY), e.find(STANZA_ID).get("id"), e.find(DELAY) is not None)
            for e in found]


@pytest.mark.parametrize("restart", [kill, stop], ids=["killed", "ended in order"])
def test_messages_come_again(node, connect, account, restart):
    """What was acknowledged does not; what was sent and not acknowledged, and what came meanwhile,
    does: once, in order, under the same ids."""
    owner, speaking = account(), account()
    client, friend = connect(owner), connect(speaking)
    client.send_presence()
    client.answers = False
    for n in range(6):
        friend.send_message(owner.jid, str(n))
    first = messages(client, 6)
    handled = client.handled
    client.acknowledge(handled - 3)
    client.ask_h()
    said = friend.ask_h()
    assert said >= 6
    restart(node)
    back = connect(speaking, enabled=False)
    assert back.resume(friend) == said
    back.send_message(owner.jid, "6")
    assert back.ask_h() == said + 1
    again = connect(owner, enabled=False)
    again.resume(client, handled - 3)
    got = messages(again, 4)
    late = [(text, name, True) for text, name, _ in first]
    assert [text for text, _, _ in got[-4:]] == ["3", "4", "5", "6"]
    assert got[:3] == late[3:]
    assert not [e for e in collect(again) if e.find(BODY) is not None]
    back.send_message(owner.jid, "7")
    assert messages(again, 1)[0][0] == "7"


def test_state_before_a_message(node, connect, account):
    """h is told with the message, and what came before it is there too."""
    owner = account()
    client = connect(owner)
    client.send(f"<presence><status>here</status></presence>"
                f"<message to='{owner.jid}'><body>note</body></message>")
    client.wait_message("note")
    kill(node)
    again = connect(owner, enabled=False)
    handled = again.resume(client)
    other = connect(owner)
    other.send("<presence/>")
    seen = [e.get("from") for e in collect(other) if e.tag == PRESENCE]
    assert (client.full in seen) == (handled > 0)


def test_messages_in_flight(node, connect, account):
    """The daemon of a sender is killed in the middle: what the sender says again, as h asks it to,
    arrives once, and everything in order."""
    owner, speaking = account(), account()
    client, friend = connect(owner), connect(speaking)
    client.send_presence()
    client.ask_h()
    count = 60
    texts = [f"<message to='{owner.jid}' type='chat' id='m{n}'><body>{n}</body></message>"
             for n in range(count)]
    friend.send("".join(texts[:30]) + f"<r xmlns='{SM}'/>" + "".join(texts[30:]))
    told = int(friend.nonza("a").get("h"))
    node.daemon("c2s").kill()
    node.daemon("c2s").start()
    back = connect(speaking, enabled=False)
    handled = back.resume(friend)
    assert told <= handled <= count
    back.send("".join(texts[handled:]))
    assert back.ask_h() == count
    again = connect(owner, enabled=False)
    again.resume(client)
    assert [text for text, _, _ in messages(again, count)] == [str(n) for n in range(count)]
    assert not [e for e in collect(again) if e.find(BODY) is not None]


def errors_of(client):
    return [(e.get("id"), e.find(DELAY) is not None) for e in collect(client)
            if e.get("type") == "error"]


def test_errors_come_again(node, connect, account):
    """h covers messages that were refused, their errors were not acknowledged: they come again,
    behind a second death too, until they are."""
    owner = account()
    client = connect(owner)
    client.answers = False
    nobody = f"nobody@{client.domain}"
    client.send("".join(f"<message to='{nobody}' type='chat' id='m{n}'><body>{n}</body></message>"
                        for n in range(3)))
    assert client.ask_h() == 3
    kill(node)
    for n, restart in enumerate([stop, kill]):
        again = connect(owner, enabled=False)
        again.answers = False
        assert again.resume(client, 1) == 3 + n
        assert errors_of(again) == [("m1", True), ("m2", True)]
        again.ask_h()
        restart(node)
    last = connect(owner, enabled=False)
    last.resume(client, 3)
    assert errors_of(last) == []
