# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Entering, being in, and leaving a room (XEP-0045 §§7.1 to 7.7, 7.14 and 10.1).

import pytest

from tests.muc.rooms import (CLIENT, MUC, USER, body, codes, error, is_message, is_presence, item,
                             tag)


def test_creation(login, node, room):
    """§10.1: 201, locked until it is configured."""
    place = room()
    first, second = login(), login()
    place.jid = f"new-{place.jid}"
    seen = place.join(first, "first")
    assert codes(seen[0]) >= {110, 201}
    assert item(seen[0]) == ("owner", "moderator")
    assert error(place.join(second, "second")[-1]) == ("cancel", "item-not-found")
    place.configure(first)
    assert not error(place.join(second, "second")[-1])
    place.leave(second, "second")
    place.leave(first, "first")


def test_order(room):
    """§7.1: others, oneself, history, the subject."""
    place = room()
    place.say(place.owner, "one")
    place.hears(place.owner, "one")
    client = place.login()
    seen = place.join(client, "second")
    assert [s.get("from") for s in seen] == [place.nick("owner"), place.nick("second"),
                                             place.nick("owner"), place.jid]
    assert 110 not in codes(seen[0]) and 110 in codes(seen[1])
    assert body(seen[2]) == "one"
    assert seen[2].find(tag("delay", "urn:xmpp:delay")).get("from") == place.jid
    assert seen[3].findtext(tag("subject")) in (None, "")


def test_talk(room):
    """§7.4: everybody hears it, the one who says it too."""
    place = room()
    second = place.newcomer("second")
    place.say(second, "hello", name="x1")
    for client in (place.owner, second):
        message = place.hears(client, "hello")
        assert message.get("from") == place.nick("second") and message.get("id") == "x1"
        assert message.find(tag("stanza-id", "urn:xmpp:sid:0")).get("by") == place.jid


def test_semi_anonymous(room):
    """§7.2.4: the real address is for moderators only."""
    place = room()
    second = place.newcomer("second")
    third = place.newcomer("third")
    seen = place.presence_of(second, "third")
    assert seen.find(f"{tag('x', USER)}/{tag('item', USER)}").get("jid") is None
    seen = place.presence_of(place.owner, "third")
    assert seen.find(f"{tag('x', USER)}/{tag('item', USER)}").get("jid") == third.full


def test_non_anonymous(room):
    """§7.2.3: 100, and everybody sees it."""
    place = room(whois="anyone")
    second = place.login()
    seen = place.join(second, "second")
    assert 100 in codes(seen[1])
    assert seen[0].find(f"{tag('x', USER)}/{tag('item', USER)}").get("jid") == place.owner.full


def test_password_and_members(room):
    """§§7.2.5 and 7.2.6"""
    place = room(passwordprotectedroom="1", roomsecret="s3cret", membersonly="1")
    second = place.login()
    place.change(place.owner, jid=second.bare, affiliation="member")
    seen = place.join(second, "second", "<password>s3cret</password>")
    assert item(seen[1]) == ("member", "participant")


def test_history(room):
    """§7.2.13: maxstanzas, maxchars, seconds, since."""
    place = room()
    for text in ("one", "two", "three"):
        place.say(place.owner, text)
        place.hears(place.owner, text)

    def told(wish):
        client = place.login()
        seen = place.join(client, "second", wish)
        place.leave(client, "second")
        return [body(s) for s in seen if is_message(s) and body(s)]

    assert told("") == ["one", "two", "three"]
    assert told("<history maxstanzas='2'/>") == ["two", "three"]
    assert told("<history maxchars='0'/>") == []
    assert told("<history seconds='0'/>") == []
    assert told("<history since='2000-01-01T00:00:00Z'/>") == ["one", "two", "three"]
    assert told("<history since='2999-01-01T00:00:00Z'/>") == []
    assert told("<history maxstanzas='x'/>") == ["one", "two", "three"]


def test_history_of_the_room(room):
    """The owner says how much there is at most."""
    place = room()
    place.configure()
    place.owner.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                    "<x xmlns='jabber:x:data' type='submit'><field var='muc#maxhistoryfetch'>"
                    "<value>1</value></field></x></query>", to=place.jid)
    for text in ("one", "two"):
        place.say(place.owner, text)
        place.hears(place.owner, text)
    seen = place.join(place.login(), "second")
    assert [body(s) for s in seen if body(s)] == ["two"]


def test_subject(room):
    """§§7.2.15 and 8.1: newcomers are told it, with who has set it and when; it can end."""
    place = room()
    place.owner.send(f"<message to='{place.jid}' type='groupchat'><subject>Fire</subject>"
                     "</message>")
    seen = place.join(place.login(), "second")
    assert seen[-1].findtext(tag("subject")) == "Fire" and not body(seen[-1])
    assert seen[-1].get("from") == place.nick("owner")
    assert seen[-1].find(tag("delay", "urn:xmpp:delay")).get("from") == place.jid
    assert len([s for s in seen if is_message(s)]) == 1  # it is no history
    place.owner.send(f"<message to='{place.jid}' type='groupchat'><subject/></message>")
    seen = place.join(place.login(), "third")
    assert seen[-1].findtext(tag("subject")) in (None, "")
    assert seen[-1].find(tag("delay", "urn:xmpp:delay")) is not None


@pytest.mark.parametrize("beside", ["<body>text</body>", "<thread>t</thread>"])
def test_message_with_a_subject(room, beside):
    """§8.1: with a body or a thread it is an ordinary message."""
    place = room()
    second = place.newcomer("second")
    second.send(f"<message to='{place.jid}' type='groupchat'><subject>Mine</subject>{beside}"
                "</message>")
    seen = place.owner.wait_for(lambda e: e.findtext(tag("subject")) == "Mine")
    assert error(seen) is None and seen.get("from") == place.nick("second")
    third = place.login()
    place.send_join(third, "third")
    seen = third.wait_for(lambda e: is_message(e) and e.get("from") == place.jid)
    assert seen.findtext(tag("subject")) == ""


def test_subject_of_participants(room):
    place = room(changesubject="1")
    second = place.newcomer("second")
    second.send(f"<message to='{place.jid}' type='groupchat'><subject>Mine</subject></message>")
    place.owner.wait_for(lambda e: e.findtext(tag("subject")) == "Mine")


def test_nickname(room):
    """§7.6: 303 with the new name, then presence under it."""
    place = room()
    second = place.newcomer("second")
    place.send_join(second, "other")
    for client in (place.owner, second):
        gone = place.presence_of(client, "second", lambda p: p.get("type") == "unavailable")
        assert 303 in codes(gone)
        assert gone.find(f"{tag('x', USER)}/{tag('item', USER)}").get("nick") == "other"
        here = place.presence_of(client, "other")
        assert item(here) == ("none", "participant")
        assert (110 in codes(here)) == (client is second)


def test_availability(room):
    """§7.7"""
    place = room()
    second = place.newcomer("second")
    second.send(f"<presence to='{place.nick('second')}'><show>xa</show><c xmlns='x:y'/>"
                f"<x xmlns='{USER}'><item affiliation='owner'/></x></presence>")
    seen = place.presence_of(place.owner, "second", lambda p: p.find(tag("show")) is not None)
    assert seen.findtext(tag("show")) == "xa" and seen.find(tag("c", "x:y")) is not None
    assert item(seen) == ("none", "participant")  # §17.3: nothing forged


def test_leaving(room):
    """§7.14: with a last word; to oneself with 110."""
    place = room()
    second = place.newcomer("second")
    second.send(f"<presence to='{place.nick('second')}' type='unavailable'>"
                "<status>bye</status></presence>")
    for client in (place.owner, second):
        gone = place.presence_of(client, "second", lambda p: p.get("type") == "unavailable")
        assert gone.findtext(tag("status")) == "bye"
        assert item(gone) == ("none", "none")
        assert (110 in codes(gone)) == (client is second)


def test_temporary_room_ends(room):
    """§10.1: with its last occupant, unless it is persistent."""
    place = room()
    place.leave(place.owner, "owner")
    assert 201 in codes(place.join(place.owner, "owner")[0])
    place.configure(persistentroom="1")
    place.leave(place.owner, "owner")
    assert 201 not in codes(place.join(place.owner, "owner")[0])


def test_unconfigured_room_ends(room):
    """§10.1.3: cancelled, or left."""
    place = room()
    place.jid = f"unconfigured-{place.jid}"
    place.join(place.owner, "owner")
    place.owner.ask("set", f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='cancel'/>"
                    "</query>", to=place.jid)
    assert 201 in codes(place.join(place.owner, "owner")[0])
    gone = place.leave(place.owner, "owner")
    assert gone.find(f"{tag('x', USER)}/{tag('destroy', USER)}") is not None
    assert 201 in codes(place.join(place.owner, "owner")[0])


def test_two_clients_of_one_account(login, room):
    """§7.2.8: they share the nickname; the room hears of the first and of the end."""
    place = room()
    account = place.node.add_account()
    one, two = login(account, resource="one"), login(account, resource="two")
    place.join(one, "second")
    place.presence_of(place.owner, "second")
    assert 110 in codes(place.join(two, "second")[1])
    place.say(place.owner, "both")
    place.hears(one, "both")
    place.hears(two, "both")
    place.leave(one, "second")
    place.say(two, "still here")
    assert place.hears(place.owner, "still here").get("from") == place.nick("second")
    place.leave(two, "second")
    place.presence_of(place.owner, "second", lambda p: p.get("type") == "unavailable")


def test_desynchronised(room):
    """§7.2.1: with <x/> again it hears everything again; §7.2.17: without, it is told that it is
    not there."""
    place = room()
    seen = place.join(place.owner, "owner")
    assert 110 in codes(seen[0]) and 201 not in codes(seen[0])
    ghost = place.login()
    ghost.send(f"<presence to='{place.nick('ghost')}'/>")
    gone = place.presence_of(ghost, "ghost")
    assert gone.get("type") == "unavailable" and codes(gone) == {110, 307, 333}


def test_desynchronised_with_another_presence(login, room):
    """§17.3: of who enters again the others, and its own other clients, hear what has changed; of
    equal presence, and of a client whose presence is not the one that is seen, nothing."""
    place = room()
    account = place.node.add_account()
    one, two = login(account, resource="one"), login(account, resource="two")
    for client in (one, two):
        place.join(client, "twice")
    shown = {place.owner: [], one: [], two: []}

    def shows(stanzas):
        return [stanza.findtext(tag("show")) for stanza in stanzas
                if is_presence(stanza) and stanza.get("from") == place.nick("twice")]

    for client, show in ((one, "away"), (one, "away"), (two, "dnd"), (one, None)):
        seen = place.join(client, "twice", beside=f"<show>{show}</show>" if show else "")
        assert any(p.get("from") == place.nick("owner") for p in seen)
        shown[client] += shows(seen)
    place.say(place.owner, "end")
    for client, seen in shown.items():
        while True:
            stanza = client.wait_for(lambda e: is_presence(e) or body(e) == "end")
            if body(stanza) == "end":
                break
            seen += shows([stanza])
    assert shown[place.owner] == [None, "away", None]
    assert shown[one] == ["away", "away", None]
    assert shown[two] == ["away", "dnd", None]


def test_presence_of_strangers_is_ignored(room):
    """§17.3: unavailable, probes."""
    place = room()
    stranger = place.login()
    stranger.send(f"<presence to='{place.nick('x')}' type='unavailable'/>"
                  f"<presence to='{place.nick('x')}' type='probe'/>")
    stranger.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=place.jid)
    place.say(place.owner, "nothing before this")
    first = place.owner.wait_for(lambda e: (e.get("from") or "").startswith(place.jid))
    assert first.tag != f"{{{CLIENT}}}iq" and body(first) == "nothing before this"


def test_broadcast_of_roles(room):
    """§7.2.2: whose presence is not broadcast."""
    place = room(moderatedroom="1", presencebroadcast=["moderator", "participant"])
    visitor = place.login()
    seen = place.join(visitor, "visitor")
    assert 110 in codes(seen[1])
    place.say(place.owner, "marker")
    first = place.owner.wait_for(lambda e: is_presence(e) or body(e))
    assert body(first) == "marker"


def test_broadcast_begins_and_ends(room):
    """§5.1, §10.2: whose role, or the configuration, changes that comes or goes for others; nobody
    stays behind in their lists."""
    place = room(moderatedroom="1", presencebroadcast=["moderator", "participant"])
    client = place.newcomer("n")
    place.change(place.owner, nick="n", role="participant")
    assert item(place.presence_of(place.owner, "n")) == ("none", "participant")
    place.change(place.owner, nick="n", role="visitor")
    gone = place.presence_of(place.owner, "n")
    assert gone.get("type") == "unavailable" and item(gone) == ("none", "none")
    own = place.presence_of(client, "n", lambda p: item(p) == ("none", "visitor"))
    assert 110 in codes(own)
    place.configure(presencebroadcast=["moderator", "participant", "visitor"])
    assert item(place.presence_of(place.owner, "n")) == ("none", "visitor")
    place.configure(presencebroadcast=["moderator"])
    assert place.presence_of(place.owner, "n").get("type") == "unavailable"
    place.say(client, "still here")  # refused: no voice; but it is in the room
    assert error(client.wait_for(lambda e: error(e))) == ("auth", "forbidden")


def test_logged(room):
    """§7.2.12: 170"""
    place = room()
    assert 170 in codes(place.join(place.owner, "owner")[0])
    place.configure(enablelogging="0")
    assert 170 not in codes(place.join(place.owner, "owner")[0])


def test_occupant_id(room):
    """XEP-0421: the same for an account in a room, another in another, and never a client's own."""
    ns = "urn:xmpp:occupant-id:0"
    place, other = room(), room()
    client = place.login()

    def id_in(where, nick):
        ids = [e.get("id") for e in where.join(client, nick)[1].findall(tag("occupant-id", ns))]
        assert len(ids) == 1
        return ids[0]

    first = id_in(place, "a")
    place.say(client, "x", f"<occupant-id xmlns='{ns}' id='forged'/>")
    found = place.hears(place.owner, "x").findall(tag("occupant-id", ns))
    assert [e.get("id") for e in found] == [first]
    place.leave(client, "a")
    assert id_in(place, "b") == first
    assert id_in(other, "b") != first
