# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Entering, being in, and leaving a room (XEP-0045 §§7.1 to 7.7, 7.14 and 10.1).

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
