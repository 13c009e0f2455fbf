# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What changes a roster and the stanza that tells the contact are one transaction: whatever dies in
# between, both sides end up with the same subscription (docs/DURABILITY.md).

import pytest

from tests.faults.talk import ROSTER, TEXTS, leave, owner
from tests.harness import wait
from tests.node import place

BOT = f"bot@{place.COMPONENT}"


@pytest.fixture(scope="module", params=["yes", "no"], ids=["shortcut", "router"])
def either(request, make_node):
    return make_node(settings={"sm": {"shortcut": request.param}})


def kill(node):
    node.daemon("c2s").kill()


def query(node, sql):
    return node.postgres.query("kontalk", sql)


def waits(node):
    """How many stanzas nobody has taken yet."""
    return int(query(node, "SELECT count(*) FROM outbox"))


def stall_roster(node, jid):
    """Whatever writes the roster of this account waits, until go_on()."""
    local = jid.partition("@")[0]
    query(node, f"""
        CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.owner = (SELECT owner FROM account WHERE local = '{local}') THEN
                PERFORM pg_sleep(600);
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER stall BEFORE INSERT OR UPDATE ON roster_item
            FOR EACH ROW EXECUTE FUNCTION stall()""")


STALLED = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def go_on(node):
    query(node, f"SELECT pg_terminate_backend(pid) {STALLED}")
    query(node, "DROP TRIGGER stall ON roster_item; DROP FUNCTION stall()")


def subscription(client, contact):
    """(subscription, ask) of a roster item."""
    answer = client.ask("get", f"<query xmlns='{ROSTER}'/>")
    items = {item.get("jid"): item for item in answer[0]}
    return (items[contact].get("subscription"), items[contact].get("ask")) \
        if contact in items else None


def wait_presence(client, kind, sender):
    return client.wait_for(lambda e: e.tag.endswith("}presence") and e.get("type") == kind and
                           e.get("from") == sender)


def test_for_a_domain_that_is_away(node, login, gateway):
    """In order with messages, also behind SIGKILL."""
    alice = login(where=node)
    first, last = next(TEXTS), next(TEXTS)
    alice.send_message(BOT, first)
    alice.send(f"<presence type='subscribe' to='{BOT}'/>")
    alice.send_message(BOT, last)
    alice.settle()
    kill(node)
    node.daemon("c2s").start()
    door = gateway(node)
    door.hear(first)
    request = door.receive()
    assert (request.get("type"), request.get("from")) == ("subscribe", alice.bare)
    door.hear(last)
    alice = login(owner(alice), where=node)
    alice.ask("get", f"<query xmlns='{ROSTER}'/>")
    door.send(f"<presence type='subscribed' from='{BOT}' to='{alice.bare}'/>")
    wait_presence(alice, "subscribed", BOT)
    wait.until(lambda: waits(node) == 0, what="the outbox to be empty")
    leave(node, door)
    alice.ask("set", f"<query xmlns='{ROSTER}'><item jid='{BOT}' subscription='remove'/></query>")
    kill(node)
    node.daemon("c2s").start()
    wait_presence(gateway(node), "unsubscribe", alice.bare)


def die_between(node, word, sender, contact):
    stall_roster(node, contact.bare)
    sender.send(f"<presence type='{word}' to='{contact.bare}'/>")
    wait.until(lambda: query(node, f"SELECT count(*) {STALLED}") == "1",
               what="the second change to wait")
    kill(node)
    go_on(node)
    node.daemon("c2s").start()
    wait.until(lambda: waits(node) == 0, what="the outbox to be empty")


def test_killed_between_two_rosters(either, login):
    """The change of the one account is committed, that of the other is not."""
    alice, bob = login(where=either), login(where=either)
    die_between(either, "subscribe", alice, bob)
    alice, bob = login(owner(alice), where=either), login(owner(bob), where=either)
    bob.send("<presence/>")
    wait_presence(bob, "subscribe", alice.bare)
    die_between(either, "subscribed", bob, alice)
    alice, bob = login(owner(alice), where=either), login(owner(bob), where=either)
    assert subscription(alice, bob.bare) == ("to", None)
    assert subscription(bob, alice.bare) == ("from", None)
