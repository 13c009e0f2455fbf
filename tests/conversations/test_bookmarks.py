# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Bookmarks (XEP-0402) and those of private storage (XEP-0048, XEP-0049).

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import Desk, what

NODE = "urn:xmpp:bookmarks:1"
STORAGE = "{storage:bookmarks}"
HALL = "hall@rooms.example"
BALL = "ball@rooms.example"


@pytest.fixture
def desk(login):
    return Desk(login())


def room(jid, inner="", **attributes):
    rest = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"<conference jid='{jid}'{rest}>{inner}</conference>"


def put(desk, inner):
    return what(desk.client.ask("set", "<query xmlns='jabber:iq:private'>"
                                       f"<storage xmlns='storage:bookmarks'>{inner}</storage>"
                                       "</query>"))


def fields(element):
    """Attributes, and the texts of children."""
    return {**element.attrib, **{one.tag.rpartition("}")[2]: one.text for one in element
                                 if len(one) == 0}}


def got(desk):
    answer = desk.client.ask("get", "<query xmlns='jabber:iq:private'>"
                                    "<storage xmlns='storage:bookmarks'/></query>")
    return [(one.tag.removeprefix(STORAGE), fields(one))
            for one in answer.find(f".//{STORAGE}storage")]


def publish(desk, jid, inner="", **attributes):
    rest = "".join(f" {name}='{value}'" for name, value in attributes.items())
    assert not what(desk.publish(NODE, jid, f"<conference xmlns='{NODE}'{rest}>{inner}"
                                 "</conference>", access_model="whitelist", max_items="max"))


def items(desk):
    return {one.get("id"): fields(one[0])
            for one in desk.items(NODE).iter(f"{{{pubsub.PUBSUB}}}item")}


def test_feature(desk):
    answer = desk.client.ask("get", f"<query xmlns='{pubsub.INFO}'/>", to=desk.client.bare)
    features = {one.get("var") for one in answer.iter(f"{{{pubsub.INFO}}}feature")}
    assert f"{NODE}#compat" in features


def test_items_are_in_private_storage(desk):
    publish(desk, HALL, "<nick>Romeo</nick><password>rose</password>"
            "<extensions><x xmlns='urn:example'/></extensions>", name="Hall", autojoin="true")
    publish(desk, BALL)
    assert got(desk) == [
        ("conference", {"jid": HALL, "name": "Hall", "autojoin": "true", "nick": "Romeo",
                        "password": "rose"}),
        ("conference", {"jid": BALL})]
    desk.retract(NODE, HALL)
    assert got(desk) == [("conference", {"jid": BALL})]
    desk.retract(NODE, BALL)
    assert got(desk) == []


def test_private_storage_becomes_items(desk, login):
    assert not put(desk, room(HALL, "<nick>Romeo</nick><password>rose</password>", name="Hall",
                              autojoin="1") + room(BALL))
    assert items(desk) == {HALL: {"name": "Hall", "autojoin": "1", "nick": "Romeo",
                                  "password": "rose"}, BALL: {}}
    config = desk.config(NODE)
    assert [config[f"pubsub#{name}"][0] for name in (
        "access_model", "persist_items", "send_last_published_item")] \
        == ["whitelist", "1", "never"]
    assert what(Desk(login(), desk.client.bare).items(NODE)) is not None


def test_what_is_no_room_stays(desk):
    page = "<url name='page' url='http://example.org/'/>"
    put(desk, page + room(HALL))
    publish(desk, BALL)
    assert got(desk) == [("url", {"name": "page", "url": "http://example.org/"}),
                         ("conference", {"jid": HALL}), ("conference", {"jid": BALL})]
    assert set(items(desk)) == {HALL, BALL}


def test_only_changes_are_told(account, login):
    who = account()
    desk, other = Desk(login(who)), login(who)
    put(desk, room(HALL, "<nick>Romeo</nick>", autojoin="1") + room(BALL) + room("c@d.example"))
    pubsub.show(other, NODE)
    assert pubsub.events(other) == []
    put(desk, room(HALL, "<nick>Romeo</nick>", autojoin="true") + room(BALL, name="Ball")
        + room("a@b.example"))
    assert pubsub.events(other) == [
        ("items", NODE, [BALL]), ("items", NODE, ["a@b.example"]),
        ("retract", NODE, ["c@d.example"])]


def test_extensions_stay(desk):
    extensions = "<extensions><x xmlns='urn:example'>kept</x></extensions>"
    publish(desk, HALL, extensions, name="Hall")
    put(desk, room(HALL, name="The hall"))
    [item] = desk.items(NODE).iter(f"{{{pubsub.PUBSUB}}}item")
    assert item[0].get("name") == "The hall"
    assert item.findtext(f".//{{urn:example}}x") == "kept"


def test_all_are_taken_away(desk):
    put(desk, room(HALL))
    assert not put(desk, "")
    assert items(desk) == {}
    assert got(desk) == []


def test_rooms_without_address_and_twice(desk):
    assert not put(desk, "<conference name='nowhere'/>" + room("@") + room(HALL, name="first")
                   + room("HALL@Rooms.example", name="second"))
    assert items(desk) == {HALL: {"name": "first"}}


def test_nothing_is_stored(desk):
    assert got(desk) == []
    assert not put(desk, "<url name='page' url='http://example.org/'/>")
    assert what(desk.items(NODE)) == "item-not-found"
    assert got(desk) == [("url", {"name": "page", "url": "http://example.org/"})]


def test_items_that_cannot_be_stored(make_node, login):
    node = make_node(settings={"sm": {"pubsub-nodes": 1}})
    desk = Desk(login(where=node))
    desk.publish("urn:example:other")
    assert put(desk, room(HALL)) == "resource-constraint"
    assert got(desk) == []


# --- what was stored before there was the node ---

PAGE = "<url name='page' url='http://example.org/'/>"


def store_old(node, desk, inner):
    """As a server wrote it that knew private storage only."""
    assert not put(desk, PAGE)
    node.postgres.query("kontalk", f"""UPDATE private_xml SET xml =
        $$<storage xmlns='storage:bookmarks'>{PAGE}{inner}</storage>$$
        WHERE name = 'storage storage:bookmarks' AND owner =
        (SELECT owner FROM account WHERE local = '{desk.client.bare.partition("@")[0]}')""")


@pytest.fixture
def old(desk, node):
    store_old(node, desk, room(HALL, "<nick>Romeo</nick>", autojoin="1") + room(BALL))
    return desk


def test_old_rooms_are_items_when_they_are_asked_for(old):
    assert [jid for _, jid in sorted((kind, one.get("jid")) for kind, one in got(old))] \
        == [BALL, HALL, None]
    assert items(old) == {HALL: {"autojoin": "1", "nick": "Romeo"}, BALL: {}}
    assert old.config(NODE)["pubsub#access_model"] == ["whitelist"]
    assert got(old) == [("url", {"name": "page", "url": "http://example.org/"}),
                        ("conference", {"jid": HALL, "autojoin": "1", "nick": "Romeo"}),
                        ("conference", {"jid": BALL})]


def test_old_rooms_stay_beside_a_new_one(old):
    publish(old, "a@b.example")
    assert set(items(old)) == {HALL, BALL, "a@b.example"}


def test_old_rooms_are_not_made_for_others(old, login):
    assert what(Desk(login(), old.client.bare).items(NODE)) is not None
    nodes = old.client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>",
                           to=old.client.bare)
    assert NODE not in [one.get("node") for one in nodes.iter()]


def test_rooms_that_were_deleted_do_not_come_back(old):
    assert set(items(old)) == {HALL, BALL}
    assert not what(old.delete(NODE))
    assert what(old.items(NODE)) == "item-not-found"
    assert [kind for kind, _ in got(old)] == ["url"]
    put(old, room(HALL))
    assert not what(old.delete(NODE))
    assert got(old) == []


def test_old_rooms_that_cannot_be_items_stay(make_node, login):
    node = make_node(settings={"sm": {"pubsub-nodes": 1}})
    desk = Desk(login(where=node))
    desk.publish("urn:example:other")
    store_old(node, desk, room(HALL))
    assert what(desk.items(NODE)) == "resource-constraint"
    assert ("conference", {"jid": HALL}) in got(desk)
