# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The vCard of a room (XEP-0054) and by it its avatar (XEP-0486).

import base64
import hashlib

from tests.harness import slix
from tests.muc.rooms import FORM, codes, error, is_message, tag
from tests.muc.test_archive import features

VCARD = "vcard-temp"
DISCO = "http://jabber.org/protocol/disco#info"
IMAGES = (b"\x89PNG first", b"\x89PNG second")


def photo(image):
    data = base64.b64encode(image).decode()
    return f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{data[:4]}\n {data[4:]}</BINVAL></PHOTO>"


def publish(room, client, inside):
    return client.ask("set", f"<vCard xmlns='{VCARD}'>{inside}</vCard>", to=room.jid)


def fetch(room, client):
    return client.ask("get", f"<vCard xmlns='{VCARD}'/>", to=room.jid)


def hashes(room, client):
    info = client.ask("get", f"<query xmlns='{DISCO}'/>", to=room.jid)
    for field in info.iter(tag("field", FORM)):
        if field.get("var") == "muc#roominfo_avatarhash":
            return [value.text for value in field.iter(tag("value", FORM))]
    return None


def sha1(image):
    return hashlib.sha1(image).hexdigest()


def test_features(room, node):
    made = room()
    assert VCARD in features(made.owner, made)
    info = made.owner.ask("get", f"<query xmlns='{DISCO}'/>", to=node.place.conference)
    assert VCARD in {feature.get("var") for feature in info.iter(tag("feature", DISCO))}


def test_publish(room, login, node):
    """All in the room hear that it has changed; others find it before they enter."""
    made = room(persistentroom="1")
    guest, stranger = made.newcomer("guest"), login()
    assert hashes(made, stranger) is None
    answer = publish(made, made.owner, "<FN>The Garden</FN>" + photo(IMAGES[0]))
    assert error(answer) is None
    guest.wait_for(lambda e: is_message(e) and e.get("from") == made.jid and codes(e) == {104})
    for _ in range(2):
        assert hashes(made, stranger) == [sha1(IMAGES[0])]
        card = fetch(made, stranger).find(tag("vCard", VCARD))
        assert card.findtext(tag("FN", VCARD)) == "The Garden"
        data = card.findtext(f"{tag('PHOTO', VCARD)}/{tag('BINVAL', VCARD)}")
        assert base64.b64decode(data) == IMAGES[0]
        node.daemon("muc").restart()


def test_several_photos(room):
    made = room()
    publish(made, made.owner, photo(IMAGES[0]) + photo(IMAGES[1]))
    assert hashes(made, made.owner) == [sha1(image) for image in IMAGES]


def test_unpublish(room):
    made = room()
    publish(made, made.owner, photo(IMAGES[0]))
    assert error(publish(made, made.owner, "")) is None
    assert hashes(made, made.owner) is None
    assert len(fetch(made, made.owner).find(tag("vCard", VCARD))) == 0


def test_refused(room, login):
    """Owners only; what is no image; what is too large."""
    made = room()
    guest = made.newcomer("guest")
    for client in (guest, login()):
        assert error(publish(made, client, photo(IMAGES[0]))) == ("auth", "forbidden")
    bad = "<PHOTO><BINVAL>=no=</BINVAL></PHOTO>"
    assert error(publish(made, made.owner, bad)) == ("modify", "bad-request")
    large = photo(bytes(100_000))
    assert error(publish(made, made.owner, large)) == ("modify", "policy-violation")
    assert hashes(made, made.owner) is None
    made.change(made.owner, jid=guest.bare, affiliation="outcast")
    assert error(fetch(made, guest)) == ("auth", "forbidden")


def test_gone_with_the_room(room, login):
    made = room()
    publish(made, made.owner, photo(IMAGES[0]))
    made.leave(made.owner, "owner")
    made.owner = login()
    made.join(made.owner, "owner")
    made.configure()
    assert hashes(made, made.owner) is None


@slix.in_loop
async def test_slixmpp(room, node, account):
    made = room()
    publish(made, made.owner, photo(IMAGES[0]))
    async with slix.connected(node, account(), plugins=("xep_0054",)) as client:
        card = await client["xep_0054"].get_vcard(made.jid, cached=False)
        assert card["vcard_temp"]["PHOTO"]["BINVAL"] == IMAGES[0]
