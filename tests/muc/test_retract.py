# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Messages that are taken back: by who said them (XEP-0424), by a moderator (XEP-0425).

from tests.harness.archive import query
from tests.muc.rooms import error, is_message, tag
from tests.muc.test_archive import OCCUPANT, SID, features, say

RETRACT = "urn:xmpp:message-retract:1"
MODERATE = "urn:xmpp:message-moderate:1"


def archive(client, room):
    return query(client, to=room.jid, fields={})


def retract(room, client, name, inside="", own="retraction"):
    client.send(f"<message to='{room.jid}' type='groupchat' id='{own}'>"
                f"<retract xmlns='{RETRACT}' id='{name}'>{inside}</retract></message>")


def moderate(room, client, name, inside=f"<retract xmlns='{RETRACT}'/><reason>rude</reason>"):
    return client.ask("set", f"<moderate xmlns='{MODERATE}' id='{name}'>{inside}</moderate>",
                      to=room.jid)


def retraction(client):
    message = client.wait_for(lambda e: is_message(e) and e.find(tag("retract", RETRACT))
                              is not None and e.get("type") == "groupchat")
    return message, message.find(tag("retract", RETRACT))


def stanza_id(message):
    return message.find(tag("stanza-id", SID)).get("id")


def occupant_id(element):
    return element.find(tag("occupant-id", OCCUPANT)).get("id")


def test_features(room):
    made = room()
    assert {RETRACT, RETRACT + "#tombstone", MODERATE} <= features(made.owner, made)


def test_retract(room):
    """Everybody hears of it, the archive has the retraction and a tombstone."""
    made = room()
    guest = made.newcomer("guest")
    name = say(made, guest, "oh no", "<thread>t</thread>")
    retract(made, guest, name)
    message, found = retraction(made.owner)
    assert (message.get("from"), found.get("id")) == (made.nick("guest"), name)
    page = archive(made.owner, made)
    assert page.ids == [name, stanza_id(message)]
    stone, told = page.messages
    assert [child.tag for child in stone if "occupant-id" not in child.tag
            and "stanza-id" not in child.tag and "#user" not in child.tag] == \
        [tag("retracted", RETRACT)]
    left = stone.find(tag("retracted", RETRACT))
    assert left.get("id") == "retraction" and left.get("stamp")
    assert (stone.get("from"), stone.get("type")) == (made.nick("guest"), "groupchat")
    assert occupant_id(stone) == occupant_id(message) and stanza_id(stone) == name
    assert told.find(tag("retract", RETRACT)).get("id") == name


def test_retraction_without_an_id(room):
    """It is told, but a tombstone could not name it."""
    made = room()
    name = say(made, made.owner, "oh no")
    made.owner.send(f"<message to='{made.jid}' type='groupchat'>"
                    f"<retract xmlns='{RETRACT}' id='{name}'/></message>")
    retraction(made.owner)
    assert archive(made.owner, made).bodies == ["oh no", None]


def test_newcomers_do_not_see_it(room, login, node):
    made = room(persistentroom="1")
    node.daemon("muc").mark_log()
    name = say(made, made.owner, "oh no")
    say(made, made.owner, "fine")
    retract(made, made.owner, name)
    retraction(made.owner)
    for turn in range(2):
        seen = made.join(login(), f"guest{turn}")
        bodies = [e.findtext(tag("body")) for e in seen if is_message(e)]
        assert "fine" in bodies and "oh no" not in bodies
        node.daemon("muc").restart()
    assert "muc_stored_xml_damaged" not in node.daemon("muc").log()


def test_retract_of_another(room):
    """XEP-0424 §5: nobody's but one's own."""
    made = room()
    guest = made.newcomer("guest")
    name = say(made, made.owner, "mine")
    retract(made, guest, name)
    assert error(guest.wait_for(error)) == ("auth", "forbidden")
    assert archive(guest, made).bodies == ["mine"]


def test_retract_of_another_that_is_old(room, node):
    """What is not in memory is not touched either."""
    made = room()
    guest = made.newcomer("guest")
    name = say(made, made.owner, "mine")
    for number in range(60):  # [muc] history is 50
        made.say(made.owner, f"more {number}")
    made.hears(guest, "more 59")
    retract(made, guest, name)
    retraction(made.owner)
    assert archive(guest, made).bodies[0] == "mine"


def test_retract_without_voice(room):
    made = room()
    guest = made.newcomer("guest")
    name = say(made, guest, "oh no")
    made.change(made.owner, nick="guest", role="visitor")
    retract(made, guest, name)
    assert error(guest.wait_for(error)) == ("auth", "forbidden")
    assert archive(guest, made).bodies == ["oh no"]


def test_retract_in_the_name_of_a_moderator(room):
    """XEP-0425 §5: only the room says who has moderated."""
    made = room()
    guest = made.newcomer("guest")
    name = say(made, guest, "oh no")
    retract(made, guest, name, f"<moderated xmlns='{MODERATE}' by='{made.nick('owner')}'/>")
    assert error(guest.wait_for(error)) == ("auth", "forbidden")
    assert archive(guest, made).bodies == ["oh no"]


def test_moderate(room):
    made = room()
    guest = made.newcomer("guest")
    name = say(made, guest, "magic potions")
    assert error(moderate(made, made.owner, name)) is None
    message, found = retraction(guest)
    assert (message.get("from"), found.get("id")) == (made.jid, name)
    moderated = found.find(tag("moderated", MODERATE))
    assert moderated.get("by") == made.nick("owner")
    assert found.findtext(tag("reason", RETRACT)) == "rude"
    page = archive(guest, made)
    assert page.ids == [name, stanza_id(message)] and page.bodies == [None, None]
    left = page.messages[0].find(tag("retracted", RETRACT))
    assert left.find(tag("moderated", MODERATE)).get("by") == made.nick("owner")
    assert occupant_id(left.find(tag("moderated", MODERATE))) == occupant_id(moderated)
    assert left.findtext(tag("reason", RETRACT)) == "rude"
    assert left.get("id") == message.get("id")


def test_moderate_refused(room, login):
    made = room()
    guest = made.newcomer("guest")
    name = say(made, made.owner, "said")
    for client in (guest, login()):
        assert error(moderate(made, client, name)) == ("auth", "forbidden")
    assert archive(guest, made).bodies == ["said"]


def test_moderate_what_is_not_there(room):
    made = room()
    name = say(made, made.owner, "said")
    assert error(moderate(made, made.owner, "made-up")) == ("cancel", "item-not-found")
    assert error(moderate(made, made.owner, name, "")) == ("modify", "bad-request")
    assert error(moderate(made, made.owner, name)) is None
    assert error(moderate(made, made.owner, name)) == ("cancel", "item-not-found")
