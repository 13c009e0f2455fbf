# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes of accounts (XEP-0060, XEP-0163): what their owners do, and what others may.

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import CLIENT, Desk, what

NODE = "urn:example:node"


@pytest.fixture
def owner(login):
    return Desk(login())


@pytest.fixture
def stranger(login, owner):
    return Desk(login(), owner.service)


@pytest.fixture
def friend(login, owner):
    """A contact with a subscription in both directions."""
    client = login()
    pubsub.befriend(owner.client, client)
    return Desk(client, owner.service)


def payload(answer):
    return [[one.tag for one in item] for item in answer.iter(f"{{{pubsub.PUBSUB}}}item")]


# --- publishing ---

def test_publish_creates_the_node(owner):
    answer = owner.publish(NODE)
    assert what(answer) is None and pubsub.item_ids(answer) == ["item"]
    assert owner.ids(NODE) == ["item"]
    assert owner.config(NODE)["pubsub#access_model"] == ["presence"]
    assert owner.config(NODE)["pubsub#max_items"] == ["1"]


def test_item_without_an_id_gets_one(owner):
    made = pubsub.item_ids(owner.publish(NODE, item=None))
    assert len(made) == 1 and made[0]
    assert owner.ids(NODE) == made


def test_same_id_takes_the_place(owner):
    owner.publish(NODE, payload="<a xmlns='urn:example'/>", max_items="max")
    owner.publish(NODE, payload="<b xmlns='urn:example'/>")
    assert payload(owner.items(NODE)) == [["{urn:example}b"]]


def test_oldest_items_go(owner):
    owner.create(NODE, max_items="3")
    for number in range(5):
        owner.publish(NODE, str(number))
    assert owner.ids(NODE) == ["4", "3", "2"]
    owner.publish(NODE, "3")
    owner.publish(NODE, "5")
    assert owner.ids(NODE) == ["5", "3", "4"]


def test_full_node_that_rejects(owner):
    owner.create(NODE, max_items="2", publish_node_full="reject")
    for item in ("a", "b"):
        owner.publish(NODE, item)
    assert what(owner.publish(NODE, "c")) == "conflict node-full"
    assert what(owner.publish(NODE, "b")) is None
    assert owner.ids(NODE) == ["b", "a"]


BAD_ITEMS = {
    "no item": ("<publish node='n'/>", "bad-request item-required"),
    "two items": ("<publish node='n'><item><x xmlns='a'/></item><item><x xmlns='a'/></item>"
                  "</publish>", "not-allowed max-items-exceeded"),
    "two payloads": ("<publish node='n'><item><x xmlns='a'/><y xmlns='a'/></item></publish>",
                     "bad-request invalid-payload"),
    "no payload": ("<publish node='n'><item/></publish>", "bad-request payload-required"),
    "no node": ("<publish><item><x xmlns='a'/></item></publish>", "bad-request nodeid-required"),
    "nothing": ("", "bad-request"),
    "unknown": ("<dance node='n'/>", "bad-request"),
    "collection": ("<collection node='n'/>", "feature-not-implemented unsupported collections"),
}


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_bad_requests(owner, name):
    request, expected = BAD_ITEMS[name]
    assert what(owner.ask("set", request)) == expected
    assert owner.ids("n") == []


def test_payload_of_another_type(owner):
    owner.create(NODE, type="urn:wanted")
    assert what(owner.publish(NODE, payload="<x xmlns='urn:other'/>")) == \
        "bad-request invalid-payload"
    assert what(owner.publish(NODE, payload="<x xmlns='urn:wanted'/>")) is None


def test_node_without_payloads(owner):
    """§7.1.2.2"""
    owner.create(NODE, deliver_payloads="0")
    pubsub.show(owner.client, NODE)
    assert what(owner.publish(NODE, "i", payload="")) is None
    assert pubsub.wait_event(owner.client) == ("items", NODE, ["i"])


def test_transient_node(owner):
    owner.create(NODE, persist_items="0")
    pubsub.show(owner.client, NODE)
    assert what(owner.publish(NODE, "i")) is None
    assert pubsub.wait_event(owner.client) == ("items", NODE, ["i"])
    unsupported = "feature-not-implemented unsupported persistent-items"
    assert what(owner.items(NODE)) == unsupported
    assert what(owner.retract(NODE, "i")) == unsupported
    assert what(owner.purge(NODE)) == unsupported


# --- preconditions (§7.1.5) ---

def test_preconditions_shape_a_new_node(owner):
    owner.publish(NODE, access_model="whitelist", max_items="max", persist_items="true",
                  send_last_published_item="never")
    config = owner.config(NODE)
    assert config["pubsub#access_model"] == ["whitelist"]
    assert config["pubsub#max_items"] == ["max"]
    assert config["pubsub#persist_items"] == ["1"]
    assert config["pubsub#send_last_published_item"] == ["never"]


MET = {"access_model": ["presence"], "max_items": ["1"], "persist_items": ["1", "true"]}
NOT_MET = {"access_model": "open", "max_items": "max", "persist_items": "false",
           "unheard_of": "x", "notify_retract": "perhaps"}


def test_preconditions_that_are_met(owner):
    owner.publish(NODE, "a")
    for name, wanted in MET.items():
        for value in wanted:
            assert what(owner.publish(NODE, "b", **{name: value})) is None


@pytest.mark.parametrize("name", NOT_MET)
def test_preconditions_that_are_not_met(owner, name):
    owner.publish(NODE, "a")
    refused = owner.publish(NODE, "b", **{name: NOT_MET[name]})
    assert what(refused) == "conflict precondition-not-met"
    assert owner.ids(NODE) == ["a"]


def test_unknown_precondition_of_a_new_node(owner):
    assert what(owner.publish(NODE, unheard_of="x")) == "conflict precondition-not-met"
    assert what(owner.items(NODE)) == "item-not-found"


# --- reading (§6.5) ---

def test_reading_by_id(owner):
    owner.create(NODE, max_items="max")
    for item in ("a", "b", "c"):
        owner.publish(NODE, item)
    assert owner.ids(NODE, "c", "a") == ["c", "a"]
    assert owner.ids(NODE, "unknown") == []
    assert owner.ids(NODE, max_items="2") == ["c", "b"]
    assert what(owner.items(NODE, max_items="many")) == "bad-request"
    assert what(owner.items("unknown")) == "item-not-found"


def test_pages(owner):
    """XEP-0059, latest first."""
    owner.create(NODE, max_items="max")
    for item in "abcde":
        owner.publish(NODE, item)
    first = owner.page(NODE, max="2")
    assert pubsub.item_ids(first) == ["e", "d"] and pubsub.rsm_of(first) == ("e", "d", "5")
    assert pubsub.item_ids(owner.page(NODE, max="2", after="d")) == ["c", "b"]
    assert pubsub.item_ids(owner.page(NODE, max="2", after="b")) == ["a"]
    assert pubsub.item_ids(owner.page(NODE, max="2", before="b")) == ["d", "c"]
    assert pubsub.item_ids(owner.page(NODE, max="2", before="")) == ["b", "a"]
    empty = owner.page(NODE, max="0")
    assert pubsub.item_ids(empty) == [] and pubsub.rsm_of(empty) == (None, None, "5")
    assert what(owner.page(NODE, max="2", after="unknown")) == "item-not-found"
    assert what(owner.page(NODE, max="-1")) == "bad-request"
    assert what(owner.page(NODE, index="3", max="1")) == "feature-not-implemented"


def test_expired_items(owner, node):
    owner.create(NODE, max_items="max", item_expire="100")
    for item in ("old", "new"):
        owner.publish(NODE, item)
    node.postgres.query("kontalk", "UPDATE pubsub_item SET published = published - interval '2h'"
                                   " WHERE item = 'old'")
    assert owner.ids(NODE) == ["new"]
    assert owner.ids(NODE, "old") == []


# --- taking back (§7.2, §8.4, §8.5) ---

def test_retract(owner):
    owner.create(NODE, max_items="max")
    for item in ("a", "b"):
        owner.publish(NODE, item)
    pubsub.show(owner.client, NODE)
    assert what(owner.retract(NODE, "a")) is None
    assert pubsub.wait_event(owner.client)[0] in ("items", "retract")
    assert owner.ids(NODE) == ["b"]
    assert what(owner.retract(NODE, "a")) == "item-not-found"
    assert what(owner.retract("unknown", "a")) == "item-not-found"
    assert what(owner.ask("set", f"<retract node='{NODE}'/>")) == "bad-request item-required"
    assert what(owner.ask("set", f"<retract node='{NODE}'><item/></retract>")) == \
        "bad-request item-required"
    assert what(owner.ask("set", "<retract><item id='a'/></retract>")) == \
        "bad-request nodeid-required"


def test_events_of_what_is_taken_back(owner):
    pubsub.show(owner.client, NODE)
    owner.create(NODE, max_items="max")
    for item in ("a", "b"):
        owner.publish(NODE, item)
    assert pubsub.events(owner.client) == [("items", NODE, ["b"])]  # the first came with answers
    owner.client.send(
        f"<iq type='set' id='r'><pubsub xmlns='{pubsub.PUBSUB}'>"
        f"<retract node='{NODE}'><item id='a'/></retract></pubsub></iq>")
    assert pubsub.events(owner.client) == [("retract", NODE, ["a"])]
    for request, told in (("purge", ("purge", NODE)), ("delete", ("delete", NODE))):
        owner.client.send(f"<iq type='set' id='{request}'><pubsub xmlns='{pubsub.OWNER}'>"
                          f"<{request} node='{NODE}'/></pubsub></iq>")
        assert pubsub.events(owner.client) == [told]
    assert what(owner.items(NODE)) == "item-not-found"


def test_events_that_are_not_wanted(owner):
    pubsub.show(owner.client, NODE)
    owner.create(NODE, max_items="max", notify_retract="0", notify_delete="0")
    owner.publish(NODE, "a")
    for request in (f"<retract node='{NODE}'><item id='a'/></retract>",):
        owner.ask("set", request)
    owner.purge(NODE)
    assert pubsub.events(owner.client) == []
    owner.publish(NODE, "a")
    owner.client.send(f"<iq type='set' id='r'><pubsub xmlns='{pubsub.PUBSUB}'><retract "
                      f"node='{NODE}' notify='true'><item id='a'/></retract></pubsub></iq>")
    assert pubsub.events(owner.client)[-1] == ("retract", NODE, ["a"])
    owner.configure(NODE, deliver_notifications="0")
    owner.publish(NODE, "b")
    assert pubsub.events(owner.client) == []


# --- nodes (§8.1 to §8.3) ---

def test_create(owner, stranger):
    assert what(owner.create(NODE, title="Tales", max_items="7")) is None
    assert owner.config(NODE)["pubsub#title"] == ["Tales"]
    assert owner.config(NODE)["pubsub#max_items"] == ["7"]
    assert what(owner.create(NODE)) == "conflict"
    assert what(owner.create("n" * 1024)) == "not-acceptable"
    assert what(stranger.create("urn:other")) == "forbidden"
    made = owner.create()
    assert what(owner.items(made.find(f".//{{{pubsub.PUBSUB}}}create").get("node"))) is None


BAD_CONFIG = {
    "access_model": ("secret", "not-acceptable unsupported-access-model"),
    "max_items": ("1001", "not-acceptable"),
    "item_expire": ("soon", "not-acceptable"),
    "persist_items": ("maybe", "not-acceptable"),
    "publish_model": ("anybody", "not-acceptable"),
    "title": ("x" * 1025, "not-acceptable"),
    "node_type": ("collection", "feature-not-implemented unsupported collections"),
}


@pytest.mark.parametrize("name", BAD_CONFIG)
def test_bad_configuration(owner, name):
    value, expected = BAD_CONFIG[name]
    assert what(owner.create(NODE, **{name: value})) == expected
    assert what(owner.items(NODE)) == "item-not-found"


def test_configure(owner, stranger):
    owner.create(NODE, title="Before", description="Stays")
    assert what(owner.configure(NODE, title="After", unheard_of="x")) is None
    config = owner.config(NODE)
    assert (config["pubsub#title"], config["pubsub#description"]) == (["After"], ["Stays"])
    assert what(owner.configure(NODE, title="Worse", persist_items="maybe")) == "not-acceptable"
    assert owner.config(NODE)["pubsub#title"] == ["After"]
    assert what(owner.ask("set", f"<configure node='{NODE}'><x xmlns='jabber:x:data' "
                                 "type='cancel'/></configure>", pubsub.OWNER)) is None
    assert what(owner.ask("set", f"<configure node='{NODE}'/>", pubsub.OWNER)) == "bad-request"
    assert what(owner.ask("get", "<configure/>", pubsub.OWNER)) == "bad-request nodeid-required"
    assert what(owner.configure("unknown", title="x")) == "item-not-found"
    assert what(stranger.configure(NODE, title="x")) == "forbidden"
    assert what(stranger.ask("get", f"<configure node='{NODE}'/>", pubsub.OWNER)) == "forbidden"


def test_lower_limit_applies_at_once(owner):
    owner.create(NODE, max_items="max")
    for item in "abc":
        owner.publish(NODE, item)
    owner.configure(NODE, max_items="2")
    assert owner.ids(NODE) == ["c", "b"]


def test_configuration_is_told(owner):
    pubsub.show(owner.client, NODE)
    owner.create(NODE)
    owner.configure(NODE, title="quiet")
    owner.client.send(
        f"<iq type='set' id='c'><pubsub xmlns='{pubsub.OWNER}'><configure node='{NODE}'>"
        f"{pubsub.options('node_config', {'notify_config': '1'})}</configure></pubsub></iq>")
    message = owner.client.wait_for(pubsub.event)
    assert pubsub.event(message) == ("configuration", NODE)
    assert pubsub.values(message)["pubsub#title"] == ["quiet"]


def test_default_configuration(owner):
    defaults = pubsub.values(owner.ask("get", "<default/>", pubsub.OWNER))
    assert defaults["pubsub#access_model"] == ["presence"]
    assert what(owner.ask("get", "<default type='collection'/>", pubsub.OWNER)) == \
        "feature-not-implemented unsupported collections"


def test_nodes_survive(login, account, node):
    someone = account()
    owner = Desk(login(someone))
    owner.create(NODE, title="Lasting", max_items="max")
    owner.publish(NODE, "i")
    node.daemon("c2s").restart()
    again = Desk(login(someone))
    assert again.ids(NODE) == ["i"]
    assert again.config(NODE)["pubsub#title"] == ["Lasting"]


# --- who may (§4.5, §6.5.9) ---

OTHERS = {
    "open": None,
    "presence": "not-authorized presence-subscription-required",
    "roster": "not-authorized not-in-roster-group",
    "authorize": "not-authorized not-subscribed",
    "whitelist": "not-allowed closed-node",
}


@pytest.mark.parametrize("model", OTHERS)
def test_strangers(owner, stranger, model):
    owner.publish(NODE, access_model=model)
    assert what(stranger.items(NODE)) == OTHERS[model]
    assert what(stranger.publish(NODE)) == "forbidden"
    assert what(stranger.retract(NODE, "item")) == "forbidden"
    assert what(stranger.purge(NODE)) == "forbidden"
    assert what(stranger.delete(NODE)) == "forbidden"


CONTACTS = {"open": None, "presence": None, "roster": OTHERS["roster"],
            "authorize": OTHERS["authorize"], "whitelist": OTHERS["whitelist"]}


@pytest.mark.parametrize("model", CONTACTS)
def test_contacts(owner, friend, model):
    owner.publish(NODE, access_model=model)
    assert what(friend.items(NODE)) == CONTACTS[model]


def test_groups_of_the_roster(owner, friend):
    owner.publish(NODE, access_model="roster", roster_groups_allowed=["Foes", "Friends"])
    assert what(friend.items(NODE)) == OTHERS["roster"]
    owner.client.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{friend.client.bare}'>"
                            "<group>Friends</group></item></query>")
    assert friend.ids(NODE) == ["item"]


def test_nobody_looks_like_an_empty_account(owner, stranger, node):
    nobody = Desk(stranger.client, f"nobody-there@{node.network}")
    for desk in (stranger, nobody):
        assert what(desk.items(NODE)) == "item-not-found"
        assert what(desk.publish(NODE)) == "item-not-found"
        assert what(desk.create(NODE)) == "forbidden"
        assert what(desk.purge(NODE)) == "item-not-found"


# --- discovery (§5) ---

def info(client, to, node=None):
    extra = f" node='{node}'" if node else ""
    return client.ask("get", f"<query xmlns='{pubsub.INFO}'{extra}/>", to=to)


def test_features(owner):
    answer = info(owner.client, owner.client.bare)
    identities = {(one.get("category"), one.get("type"))
                  for one in answer.iter(f"{{{pubsub.INFO}}}identity")}
    found = {one.get("var") for one in answer.iter(f"{{{pubsub.INFO}}}feature")}
    assert ("pubsub", "pep") in identities
    assert {f"{pubsub.PUBSUB}#{name}" for name in
            ("publish", "publish-options", "auto-create", "access-presence",
             "filtered-notifications", "config-node-max")} <= found


def test_information_of_a_node(owner, stranger, friend):
    owner.create(NODE, title="Tales", access_model="presence")
    answer = info(friend.client, owner.service, NODE)
    identity = answer.find(f".//{{{pubsub.INFO}}}identity")
    assert (identity.get("category"), identity.get("type")) == ("pubsub", "leaf")
    meta = pubsub.values(answer)
    assert meta["pubsub#title"] == ["Tales"] and meta["pubsub#creator"] == [owner.client.bare]
    assert what(info(stranger.client, owner.service, NODE)) == "service-unavailable"
    assert what(info(owner.client, owner.service, "unknown")) == "item-not-found"


def disco_items(client, to, node=None):
    extra = f" node='{node}'" if node else ""
    answer = client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'"
                               f"{extra}/>", to=to)
    return [(one.get("node"), one.get("name"))
            for one in answer.iter("{http://jabber.org/protocol/disco#items}item")]


def test_nodes_and_items(owner, friend):
    owner.publish(NODE, "i", title="Tales")
    owner.publish("urn:closed", access_model="whitelist")
    assert (NODE, "Tales") in disco_items(friend.client, owner.service)
    assert "urn:closed" not in dict(disco_items(friend.client, owner.service))
    assert "urn:closed" in dict(disco_items(owner.client, owner.service))
    assert disco_items(friend.client, owner.service, NODE) == [(None, "i")]


# --- limits at their defaults ---

def test_item_that_is_too_big(owner):
    fits = f"<x xmlns='urn:example'>{'x' * (64 * 1024 - 40)}</x>"
    big = f"<x xmlns='urn:example'>{'x' * 64 * 1024}</x>"
    assert what(owner.publish(NODE, payload=fits)) is None
    answer = owner.publish(NODE, payload=big)
    assert what(answer) == "not-acceptable payload-too-big"
    owner.configure(NODE, max_payload_size="100")
    assert what(owner.publish(NODE, payload=fits)) == "not-acceptable payload-too-big"
    assert answer.find(f"{CLIENT}error") is not None


# Access model, items, when the last one is sent: if nobody says (c2s/pubsub/defaults.c).
CLOSED = ("whitelist", "max", "never")
MEANINGS = {
    "urn:xmpp:vcard4": ("open", "1", "on_sub_and_presence"),
    "urn:xmpp:contacts": CLOSED,
    "urn:xmpp:mds:displayed:0": CLOSED,
    "urn:xmpp:bookmarks:1": CLOSED,
    "storage:bookmarks": ("whitelist", "1", "on_sub_and_presence"),
    "urn:xmpp:omemo:2:devices": ("open", "1", "on_sub_and_presence"),
    "urn:xmpp:omemo:2:bundles": ("open", "max", "on_sub_and_presence"),
    "eu.siacs.conversations.axolotl.devicelist": ("open", "1", "on_sub_and_presence"),
    "eu.siacs.conversations.axolotl.bundles:1": ("open", "1", "on_sub_and_presence"),
    "urn:xmpp:openpgp:0:public-keys": ("open", "1", "on_sub_and_presence"),
    "urn:xmpp:openpgp:0:public-keys:AB": ("open", "1", "on_sub_and_presence"),
    "urn:xmpp:openpgp:0:secret-key": ("whitelist", "1", "on_sub_and_presence"),
    "urn:xmpp:vcard4:other": ("presence", "1", "on_sub_and_presence"),
}


def shape(desk, name):
    config = desk.config(name)
    return tuple(config[f"pubsub#{option}"][0] for option in (
        "access_model", "max_items", "send_last_published_item"))


def test_defaults_of_nodes_with_a_meaning(owner):
    for name in MEANINGS:
        assert what(owner.publish(name)) is None
    assert {name: shape(owner, name) for name in MEANINGS} == MEANINGS


def test_wishes_come_above_such_defaults(owner):
    assert what(owner.publish("urn:xmpp:vcard4", access_model="whitelist")) is None
    assert what(owner.create("urn:xmpp:bookmarks:1", access_model="open")) is None
    assert shape(owner, "urn:xmpp:vcard4")[0] == "whitelist"
    assert shape(owner, "urn:xmpp:bookmarks:1") == ("open", "max", "never")
