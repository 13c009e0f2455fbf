# SPDX-License-Identifier: AGPL-3.0-or-later
#
# XEP-0124 and XEP-0206: a client's stream by BOSH.

import hashlib

import pytest

from tests.attacks import xml_vectors
from tests.harness import bosh, web
from tests.harness.smacks import resume_everywhere

FEATURES = f"{{{web.STREAM}}}features"
ERROR = f"{{{web.STREAM}}}error"
PING = "<iq xmlns='jabber:client' type='get' id='%s'><ping xmlns='urn:xmpp:ping'/></iq>"


@pytest.fixture
def session(node, source):
    made = []

    def create(where=node, **attributes):
        attributes.setdefault("source", source())
        made.append(bosh.Session(where, **attributes))
        return made[-1]
    yield create
    for one in made:
        one.close()


@pytest.fixture
def bound(login):
    """A session behind login, without an open request: its socket and what it says."""
    def begin(service="BOSH"):
        client = login(service=service)
        while client.socket.session.open:
            client.socket.session.post()
            client.socket._read()
            if len(client.socket.session.open) == 1:
                break
        return client, client.socket.session
    return begin


@pytest.mark.parametrize("service", ["BOSH", "BOSHS"])
def test_login_and_message(login, service):
    alice, bob = login(service=service), login()
    bob.send_presence()
    alice.send_presence()
    alice.send_message(bob.full, "hello")
    assert bob.wait_message("hello").get("from") == alice.full
    bob.send_message(alice.full, "hello yourself")
    assert alice.wait_message("hello yourself").get("from") == bob.full
    alice.logout()


def test_creation(node, session):
    answer = session(wait=30, ver="1.6").create()
    said = answer.attributes
    assert len(said["sid"].partition(".")[0]) == 32
    assert (said["wait"], said["hold"], said["requests"]) == ("30", "1", "2")
    assert said["from"] == node.network
    assert said[f"{{{bosh.XBOSH}}}version"] == "1.0"
    assert said[f"{{{bosh.XBOSH}}}restartlogic"] == "true"
    assert answer.elements[0].tag == FEATURES
    names = [element.text for element in answer.elements[0].iter() if "mechanism" in element.tag]
    assert "SCRAM-SHA-256" in names and "SCRAM-SHA-256-PLUS" not in names
    assert answer.response.headers["content-type"] == "text/xml; charset=utf-8"


def test_content_type(session):
    one, bad = session(content="text/html"), session(content="a\nSet-Cookie: b")
    assert one.create().response.headers["content-type"] == "text/html"
    assert bad.create().response.headers["content-type"] == "text/xml; charset=utf-8"


@pytest.mark.parametrize("attributes, condition", [
    ({"to": "nowhere.example"}, "host-unknown"),
    ({"to": None}, "improper-addressing"),
    ({"sid": "0" * 32}, "item-not-found"),
])
def test_no_creation(session, attributes, condition):
    answer = session(**attributes).create()
    assert answer.is_end and answer.condition == condition


@pytest.mark.parametrize("data", [
    b"", b"hello", b"<body/>", bosh.body(rid="x"), bosh.body(rid=-1), bosh.body(rid=1 << 53),
    bosh.body(), bosh.body(rid=1)[:-3], b"<!DOCTYPE body>" + bosh.body(rid=1),
    bosh.body(rid=1).replace(b"httpbind'", b"other'"),
])
def test_bad_requests(session, data):
    connection = session()._dial()
    answer = bosh.Answer(connection.ask("POST", bosh.PATH, data, Content_Type="text/xml"))
    assert answer.is_end and answer.condition in ("bad-request", "improper-addressing")


def test_held_until_there_is_something(bound, login):
    """A request waits for what comes; the next one has it answered at once."""
    alice, session = bound()
    bob = login()
    held = session.open[0][0] if session.open else session.post()
    bob.send_message(alice.full, "now")
    assert b"now" in session.take(held).text
    first = session.post()
    second = session.post(PING % "one")
    answer = session.take(first)
    answers = answer.text if answer.elements else session.take(second).text
    assert b"id='one'" in answers


def test_order_of_requests(bound):
    """A request that overtakes another waits for it."""
    alice, session = bound()
    while session.open:
        session.post()
        session.take()
        if len(session.open) == 1:
            break
    begin = session.rid
    late = session.post(PING % "second", rid=begin + 2)
    session.post(PING % "first", rid=begin + 1)
    session.rid = begin + 2
    seen = b""
    while b"id='second'" not in seen:
        seen += session.take().text if session.open[0][0] is not late or len(session.open) == 1 \
            else session.take(session.open[1][0]).text
        if not session.open:
            session.post()
    assert seen.index(b"id='first'") < seen.index(b"id='second'")


def test_answer_is_sent_again(session):
    """The same rid has the same answer, and is not handled twice (XEP-0124 §14.3)."""
    one = session()
    first = one.create()
    again = one.ask(rid=one.rid, **{**one.attributes, "sid": one.sid})
    assert again.text == first.text


def test_retransmission_of_a_request_that_is_held(session):
    one = session()
    one.create()
    old = one.post()
    new = one.post(rid=one.rid)
    assert one.take(old).attributes["type"] == "error"
    one.post()
    assert not one.take(new).is_end


def test_lost_request_has_its_answer_kept(bound, login):
    """What was said to a connection that is gone is said to who asks again."""
    alice, session = bound()
    if not session.open:
        session.post()
    connection, rid = session.open.popleft()
    connection.close()
    login().send_message(alice.full, "again")
    seen = session.ask(rid=rid).text
    if b"again" not in seen:
        seen = session.ask().text
    assert b"again" in seen


@pytest.mark.parametrize("difference", [-100, 3, 1000])
def test_rid_outside_of_the_window(session, difference):
    one = session()
    one.create()
    answer = one.ask(rid=one.rid + difference)
    assert answer.is_end and answer.condition == "item-not-found"
    assert one.ask().condition in ("item-not-found", None)


def test_poll(session):
    """hold='0': each request is answered at once."""
    one = session(hold=0)
    said = one.create().attributes
    assert (said["hold"], said["requests"]) == ("0", "1")
    for _ in range(3):
        answer = one.ask()
        assert not answer.is_end and not answer.elements


def test_wait(session):
    """A request is answered when its time is up."""
    one = session(wait=1)
    assert one.create().attributes["wait"] == "1"
    answer = one.ask()
    assert not answer.is_end and not answer.elements


def test_terminate(session):
    one = session()
    one.create()
    held = one.post()
    end = one.post(type="terminate")
    assert one.take(held).is_end
    assert one.take(end).is_end
    assert one.ask().condition == "item-not-found"


def test_pause(session):
    """What is held is answered at once; a longer pause than announced is refused."""
    one = session()
    longest = int(one.create().attributes["maxpause"])
    held = one.post()
    asking = one.post(pause=longest)
    assert not one.take(held).is_end and not one.take(asking).is_end
    answer = one.ask(pause=longest + 1)
    assert answer.is_end and answer.condition == "policy-violation"


def test_restart(session):
    """A stream restart that nobody may have is bad-format, as by any transport."""
    one = session()
    one.create()
    answer = one.ask(xmpp_restart="true")
    assert answer.is_end and answer.condition == "remote-stream-error"
    assert answer.elements[0].tag == ERROR


def keys(count, seed="seed"):
    """The last one is used first (XEP-0124 §15.3)."""
    found = [seed]
    for _ in range(count):
        found.append(hashlib.sha1(found[-1].encode()).hexdigest())
    return found


def test_keys(session):
    chain, other = keys(4), keys(3, "other")
    one = session(newkey=chain.pop())
    one.create()
    one.post(key=chain.pop())
    one.post(key=chain.pop())
    assert not one.take().is_end
    one.post(key=chain.pop(), newkey=other.pop())
    assert not one.take().is_end
    one.post(key=other.pop())
    assert not one.take().is_end


@pytest.mark.parametrize("key", [{}, {"key": "wrong"}])
def test_wrong_key(session, key):
    one = session(newkey=keys(2).pop())
    one.create()
    answer = one.ask(**key)
    assert answer.is_end and answer.condition == "item-not-found"


def test_several_sessions_on_a_connection(session):
    """By pipelining too; the answers come in the order of the requests."""
    one, two = session(), session()
    one.create()
    two.free = one.free
    two.create()
    connection = one.post()
    two.free.append(connection)
    two.post(PING % "unknown")  # not logged in: an error at once
    one.post()
    assert not one.take(connection).is_end
    assert two.take(connection).condition == "remote-stream-error"


# No prefix is declared in a body.
OTHERWISE = {"X23-stream-features": ("not-well-formed",), "X23-stream-stream": ("not-well-formed",)}


def test_xml(session):
    """The X rows of docs/ATTACKS.md again: of the stream, if what is wrong is in its session."""
    for name, data, conditions in xml_vectors.INSIDE:
        one = session(hold=0)
        one.create()
        answer = one.ask(data)
        conditions = (conditions,) if isinstance(conditions, str) else conditions
        assert answer.is_end and answer.condition == "remote-stream-error", name
        found = [child.tag.rpartition("}")[2] for child in answer.elements[0]]
        assert found[0] in OTHERWISE.get(name, conditions), (name, found)
        one.close()


def test_too_much(session):
    one = session()
    one.create()
    answer = one.ask("<a xmlns='b'>" + "x" * 17000 + "</a>")
    assert answer.condition == "remote-stream-error"
    names = [child.tag.rpartition("}")[2] for child in answer.elements[0]]
    assert names[0] == "policy-violation" and "stanza-too-big" in names


def test_too_many(session):
    """Each small enough, all together too much."""
    one = session()
    one.create()
    answer = one.ask(("<a xmlns='b'>" + "x" * 15000 + "</a>") * 6)
    assert answer.condition == "remote-stream-error"


def test_inactivity(make_node, source):
    """A session that nobody asks is lost: nobody is told, it is no more."""
    node = make_node(settings={"c2s": {"unauthenticated-timeout": "2s"}})
    one = bosh.Session(node, source=source())
    one.create()
    answer = one.ask()
    assert answer.is_end and answer.condition == "remote-stream-error"
    one.close()


def test_resumption(node, source):
    """From BOSH to WebSocket to TCP and back (XEP-0198)."""
    resume_everywhere(node, source, "BOSH", "WS", "BOSH", "C2S", "BOSHS")


def test_cors(session):
    connection = session()._dial()
    found = connection.ask("OPTIONS", bosh.PATH, Origin="https://page.example")
    assert found.status == 204
    assert "POST" in found.headers["access-control-allow-methods"]
    found = connection.ask("POST", bosh.PATH, bosh.body(rid=1), Origin="https://page.example")
    assert found.headers["access-control-allow-origin"] == "https://page.example"


def test_workers(make_node, source):
    """Requests come to any worker; each session has one (c2s/web/bosh_relay.c)."""
    node = make_node(workers=2)
    workers = set()
    for _ in range(16):
        one = bosh.Session(node, source=source())
        one.create()
        workers.add(one.sid.partition(".")[2])
        for _ in range(6):  # each by a connection of its own, hence to either worker
            one.free.clear()
            held, asking = one.post(), one.post(pause=10)
            assert not one.take(held).is_end and not one.take(asking).is_end
        one.free.clear()
        assert one.ask(type="terminate").is_end
        one.close()
    assert workers == {"c2s-1", "c2s-2"}


def test_who_is_logged_in_is_no_stranger(make_node, login, source):
    """Whichever worker the connections of a session came to."""
    node = make_node(workers=2, settings={"c2s": {"connections-per-address": 8}})
    client = login(where=node, service="BOSH", source=source())
    one, opened = client.socket.session, []
    for _ in range(24):
        opened += one.free
        one.free.clear()
        one.post()
        while len(one.open) > 1:
            assert not one.take().is_end
    for connection in opened:
        connection.close()


def test_sid_of_no_worker(session):
    for worker in ("c2s-9", "../c2s-1", "", "x" * 40):
        one = session()
        answer = one.ask(sid="0" * 32 + "." + worker)
        assert answer.is_end and answer.condition == "item-not-found"
