# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The database goes away under sessions that go on: everybody is told to try again later, nobody
# that something does not exist, and afterwards it all works again without a new login.

import contextlib

import pytest

from tests.harness import wait
from tests.node import place

ROSTER = "jabber:iq:roster"
CLIENT = "jabber:client"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


@pytest.fixture(scope="module")
def hasty(make_node):
    """A node that gives up on its database soon, and finds it again all at once."""
    return make_node(settings={"database": {"deadline": "300ms", "connections": "1"}})


@contextlib.contextmanager
def without_database(node):
    node.postgres.stop()
    try:
        yield
    finally:
        node.postgres.start()
        wait.until(lambda: reaches_database(node), what="c2s to find its database again")


def reaches_database(node):
    with contextlib.suppress(place.Error):
        return node.add_account()
    return None


def roster_set(client, jid):
    return client.ask("set", f"<query xmlns='{ROSTER}'><item jid='{jid}'/></query>")


def roster(client):
    result = client.ask("get", f"<query xmlns='{ROSTER}'/>")
    return {item.get("jid"): item.get("ask") for item in result.iter(f"{{{ROSTER}}}item")}


def condition(stanza):
    """(type, condition) of an error stanza."""
    error = stanza.find(f"{{{CLIENT}}}error")
    assert error is not None, stanza.attrib
    return error.get("type"), error[0].tag.removeprefix(f"{{{STANZAS}}}")


def error_of(client, kind):
    return condition(client.wait_for(
        lambda e: e.tag == f"{{{CLIENT}}}{kind}" and e.get("type") == "error"))


def until_it_works(client, jid):
    wait.until(lambda: roster_set(client, jid).get("type") == "result", what="a roster set")


def test_roster_set(login, hasty):
    alice = login(where=hasty)
    with without_database(hasty):
        assert condition(roster_set(alice, "a@x.example")) == ("wait", "resource-constraint")
        assert condition(roster_set(alice, "b@x.example")) == ("wait", "resource-constraint")
    until_it_works(alice, "c@x.example")
    assert list(roster(alice)) == ["c@x.example"]


def test_subscribe(login, hasty):
    """It is written with what the contact is told, again and again until that is there."""
    alice, bob = login(where=hasty), login(where=hasty)
    bob.send_presence()
    with without_database(hasty):
        alice.send(f"<presence type='subscribe' to='{bob.bare}'/>")
    asked = bob.wait_for(lambda e: e.get("type") == "subscribe")
    assert asked.get("from") == alice.bare
    assert roster(alice)[bob.bare] == "subscribe"


@pytest.mark.parametrize("local", ["exists", "nobody"])
def test_message_to_somebody_not_in_memory(login, hasty, local):
    """What cannot be read is not "no such user"."""
    alice = login(where=hasty)
    if local == "exists":
        local = hasty.add_account().user
    with without_database(hasty):
        alice.send_message(f"{local}@{hasty.network}", "hello")
        assert error_of(alice, "message") == ("wait", "resource-constraint")
        answer = alice.ask("get", "<query xmlns='jabber:iq:last'/>", f"{local}@{hasty.network}")
        assert condition(answer) == ("wait", "resource-constraint")


def test_who_is_here_goes_on_talking(login, hasty):
    alice, bob = login(where=hasty), login(where=hasty)
    bob.send_presence()
    with without_database(hasty):
        alice.send(f"<message to='{bob.full}' type='headline'><body>news</body></message>")
        bob.wait_message("news")
        alice.send_message(bob.full, "stored when the database is back")
