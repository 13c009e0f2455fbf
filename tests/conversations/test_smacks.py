# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stream management (XEP-0198) towards clients: acknowledgements, and sessions that wait for their
# client. What hostile clients do is in tests/attacks/test_smacks.py, what survives the death of
# daemons in tests/faults.

import contextlib

import pytest

from tests.harness.node import SOURCES
from tests.harness.smacks import SM, SmStream, collect
from tests.node.client import CLIENT, PING, Closed

BODY = f"{{{CLIENT}}}body"
MESSAGE = f"{{{CLIENT}}}message"
PRESENCE = f"{{{CLIENT}}}presence"


@pytest.fixture
def connect(node):
    """connect(owner): a client of this account with stream management; enabled=False: only
    authenticated."""
    with contextlib.ExitStack() as stack:
        def make(owner=None, where=node, attributes="resume='true'", enabled=True, **options):
            stream = SmStream(where, owner or where.add_account(), source=next(SOURCES), **options)
            stack.callback(stream.close)
            if not enabled:
                return stream.authenticated()
            stream.login()
            stream.enable(attributes)
            return stream
        yield make


def resume(connect, owner, other, **options):
    """A new stream that goes on with the session of another one."""
    stream = connect(owner, enabled=False, **options)
    stream.resume(other)
    return stream


def bodies(client, count):
    return [client.wait_for(lambda e: e.find(BODY) is not None).findtext(BODY)
            for _ in range(count)]


def test_feature(connect):
    """§2: announced behind authentication."""
    assert connect(enabled=False).features.find(f"{{{SM}}}sm") is not None


def test_handled_stanzas_are_counted_from_enable_on(connect):
    """§4: messages, presence and iq of every kind; not <r/> and <a/>."""
    client = connect()
    assert client.ask_h() == 0
    client.send("<presence/>")
    assert client.ask_h() == 1
    client.send_message(client.bare, "to myself")
    client.send(f"<iq type='get' id='1'><ping xmlns='{PING}'/></iq><iq type='get' id='2'/>")
    assert client.ask_h() == 4
    assert client.ask_h() == 4


def test_what_was_sent_before_enable_does_not_count(connect, login):
    client = login()
    client.__class__ = SmStream
    client.counts, client.answers = False, True
    client.send_message(client.bare, "one")
    client.send("<presence/>")
    client.enable("")
    client.send_message(client.bare, "two")
    assert client.ask_h() == 1


def test_no_answer_without_result(connect):
    """§4: what <a/> covers has been answered before it."""
    client = connect()
    client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"
                f"<r xmlns='{SM}'/>")
    before = []
    while (element := client.receive()).get("h") != "1":  # "0": the roster took longer than 250 ms
        before.append(element.get("id"))
    assert "roster" in before


def test_server_asks(connect):
    """§4: behind a message, and behind the next only once that is answered."""
    client, other = connect(attributes=""), connect(attributes="")
    client.send("<presence/>")  # alone it is not worth a question
    assert client.receive_any().tag == PRESENCE
    other.send_message(client.full, "one")
    assert [client.receive_any().tag for _ in range(2)] == [MESSAGE, f"{{{SM}}}r"]
    other.send_message(client.full, "two")
    other.settle()
    other.send_message(client.full, "three")
    assert [client.receive_any().tag for _ in range(2)] == [MESSAGE, MESSAGE]
    client.acknowledge(2)
    assert client.receive_any().tag == f"{{{SM}}}r"


def test_silent_client_is_asked(make_node, connect):
    """Instead of the ping that others get."""
    node = make_node(settings={"c2s": {"idle-timeout": "1s"}})
    client = connect(where=node)
    assert client.receive_any().tag == f"{{{SM}}}r"


def test_enabled_tells_how_long(connect):
    """§3: no longer than the client likes, and never longer than configured."""
    assert connect().id
    for wish, granted in (("10", "10"), ("99999999999999999999", "600"), ("x", "600")):
        client = connect(enabled=False)
        client.bind()
        enabled = client.enable(f"resume='1' max='{wish}'")
        assert (enabled.get("resume"), enabled.get("max")) == ("true", granted)


@pytest.mark.parametrize("attributes", ["", "resume='false'", "resume='0'", "resume='1' max='0'"])
def test_enabled_without_resumption(connect, attributes):
    client = connect(enabled=False)
    client.bind()
    enabled = client.enable(attributes)
    assert enabled.get("resume") is None and enabled.get("id") is None


def test_location(make_node, connect):
    node = make_node(settings={"sm": {"resume-location": "[2001:db8::1]:5222",
                                      "resume-time": "20s"}})
    client = connect(enabled=False, where=node)
    client.bind()
    enabled = client.enable()
    assert (enabled.get("location"), enabled.get("max")) == ("[2001:db8::1]:5222", "20")


def test_resume(connect, account):
    """§5: the counters go on, and what was lost on the way comes again, in order."""
    owner, friend = account(), connect()
    first = connect(owner)
    first.send_presence()
    first.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    first.settle()
    first.answers = False
    for n in range(3):
        friend.send_message(first.full, str(n))
    assert bodies(first, 1) == ["0"]
    first.cut()
    friend.send_message(first.full, "3")
    friend.settle()
    second = connect(owner, enabled=False)
    assert second.resume(first) == 4
    assert bodies(second, 3) == ["1", "2", "3"]
    assert second.ask_h() == 4
    second.send_message(friend.full, "back")
    assert friend.wait_message("back").get("from") == first.full
    assert second.ask_h() == 5


def test_resumed_again_and_again(connect, account):
    owner, friend = account(), connect()
    client = connect(owner)
    client.send_presence()
    for n in range(5):
        client.cut()
        friend.send_message(client.full, str(n))
        friend.settle()
        client = resume(connect, owner, client)
        assert bodies(client, 1) == [str(n)]


def test_what_comes_again_is_marked(connect, account):
    """XEP-0203: the delay says when it was first sent."""
    owner, friend = account(), connect()
    client = connect(owner)
    client.send_presence()
    client.cut()
    friend.send_message(client.full, "late")
    friend.settle()
    message = resume(connect, owner, client).wait_message("late")
    delay = message.find("{urn:xmpp:delay}delay")
    assert delay.get("from") == client.domain and delay.get("stamp")


def test_iqs_are_kept(connect, account):
    """§5: every kind of stanza comes again."""
    owner, friend = account(), connect()
    client = connect(owner)
    client.send(f"<presence/><presence to='{friend.full}'/>")
    client.settle()
    client.cut()
    friend.send(f"<iq type='get' id='q' to='{client.full}'><ping xmlns='{PING}'/></iq>")
    friend.settle()
    client = resume(connect, owner, client)
    assert client.wait_for(lambda e: e.get("id") == "q").get("from") == friend.full


def test_old_stream_alive(connect, account):
    """§5: it is closed with a conflict, and nothing is lost or repeated."""
    owner, friend = account(), connect()
    first = connect(owner)
    first.send_presence()
    friend.send_message(first.full, "one")
    first.wait_message("one")
    second = resume(connect, owner, first)
    with pytest.raises(Closed, match="conflict"):
        while True:
            first.receive()
    friend.send_message(first.full, "two")
    assert bodies(second, 1) == ["two"]


def test_bind_after_failed_resumption(connect):
    """§5: the stream is good for a new session."""
    client = connect(enabled=False)
    failed = client.try_resume("nothing", 0)
    assert failed.find("{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found") is not None
    client.bind()
    assert client.enable().get("id")


def test_orderly_end(connect, account):
    """§6: </stream:stream> ends the session."""
    owner = account()
    first = connect(owner)
    first.logout()
    second = connect(owner, enabled=False)
    failed = second.try_resume(first.id, 0)
    assert failed.find("{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found") is not None
    assert failed.get("h") is None


@pytest.fixture(scope="module")
def short(make_node):
    return make_node(settings={"sm": {"resume-time": "1s"}})


def test_expired(short, connect):
    """§5: <failed/> tells what had been handled; requests that were not get an error."""
    owner, friend = short.add_account(), connect(where=short)
    first = connect(owner, short)
    first.send("<presence/>" + f"<presence to='{friend.full}'/>")
    first.settle()
    friend.wait_for(lambda e: e.tag == PRESENCE)
    first.cut()
    friend.send(f"<iq type='get' id='q' to='{first.full}'><ping xmlns='{PING}'/></iq>")
    gone = friend.wait_for(lambda e: e.tag == PRESENCE)
    assert (gone.get("from"), gone.get("type")) == (first.full, "unavailable")
    error = friend.wait_for(lambda e: e.get("id") == "q")
    assert error.find(f"{{{CLIENT}}}error")[0].tag.endswith("}recipient-unavailable")
    failed = connect(owner, short, enabled=False).try_resume(first.id, 0)
    assert failed.get("h") == "3"


def test_no_flap(connect, account, login):
    """Contacts see nothing of a connection that breaks and comes back; a probe is answered with the
    presence of the session that waits."""
    owner = account()
    watcher = login()
    client = connect(owner)
    client.send(f"<presence><status>here</status></presence><presence to='{watcher.full}'/>")
    client.settle()
    watcher.wait_for(lambda e: e.tag == PRESENCE)
    client.cut()
    other = login(owner)
    other.send("<presence/>")
    seen = other.wait_for(lambda e: e.tag == PRESENCE and e.get("from") == client.full)
    assert seen.findtext(f"{{{CLIENT}}}status") == "here"
    resume(connect, owner, client).settle()
    assert not [e for e in collect(watcher) if e.tag == PRESENCE]


def test_administrators_see_who_waits(node, connect):
    client = connect()
    client.cut()
    node.daemon("c2s").wait_log(f"event=session_waits .*jid={client.full}")
    lines = node.control("ask", "c2s", "show", "waiting").splitlines()
    line = next(line.split() for line in lines if line.startswith(client.full + " "))
    assert 500 < int(line[1]) <= 600 and line[2] == "0"


def test_new_session_of_the_same_resource(connect, account, login):
    """RFC 6120 §7.7.2.2: the session that waits ends."""
    owner = account()
    client = connect(owner, resource="phone")
    client.cut()
    login(owner, resource="phone").settle()
    failed = connect(owner, enabled=False).try_resume(client.id, 0)
    assert failed.find("{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found") is not None


STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
DELAY = "{urn:xmpp:delay}delay"


def ids(client, count):
    """Of the next messages: body, stanza-id, whether it was delayed."""
    messages = [client.wait_for(lambda e: e.find(BODY) is not None) for _ in range(count)]
    return [(e.findtext(BODY), e.find(STANZA_ID).get("id"), e.find(DELAY) is not None)
            for e in messages]


def again(messages):
    return [(text, name, True) for text, name, _ in messages]


def test_unacknowledged_messages_go_to_the_new_session(connect, account):
    """XEP-0198 §4: of the same resource, which takes the place of the old one."""
    owner, friend = account(), connect()
    old = connect(owner, resource="phone")
    old.send_presence()
    old.acknowledge()
    old.answers = False
    for n in range(5):
        friend.send_message(old.full, str(n))
    got = ids(old, 5)
    old.acknowledge(old.handled - 3)
    old.settle()
    new = connect(owner, resource="phone")
    new.send("<presence/>")
    assert ids(new, 3) == again(got[2:])
    assert not [e for e in collect(new) if e.find(BODY) is not None]


@pytest.mark.parametrize("end", ["logout", "expires"])
def test_unacknowledged_messages_wait(short, connect, end):
    """Until the next session, whatever the old one ended by."""
    owner, friend = short.add_account(), connect(where=short)
    old = connect(owner, short)
    old.send_presence()
    old.acknowledge()
    old.answers = False
    for n in range(3):
        friend.send_message(owner.jid, str(n))
    got = ids(old, 3)
    if end == "logout":
        old.logout()
    else:
        short.daemon("c2s").mark_log()
        old.cut()
        short.daemon("c2s").wait_log(f"event=session_expired .*jid={old.full}")
    new = connect(owner, short)
    new.send("<presence/>")
    assert ids(new, 3) == again(got)


def test_acknowledged_messages_do_not_come_again(connect, account):
    owner, friend = account(), connect()
    old = connect(owner)
    old.send_presence()
    for n in range(3):
        friend.send_message(owner.jid, str(n))
    bodies(old, 3)
    old.acknowledge()
    old.logout()
    new = connect(owner)
    new.send("<presence/>")
    assert not [e for e in collect(new) if e.find(BODY) is not None]


def test_window(make_node, connect):
    """[sm] unacknowledged-stanzas: further messages stay in the database until there is room, and
    come in order; across a resumption, too."""
    node = make_node(settings={"sm": {"unacknowledged-stanzas": "10"},
                               "c2s": {"rate-exempt": "127.0.0.0/8"}})
    owner, friend = node.add_account(), connect(where=node)
    client = connect(owner, node)
    client.send("<presence/>")
    client.answers = False
    for n in range(200):
        friend.send_message(owner.jid, str(n))
    friend.settle()
    got = bodies(client, 9)
    assert not [e for e in collect(client) if e.tag == MESSAGE]
    client.cut()
    client = resume(connect, owner, client, where=node)
    got += bodies(client, 191)
    assert got == [str(n) for n in range(200)]


def test_clients_come_before_sessions_that_wait(make_node, connect, login):
    """[c2s] resources-per-user counts them, but they make room for a client that is there."""
    node = make_node(settings={"c2s": {"resources-per-user": "2"}})
    owner = node.add_account()
    waiting = [connect(owner, node) for _ in range(2)]
    for client in waiting:
        client.cut()
        node.daemon("c2s").wait_log(f"event=session_waits .*jid={client.full}")
    login(owner, node).settle()
    answers = [connect(owner, node, enabled=False).try_resume(client.id, 0) for client in waiting]
    assert [answer.tag for answer in answers] == [f"{{{SM}}}failed", f"{{{SM}}}resumed"]
