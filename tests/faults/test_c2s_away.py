# SPDX-License-Identifier: AGPL-3.0-or-later
#
# c2s dies, ends, or stands still. The rest of the node goes on; what clients were told is true
# afterwards, and whoever could not be told anything hears that it is to try again.

import threading

import pytest

from tests.attacks.positions import Attacker
from tests.faults.talk import ROSTER, Watch, owner, texts_until, wait_routes
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.node.client import PING, Closed
from tests.router.router import COMPONENT

PATIENT = {"router": {"ping-interval": "100ms", "ping-timeout": "60s"}}
HASTY = {"router": {"ping-interval": "100ms", "ping-timeout": "500ms"}}
MINUTE = {"router": {"ping-timeout": "60s"}}
AWAY = ("wait", "remote-server-timeout")


def has_ended(client):
    with pytest.raises(Closed):
        client.settle()


def roster(client):
    result = client.ask("get", f"<query xmlns='{ROSTER}'/>")
    return {item.get("jid") for item in result.iter(f"{{{ROSTER}}}item")}


def test_killed(node, friends, gateway, login):
    pair, door = friends(node), gateway(node)
    pair.meet(door)
    watch = Watch(node, "router", "s2s")
    node.daemon("c2s").kill()
    has_ended(pair.alice)
    door.goes_on()
    wait.until(lambda: door.error_of(door.tell(pair.bob.bare)) == AWAY, what="the route to go")
    node.daemon("c2s").start()
    text = door.tell(pair.bob.bare)
    again = [login(owner(client), where=node) for client in (pair.alice, pair.bob)]
    for client in again:
        client.send("<presence/>")
    again[1].wait_message(text)
    again[0].send_message(again[1].full, "back again")
    again[1].wait_message("back again")
    wait_routes(node, node.network, node.place.host, "(default)")
    assert watch.same_processes()


def test_ended_in_order(node, friends, gateway, login):
    """Others hear that its people have gone."""
    pair, door = friends(node), gateway(node)
    pair.alice.send(f"<presence to='{door.bot}'/>")
    door.wait_for(lambda e: e.tag == f"{{{COMPONENT}}}presence")
    node.daemon("c2s").stop()
    gone = door.wait_for(lambda e: e.get("type") == "unavailable")
    assert gone.get("from") == pair.alice.full
    with pytest.raises(Closed, match="system-shutdown"):
        pair.bob.settle()
    node.daemon("c2s").start()
    text = door.tell(pair.alice.bare)
    again = login(owner(pair.alice), where=node)
    again.send("<presence/>")
    again.wait_message(text)


@pytest.mark.parametrize("answered", (1, 10, 29))
def test_what_was_answered_is_true(node, login, answered):
    """A result is not sent before its change is safe."""
    alice = login(where=node)
    jids = [f"contact{n}@x.example" for n in range(30)]
    for number, jid in enumerate(jids):
        alice.send(f"<iq type='set' id='r{number}'><query xmlns='{ROSTER}'>"
                   f"<item jid='{jid}'/></query></iq>")
    for number in range(answered):
        answer = alice.wait_for(lambda e: e.get("id", "").startswith("r"))
        assert (answer.get("id"), answer.get("type")) == (f"r{number}", "result")
    node.daemon("c2s").kill()
    node.daemon("c2s").start()
    assert roster(login(owner(alice), where=node)).issuperset(jids[:answered])


def answered(client, element):
    """The element; if it is a question, that has been answered."""
    if element.get("type") == "get":
        client.send(f"<iq type='result' id='{element.get('id')}' to='{element.get('from')}'/>")
    return element


def pending(node, client):
    """How many messages wait for the account."""
    return int(node.postgres.query("kontalk", "SELECT count(*) FROM pending JOIN account"
                                   f" USING (owner) WHERE local = '{client.bare.split('@')[0]}'"))


def answer_question(node, client):
    """The one behind messages: the client has them, and so the database knows soon."""
    client.wait_for(lambda e: answered(client, e).get("type") == "get")
    wait.until(lambda: pending(node, client) == 0, what="what was acknowledged to be written")


def test_stored_messages_stay(node, login, gateway):
    """What waits for somebody who is away survives until he has it; then it does not come again."""
    bob, door = login(where=node), gateway(node)
    bob.logout()
    texts = [door.tell(bob.bare) for _ in range(5)]
    door.settle(bob.bare)
    alice = login(where=node)
    alice.send_message(bob.bare, "the last")
    alice.ask("get", f"<ping xmlns='{PING}'/>", to=bob.bare)
    for answers in (False, True):
        node.daemon("c2s").kill()
        node.daemon("c2s").start()
        again = login(owner(bob), where=node)
        again.send("<presence/>")
        assert texts_until(again, "the last") == [*texts, "the last"]
        if answers:
            answer_question(node, again)
    node.daemon("c2s").kill()
    node.daemon("c2s").start()
    again = login(owner(bob), where=node)
    again.send("<presence/>")
    again.send_message(again.full, "nothing more")
    assert texts_until(again, "nothing more") == ["nothing more"]


def test_what_a_device_has_does_not_come_again(node, login):
    """A client without XEP-0198 that was here before; c2s dies while it is connected."""
    alice = login(where=node)
    phone = login(where=node, resource="phone")
    phone.send("<presence/>")
    phone.logout()
    phone = login(owner(phone), where=node, resource="phone")
    phone.send("<presence/>")
    for text in ("one", "two", "three"):
        alice.send_message(phone.bare, text)
    phone.wait_for(lambda e: answered(phone, e).findtext("{*}body") == "three")
    answer_question(node, phone)
    node.daemon("c2s").kill()
    node.daemon("c2s").start()
    again = login(owner(phone), where=node, resource="phone")
    again.send("<presence/>")
    again.send_message(again.full, "nothing more")
    assert texts_until(again, "nothing more") == ["nothing more"]


NEEDED = {"router": "link_failed", "database": "schema_unusable"}


@pytest.mark.parametrize("missing, event", NEEDED.items())
def test_started_first(node, friends, missing, event):
    """It waits for what it needs, and is ready when that is there."""
    c2s = node.daemon("c2s")
    other = node.postgres if missing == "database" else node.daemon(missing)
    c2s.stop()
    other.stop()
    c2s.mark_log()
    starting = threading.Thread(target=c2s.start)
    starting.start()
    c2s.wait_log(f"event={event} ")
    other.start()
    starting.join(60)
    assert not starting.is_alive(), "it is not ready"
    friends(node).talk()


POSITIONS = ("first", "plain", "encrypted", "tls", "authenticated", "unbound", "bound")


@pytest.mark.parametrize("how", ("killed", "in-order"))
def test_at_any_moment(node, friends, how):
    """Wherever clients are on their way, none hangs, and all can come again."""
    attacker = Attacker(node, node.add_account(), lambda: next(SOURCES), lambda stream: stream)
    streams = [getattr(attacker, position)() for position in POSITIONS]
    daemon = node.daemon("c2s")
    daemon.kill() if how == "killed" else daemon.stop()
    for stream in streams:
        assert stream.read_to_end().closed
        stream.close()
    daemon.start()
    friends(node).talk()


def test_stopped_for_long(make_node, friends, gateway):
    """Longer than the router waits: its names go, and come back with it; streams of clients do
    not notice."""
    node = make_node(settings=HASTY)
    pair, door = friends(node), gateway(node)
    watch = Watch(node, "router", "c2s", "s2s")
    with node.daemon("c2s").paused():
        texts = pair.say(10)
        watch.wait("router", "component_silent")
        wait.until(lambda: door.error_of(door.tell(pair.bob.full)) == AWAY, what="the route to go")
        door.goes_on()
    assert texts_until(pair.bob, texts[-1])[-10:] == texts
    watch.wait("c2s", "link_up")
    wait_routes(node, node.network, node.place.host)
    pair.talk()
    pair.meet(door)
    assert watch.same_processes()
    assert not watch.has("c2s", "slot_lost")


def test_stopped_for_a_while(make_node, friends, gateway):
    """Less than that: what was sent meanwhile is there, in order."""
    node = make_node(settings=PATIENT)
    pair, door = friends(node), gateway(node)
    watch = Watch(node, "router", "c2s", "s2s")
    with node.daemon("c2s").paused():
        said = pair.say(10)
        told = [door.tell(pair.bob.full) for _ in range(10)]
        door.goes_on()
    heard = texts_until(pair.bob, told[-1])
    while not set(said).issubset(heard):
        heard += texts_until(pair.bob, said[-1])
    assert [text for text in heard if text in said] == said
    assert [text for text in heard if text in told] == told
    pair.meet(door)
    assert not watch.has("router", "component_silent")
    assert watch.same_processes()
