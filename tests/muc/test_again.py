# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a client says again, because it has not heard it from the room, is there once (XEP-0359).

from tests.harness.archive import query
from tests.muc.rooms import body, is_message, tag
from tests.muc.test_archive import SID


def say(room, client, text, origin):
    room.say(client, text, f"<origin-id xmlns='{SID}' id='{origin}'/>", name=origin)


def stanza_id(message):
    return message.find(tag("stanza-id", SID)).get("id")


def bodies(client, room):
    return query(client, to=room.jid, fields={}).bodies


def texts_until(client, last):
    found = []
    while not found or found[-1] != last:
        found.append(body(client.wait_for(lambda e: is_message(e) and body(e))))
    return found


def test_once(room, node):
    """Its sender hears it again under the same id, the others do not, and the archive has it once;
    so too when the room has died in between."""
    made = room(persistentroom="1")
    guest = made.newcomer("guest")
    ids = []
    for turn in range(3):
        say(made, guest, "hello", "o1")
        ids.append(stanza_id(made.hears(guest, "hello")))
        if turn:
            node.daemon("muc").kill()
            node.daemon("muc").start()
    assert len(set(ids)) == 1
    say(made, guest, "the end", "o2")
    assert texts_until(made.owner, "the end") == ["hello", "the end"]
    assert bodies(guest, made) == ["hello", "the end"]


def test_twice_in_one_breath(room):
    made = room()
    guest = made.newcomer("guest")
    message = (f"<message to='{made.jid}' type='groupchat'><body>hello</body>"
               f"<origin-id xmlns='{SID}' id='o'/></message>")
    guest.send(message * 3)
    assert len({stanza_id(made.hears(guest, "hello")) for _ in range(3)}) == 1
    assert bodies(guest, made) == ["hello"]


def test_of_another(room):
    """Ids are each sender's own, and what has none is never the same."""
    made = room()
    guest = made.newcomer("guest")
    say(made, guest, "one", "o")
    made.hears(guest, "one")
    say(made, made.owner, "two", "o")
    made.hears(guest, "two")
    for _ in range(2):
        made.say(guest, "three", name="m")
        made.hears(guest, "three")
    assert bodies(guest, made) == ["one", "two", "three", "three"]
