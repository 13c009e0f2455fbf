# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Hats (XEP-0317).

import pytest

from tests.harness import adhoc
from tests.muc.rooms import FORM, codes, error, is_message, is_presence, tag
from tests.muc.test_archive import features

HATS = "urn:xmpp:hats:0"
COMMANDS = "urn:xmpp:hats:commands"
DISCO = "http://jabber.org/protocol/disco#info"
HOST, SPEAKER = "https://example.org/hats#host", "https://example.org/hats#speaker"


def run(room, client, name, **fields):
    inner = adhoc.form({"FORM_TYPE": COMMANDS, **{f"hats#{var}": value
                                                  for var, value in fields.items()}})
    return adhoc.stage(client, f"{COMMANDS}:{name}", inner, to=room.jid)


def create(room, uri=HOST, title="Host", **fields):
    outcome = run(room, room.owner, "create", uri=uri, title=title, **fields)
    assert outcome.status == "completed"


def assign(room, client, uri=HOST):
    outcome = run(room, room.owner, "assign", jid=client.bare, uri=uri)
    assert outcome.status == "completed"


def hats(presence):
    return [(hat.get("uri"), hat.get("title"), hat.get("hue"))
            for hat in presence.iter(tag("hat", HATS))]


def shown(room, client, nick, expected):
    """Presence with just these hats comes."""
    client.wait_for(lambda e: is_presence(e) and e.get("from") == room.nick(nick)
                    and e.get("type") is None and hats(e) == expected)


def rows(iq):
    return [{field.get("var"): field.findtext(tag("value", FORM))
             for field in item.iter(tag("field", FORM))} for item in iq.iter(tag("item", FORM))]


def hats_hash(room, client):
    info = client.ask("get", f"<query xmlns='{DISCO}'/>", to=room.jid)
    return [field.findtext(tag("value", FORM)) for field in info.iter(tag("field", FORM))
            if field.get("var") == "hats#hash"]


def test_feature(room):
    made = room()
    assert HATS in features(made.owner, made)


def test_create(room):
    """By a form; all hear that the room has changed, and the hash is another."""
    made = room()
    guest = made.newcomer("guest")
    asked = adhoc.stage(made.owner, f"{COMMANDS}:create", to=made.jid, action="execute")
    assert asked.status == "executing"
    assert set(asked.fields) == {"hats#title", "hats#uri", "hats#hue"}
    assert hats_hash(made, guest) == []
    create(made, hue="327.25")
    guest.wait_for(lambda e: is_message(e) and e.get("from") == made.jid and codes(e) == {104})
    one = hats_hash(made, guest)
    assert len(one) == 1
    create(made, SPEAKER, "Speaker")
    assert hats_hash(made, guest) != one
    listed = run(made, made.owner, "list")
    assert rows(listed.iq) == [
        {"hats#title": "Host", "hats#uri": HOST, "hats#hue": "327.25"},
        {"hats#title": "Speaker", "hats#uri": SPEAKER}]


def test_assign(room, login, node):
    """Everybody sees who wears what: those who are there, those who come, after a restart too."""
    made = room(persistentroom="1")
    guest = made.newcomer("guest")
    create(made, hue="1.5")
    create(made, SPEAKER, "Speaker")
    asked = adhoc.stage(made.owner, f"{COMMANDS}:assign", to=made.jid)
    assert set(asked.fields) == {"hats#jid", "hats#uri"}
    choices = [option.findtext(tag("value", FORM)) for option in asked.iq.iter(tag("option", FORM))]
    assert choices == [HOST, SPEAKER]
    assign(made, guest)
    both = [(HOST, "Host", "1.5"), (SPEAKER, "Speaker", None)]
    shown(made, guest, "guest", both[:1])
    assign(made, guest, SPEAKER)
    shown(made, guest, "guest", both)
    listed = run(made, made.owner, "list-assigned")
    assert [(row["hats#jid"], row["hats#uri"]) for row in rows(listed.iq)] == \
        [(guest.bare, HOST), (guest.bare, SPEAKER)]
    for number in range(2):
        seen = made.join(login(), f"late{number}")
        assert [hats(p) for p in seen if p.get("from") == made.nick("guest")] == [both]
        node.daemon("muc").restart()


def test_update(room):
    made = room()
    guest = made.newcomer("guest")
    create(made)
    assign(made, guest)
    create(made, HOST, "Hostess", hue="2")
    shown(made, guest, "guest", [(HOST, "Hostess", "2")])


def test_unassign_and_destroy(room):
    made = room()
    guest = made.newcomer("guest")
    create(made)
    create(made, SPEAKER, "Speaker")
    assign(made, guest)
    assign(made, guest, SPEAKER)
    assert run(made, made.owner, "unassign", jid=guest.bare, uri=HOST).status == "completed"
    shown(made, guest, "guest", [(SPEAKER, "Speaker", None)])
    assert run(made, made.owner, "destroy", uri=SPEAKER).status == "completed"
    shown(made, guest, "guest", [])
    assert len(rows(run(made, made.owner, "list").iq)) == 1


def test_forged(room):
    """Nobody gives himself a hat."""
    made = room()
    hat = f"<hats xmlns='{HATS}'><hat uri='{HOST}' title='Host'/></hats>"
    made.newcomer("guest", beside=hat)
    seen = made.presence_of(made.owner, "guest")
    assert hats(seen) == []


def test_strangers(room, login):
    """Administrators only."""
    made = room()
    guest = made.newcomer("guest")
    create(made)
    for client in (guest, login()):
        for name in ("create", "destroy", "assign", "unassign", "list", "list-assigned"):
            outcome = run(made, client, name, uri=HOST, title="x", jid=guest.bare)
            assert error(outcome.iq) == ("auth", "forbidden")


@pytest.mark.parametrize("name, fields, expected", [
    ("create", {"uri": HOST}, ("modify", "bad-request")),
    ("create", {"title": "Host"}, ("modify", "bad-request")),
    ("assign", {"uri": HOST, "jid": "a@@"}, ("modify", "bad-request")),
    ("assign", {"uri": HOST, "jid": "a@example.org"}, ("cancel", "item-not-found")),
    ("unassign", {"uri": HOST, "jid": "a@example.org"}, ("cancel", "item-not-found")),
    ("destroy", {"uri": HOST}, ("cancel", "item-not-found")),
    ("wear", {"uri": HOST}, ("cancel", "item-not-found")),
])
def test_refused(room, name, fields, expected):
    made = room()
    assert error(run(made, made.owner, name, **fields).iq) == expected


def test_too_many_wearers(room):
    """The limit counts those who wear it; who wears it already is none more."""
    made = room()
    create(made)
    text = adhoc.form({"FORM_TYPE": COMMANDS, "hats#uri": HOST, "hats#jid": "%s"})
    for number in range(1000):
        made.owner.send(
            f"<iq type='set' id='w{number}' to='{made.jid}'>"
            f"<command xmlns='{adhoc.COMMANDS}' node='{COMMANDS}:assign' action='complete'>"
            f"{text.replace('%s', f'u{number}@example.org')}</command></iq>")
    last = made.owner.wait_for(lambda e: e.get("id") == "w999")
    assert last.get("type") == "result"
    over = run(made, made.owner, "assign", uri=HOST, jid="one.more@example.org")
    assert error(over.iq) == ("wait", "resource-constraint")
    again = run(made, made.owner, "assign", uri=HOST, jid="u7@example.org")
    assert again.status == "completed"


def test_too_many(room):
    made = room()
    for number in range(100):
        create(made, f"{HOST}{number}")
    over = run(made, made.owner, "create", uri=HOST, title="Host")
    assert error(over.iq) == ("wait", "resource-constraint")
    create(made, f"{HOST}7", "Another title")  # one that there is may change
