# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Avatars (XEP-0084) and the photo of the vCard (XEP-0153): one picture (XEP-0398).

import base64
import hashlib

import pytest

from tests.harness import pubsub, wait
from tests.harness.pubsub import Desk, what

DATA = "urn:xmpp:avatar:data"
METADATA = "urn:xmpp:avatar:metadata"
UPDATE = "{vcard-temp:x:update}"
VCARD = "{vcard-temp}"
IMAGE = b"\x89PNG an image, as far as a server knows"
OTHER = b"\x89PNG another"


def sha1(image):
    return hashlib.sha1(image).hexdigest()


def text(image):
    return base64.b64encode(image).decode()


def info(image, extra=""):
    return f"<info id='{sha1(image)}' bytes='{len(image)}' type='image/png'{extra}/>"


def publish_data(desk, image=IMAGE, item=None, model="open"):
    assert not what(desk.publish(DATA, item or sha1(image), f"<data xmlns='{DATA}'>{text(image)}"
                                 "</data>", access_model=model))


def publish_metadata(desk, inner, item="current"):
    assert not what(desk.publish(METADATA, item, f"<metadata xmlns='{METADATA}'>{inner}"
                                 "</metadata>", access_model="open"))


def publish(desk, image=IMAGE):
    publish_data(desk, image)
    publish_metadata(desk, info(image), sha1(image))


def set_vcard(client, photo=None, more="", kind="image/png"):
    inner = (f"<PHOTO><TYPE>{kind}</TYPE><BINVAL>{photo}</BINVAL></PHOTO>"
             if photo is not None else "")
    return what(client.ask("set", f"<vCard xmlns='vcard-temp'>{more}{inner}</vCard>"))


def get_vcard(client, of=None):
    return client.ask("get", "<vCard xmlns='vcard-temp'/>", to=of).find(f"{VCARD}vCard")


def photo(client, of=None):
    """(type, image) of the vCard, or None."""
    vcard = get_vcard(client, of)
    found = None if vcard is None else vcard.find(f"{VCARD}PHOTO")
    return None if found is None else (found.findtext(f"{VCARD}TYPE"),
                                       base64.b64decode(found.findtext(f"{VCARD}BINVAL")))


def avatar(desk):
    """What the metadata say: a list of attributes."""
    return [one.attrib for one in desk.items(METADATA).iter(f"{{{METADATA}}}info")]


def hashes(presence):
    """The text of each photo in it."""
    return [one.text or "" for one in presence.iter(f"{UPDATE}photo")]


def say(client, friend, inner="", to=""):
    """What a friend sees of this presence of a client."""
    name = f"p{next(client._ids)}"
    client.send(f"<presence id='{name}'{to}>{inner}</presence>")
    return friend.wait_for(lambda element: element.get("id") == name)


@pytest.fixture
def person(account):
    return account()


@pytest.fixture
def owner(login, person):
    return Desk(login(person))


@pytest.fixture
def friend(login, owner):
    client = login()
    pubsub.befriend(owner.client, client)
    client.send_presence()
    return client


def test_feature(owner):
    answer = owner.client.ask("get", f"<query xmlns='{pubsub.INFO}'/>", to=owner.client.bare)
    features = {one.get("var") for one in answer.iter(f"{{{pubsub.INFO}}}feature")}
    assert "urn:xmpp:pep-vcard-conversion:0" in features


def test_avatar_becomes_the_photo(owner, login):
    set_vcard(owner.client, more="<FN>Juliet</FN>")
    publish(owner)
    assert photo(owner.client) == ("image/png", IMAGE)
    assert get_vcard(owner.client).findtext(f"{VCARD}FN") == "Juliet"
    assert photo(login(), owner.client.bare) == ("image/png", IMAGE)
    publish(owner, OTHER)
    assert photo(owner.client) == ("image/png", OTHER)
    assert len(get_vcard(owner.client).findall(f"{VCARD}PHOTO")) == 1


def test_image_of_several(owner):
    publish_data(owner)
    publish_metadata(owner, info(OTHER, " url='http://example.org/other.png'") + info(IMAGE))
    assert photo(owner.client) == ("image/png", IMAGE)


def test_image_elsewhere(owner):
    publish_data(owner)
    publish_metadata(owner, info(IMAGE, " url='http://example.org/image.png'"))
    assert photo(owner.client) is None


def test_image_that_is_another(owner):
    publish_data(owner, OTHER, item=sha1(IMAGE))
    publish_metadata(owner, info(IMAGE))
    assert photo(owner.client) is None


def test_image_that_is_not_there(owner):
    publish_data(owner)
    publish_metadata(owner, info(OTHER))
    assert photo(owner.client) is None


@pytest.mark.parametrize("model", ["presence", "whitelist"])
def test_avatar_that_is_not_public(owner, model):
    publish_data(owner, model=model)
    publish_metadata(owner, info(IMAGE))
    assert photo(owner.client) is None


def test_avatar_is_taken_away(owner):
    set_vcard(owner.client, more="<FN>Juliet</FN>")
    publish(owner)
    publish_metadata(owner, "")
    assert photo(owner.client) is None
    assert get_vcard(owner.client).findtext(f"{VCARD}FN") == "Juliet"


def test_avatar_too_big_for_a_vcard(make_node, login):
    desk = Desk(login(where=make_node(settings={"sm": {"vcard-size": "1k"}})))
    publish(desk)
    assert photo(desk.client) == ("image/png", IMAGE)
    publish(desk, bytes(2000))
    assert photo(desk.client) is None
    assert [one["id"] for one in avatar(desk)] == [sha1(bytes(2000))]


def test_photo_becomes_the_avatar(owner, friend):
    pubsub.show(friend, METADATA)
    friend.settle()
    assert not set_vcard(owner.client, text(IMAGE))
    assert pubsub.wait_event(friend) == ("items", METADATA, [sha1(IMAGE)])
    assert avatar(owner) == [{"id": sha1(IMAGE), "bytes": str(len(IMAGE)), "type": "image/png"}]
    desk = Desk(friend, owner.client.bare)
    assert [one.text for one in desk.items(DATA, sha1(IMAGE)).iter(f"{{{DATA}}}data")] \
        == [text(IMAGE)]
    assert avatar(desk) == avatar(owner)
    assert owner.config(DATA)["pubsub#access_model"] == ["open"]


def test_photo_in_lines(owner):
    lines = "\n".join(text(IMAGE)[at:at + 16] for at in range(0, len(text(IMAGE)), 16))
    assert not set_vcard(owner.client, f"\n{lines}\n")
    assert [one["id"] for one in avatar(owner)] == [sha1(IMAGE)]


@pytest.mark.parametrize("image,kind", [("no base64!", "image/png"), ("", "image/png"),
                                        (text(IMAGE), "")])
def test_photo_that_is_none(owner, image, kind):
    assert not set_vcard(owner.client, image, kind=kind)
    assert what(owner.items(METADATA)) == "item-not-found"


def test_same_photo_is_not_published_again(owner, friend):
    set_vcard(owner.client, text(IMAGE))
    pubsub.show(friend, METADATA)
    assert pubsub.wait_event(friend) == ("items", METADATA, [sha1(IMAGE)])  # the last one
    set_vcard(owner.client, text(IMAGE), more="<FN>Juliet</FN>")
    owner.client.settle()
    assert pubsub.events(friend) == []


def test_photo_is_taken_away(owner, friend):
    set_vcard(owner.client, text(IMAGE))
    set_vcard(owner.client, more="<FN>Juliet</FN>")
    assert avatar(owner) == []
    assert say(owner.client, friend).find(f"{UPDATE}x/{UPDATE}photo") is not None
    assert hashes(say(owner.client, friend)) == [""]


def test_vcard_without_a_photo(owner, friend):
    assert not set_vcard(owner.client, more="<FN>Juliet</FN>")
    assert what(owner.items(METADATA)) == "item-not-found"
    assert hashes(say(owner.client, friend)) == []


@pytest.mark.parametrize("said,seen", [
    ("", [sha1(IMAGE)]),
    ("<x xmlns='vcard-temp:x:update'/>", [sha1(IMAGE)]),
    ("<x xmlns='vcard-temp:x:update'><photo/></x>", [""]),
    (f"<x xmlns='vcard-temp:x:update'><photo>{sha1(OTHER)}</photo></x>", [sha1(IMAGE)]),
    (f"<x xmlns='vcard-temp:x:update'><photo>{sha1(IMAGE)}</photo></x>", [sha1(IMAGE)])])
def test_hash_in_presence(owner, friend, login, said, seen):
    publish(owner)
    assert hashes(say(owner.client, friend, said)) == seen
    stranger = login()
    assert hashes(say(owner.client, stranger, said, f" to='{stranger.full}'")) == seen
    assert hashes(say(owner.client, stranger, said, f" to='{stranger.full}'")) == seen


def test_no_hash_in_the_end(owner, friend):
    publish(owner)
    say(owner.client, friend)
    owner.client.send("<presence type='unavailable' id='end'/>")
    assert hashes(friend.wait_for(lambda element: element.get("id") == "end")) == []


def test_hash_of_a_client_is_left_without_a_photo(owner, friend):
    said = f"<x xmlns='vcard-temp:x:update'><photo>{sha1(OTHER)}</photo></x>"
    assert hashes(say(owner.client, friend, said)) == [sha1(OTHER)]


def test_contacts_hear_of_another_photo(owner, person, friend, login):
    say(owner.client, friend, "<show>away</show>")
    device = login(person)
    device.send_presence()
    publish(owner)
    seen = {one.get("from"): one for one in [friend.wait_for(hashes) for _ in range(2)]}
    assert {name: hashes(one) for name, one in seen.items()} \
        == {owner.client.full: [sha1(IMAGE)], device.full: [sha1(IMAGE)]}
    assert seen[owner.client.full].findtext("{jabber:client}show") == "away"
    assert hashes(device.wait_for(hashes)) == [sha1(IMAGE)]
    publish_metadata(owner, "")
    assert hashes(friend.wait_for(hashes)) == [""]


def test_contact_who_comes_later(owner, friend):
    say(owner.client, friend)
    publish(owner)
    friend.wait_for(hashes)
    friend.send("<presence type='unavailable'/>")
    friend.settle()
    friend.send("<presence/>")
    assert hashes(friend.wait_for(hashes)) == [sha1(IMAGE)]


def test_hash_is_known_after_a_restart(login, node, account):
    who = account()
    client = login(who)
    publish(Desk(client))
    client.logout()
    node.daemon("c2s").restart()
    client, watcher = login(who), login()
    assert hashes(say(client, watcher, to=f" to='{watcher.full}'")) == [sha1(IMAGE)]


def answer_behind_a_lock(node, client, request, table):
    """The answer to `request`, a text with the id `it`, that does not come while `table` waits."""
    with node.postgres.locked(table):
        client.send(request)
        wait.until(node.postgres.waiting, what="the second write")
        with pytest.raises(TimeoutError):
            client.receive(0.01)
    return client.wait_for(lambda element: element.get("id") == "it")


def test_answer_waits_for_the_photo(owner, node):
    """An avatar that is answered for is the photo too, whatever ends behind the answer."""
    publish_data(owner)
    publish_metadata(owner, "")
    request = (f"<iq type='set' id='it' to='{owner.service}'><pubsub xmlns='{pubsub.PUBSUB}'>"
               f"<publish node='{METADATA}'><item id='{sha1(IMAGE)}'><metadata xmlns='{METADATA}'>"
               f"{info(IMAGE)}</metadata></item></publish></pubsub></iq>")
    assert not what(answer_behind_a_lock(node, owner.client, request, "vcard"))
    assert photo(owner.client) == ("image/png", IMAGE)


def test_answer_waits_for_the_avatar(owner, node):
    request = (f"<iq type='set' id='it'><vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE>"
               f"<BINVAL>{text(IMAGE)}</BINVAL></PHOTO></vCard></iq>")
    publish_metadata(owner, "")
    assert not what(answer_behind_a_lock(node, owner.client, request, "pubsub_item"))
    assert [one["id"] for one in avatar(owner)] == [sha1(IMAGE)]
