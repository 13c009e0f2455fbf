# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rooms outlive kontalk-muc, and what they have accepted is neither lost nor doubled.

import re

import pytest

from tests.harness import wait
from tests.muc.rooms import MUC, body, codes, error, is_message, item, tag

PING = "<ping xmlns='urn:xmpp:ping'/>"


@pytest.fixture
def muc(node):
    """kontalk-muc, which runs again behind the test."""
    daemon = node.daemon("muc")
    yield daemon
    if not daemon.pid:
        daemon.start()


def restart(daemon):
    daemon.kill()
    daemon.start()


def test_room_outlives_the_process(muc, clients_room):
    """Configuration, affiliations, subject, history, and who is in it."""
    place = clients_room(roomname="Coven", persistentroom="1", moderatedroom="1")
    second = place.newcomer("second")
    place.change(place.owner, jid="a@example.test", affiliation="outcast")
    place.change(place.owner, nick="second", role="participant")
    place.owner.send(f"<message to='{place.jid}' type='groupchat'><subject>Fire</subject>"
                     "</message>")
    place.say(second, "before")
    place.hears(place.owner, "before")
    restart(muc)
    assert place.owner.ask("get", PING, to=place.nick("owner")).get("type") == "result"
    place.say(second, "behind")
    assert place.hears(place.owner, "behind").get("from") == place.nick("second")
    third = place.login()
    seen = place.join(third, "third")
    assert {s.get("from") for s in seen[:2]} == {place.nick("owner"), place.nick("second")}
    assert item(seen[0]) in {("owner", "moderator"), ("none", "participant")}
    assert item(seen[2]) == ("none", "visitor")
    assert [body(s) for s in seen if body(s)] == ["before", "behind"]
    assert seen[-1].findtext(tag("subject")) == "Fire"
    banned = place.owner.ask("get", f"<query xmlns='{MUC}#admin'><item affiliation='outcast'/>"
                             "</query>", to=place.jid)
    assert [i.get("jid") for i in banned.iter(tag("item", f"{MUC}#admin"))] == ["a@example.test"]


def test_silence_outlives_a_restart(muc, clients_room):
    """XEP-0045 section 5.1"""
    place = clients_room(persistentroom="1")
    second = place.newcomer("second")
    place.change(place.owner, nick="second", role="visitor")
    place.leave(second, "second")
    restart(muc)
    seen = place.join(second, "second")
    assert [item(p)[1] for p in seen if p.get("from") == place.nick("second")] == ["visitor"]


def test_ghost(muc, clients_room):
    """Who has gone while the room was not there leaves when it is spoken to (§18.1.4): 333."""
    place = clients_room()
    ghost = place.newcomer("ghost")
    muc.kill()
    ghost.logout()
    muc.start()
    place.say(place.owner, "boo")
    gone = place.presence_of(place.owner, "ghost", lambda p: p.get("type") == "unavailable")
    assert 333 in codes(gone)


def counts(node):
    return node.control("ask", "muc", "show", "counts")


def stored(node, place):
    """The bodies in the database, in order."""
    local = place.jid.partition("@")[0]
    rows = node.postgres.query(
        "kontalk", "SELECT content FROM kontalk_muc.message m JOIN kontalk_muc.room r"
        f" ON r.room = m.room WHERE r.local = '{local}' ORDER BY m.seq")
    return re.findall(r"<body>(n\d+)</body>", rows)


def test_nothing_accepted_is_lost_or_doubled(node, muc, clients_room):
    """Processes die while somebody talks: everybody hears what was stored, once, in order."""
    place = clients_room()
    second = place.newcomer("second")
    heard, number = [], 0
    for daemon in ("muc", "router", "muc", "muc"):
        for _ in range(40):
            number += 1
            place.say(place.owner, f"n{number}")
        place.owner.wait_for(lambda e: is_message(e) and (body(e) or "").startswith("n"))
        restart(node.daemon(daemon))
    said = number

    def ask():
        place.owner.send(f"<iq type='get' id='there' to='{place.nick('owner')}'>{PING}</iq>")
        answer = place.owner.wait_for(lambda e: e.get("id") == "there")
        return answer.get("type") == "result"

    wait.until(ask)  # the router is there again, and the room behind it
    place.say(place.owner, "the end")
    while True:
        text = body(second.wait_for(lambda e: is_message(e) and body(e)))
        if text == "the end":
            break
        heard.append(text)
    assert heard == stored(node, place)
    assert len(heard) == len(set(heard)) and 4 <= len(heard) <= said
    wait.until(lambda: "letters: 0" in counts(node))


def test_database_without_the_room(node, clients_room):
    """What cannot be read is answered with resource-constraint, and works again later."""
    place = clients_room()
    node.postgres.query("kontalk", "ALTER TABLE kontalk_muc.room_option RENAME TO away")
    try:
        answer = place.owner.ask("get", PING, to=f"other-{place.jid}")
        assert error(answer) == ("wait", "resource-constraint")
    finally:
        node.postgres.query("kontalk", "ALTER TABLE kontalk_muc.away RENAME TO room_option")
    answer = place.owner.ask("get", PING, to=f"other-{place.jid}")
    assert error(answer) == ("cancel", "item-not-found")


def test_what_cannot_be_read_at_the_start(node, muc, clients_room):
    """It is tried again, after longer and longer pauses, until it can be read."""
    place = clients_room(persistentroom="1")
    node.postgres.query("kontalk", "ALTER TABLE kontalk_muc.note RENAME TO note_away")
    try:
        muc.mark_log()
        restart(muc)
        found = muc.wait_log(r"event=muc_not_read .*retry_ms=(\d+)(?s:.*)"
                             r"event=muc_not_read .*retry_ms=(\d+)")
        assert 0 < int(found.group(1)) <= int(found.group(2))
    finally:
        node.postgres.query("kontalk", "ALTER TABLE kontalk_muc.note_away RENAME TO note")
    muc.wait_log("event=muc_read_now")
    assert place.owner.ask("get", PING, to=place.nick("owner")).get("type") == "result"


def test_no_access_to_accounts(node):
    """The role of kontalk-muc cannot read a table of the accounts."""
    allowed = node.postgres.query(
        "kontalk", "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace ="
        " 'public'::regnamespace AND has_table_privilege('kontalk_muc', oid, 'SELECT')")
    assert allowed == "0"
