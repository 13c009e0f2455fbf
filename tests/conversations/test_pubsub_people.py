# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Who is what to a node (XEP-0060): subscriptions with approval and options, affiliations.

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import Desk, OWNER, PUBSUB, subscription, what

NODE = "urn:example:node"


@pytest.fixture
def owner(login):
    client = login()
    client.send_presence()
    desk = Desk(client)
    desk.create(NODE, access_model="open", max_items="max")
    return desk


@pytest.fixture
def other(login, owner):
    client = login()
    client.send_presence()
    return Desk(client, owner.service)


@pytest.fixture
def third(login, owner):
    return Desk(login(), owner.service)


# --- subscribing (§6.1, §6.2) ---

def test_subscribe(owner, other):
    assert subscription(other.subscribe(NODE)) == "subscribed"
    assert subscription(other.subscribe(NODE)) == "subscribed"  # again
    owner.publish(NODE, "i")
    assert pubsub.events(other.client) == [("items", NODE, ["i"])]
    assert what(other.unsubscribe(NODE)) is None
    owner.publish(NODE, "j")
    assert pubsub.events(other.client) == []
    assert what(other.unsubscribe(NODE)) == "unexpected-request not-subscribed"


def test_last_item_for_a_subscriber(owner, other):
    """§6.1.7"""
    owner.publish(NODE, "old")
    owner.publish(NODE, "last")
    other.client.send(f"<iq type='set' id='s' to='{owner.service}'><pubsub xmlns='{PUBSUB}'>"
                      f"<subscribe node='{NODE}' jid='{other.client.full}'/></pubsub></iq>")
    message = other.client.wait_for(pubsub.event)
    assert pubsub.event(message) == ("items", NODE, ["last"])
    assert message.find("{urn:xmpp:delay}delay") is not None


def test_subscriber_of_one_resource(owner, other, login):
    other.subscribe(NODE, other.client.full)
    owner.publish(NODE, "i")
    assert pubsub.events(other.client) == [("items", NODE, ["i"])]


BAD = {
    "invalid-jid": ("bad-request invalid-jid", {"jid": "somebody@else.test"}),
    "no-node": ("item-not-found", {"node": "unknown"}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_subscriptions(other, name):
    expected, changes = BAD[name]
    assert what(other.subscribe(**{"node": NODE, **changes})) == expected


def test_jid_is_required(other):
    assert what(other.ask("set", f"<subscribe node='{NODE}'/>")) == "bad-request invalid-jid"
    assert what(other.ask("set", f"<unsubscribe node='{NODE}'/>")) == "bad-request jid-required"
    assert what(other.ask("set", "<subscribe jid='x@y'/>")) == "bad-request nodeid-required"


REFUSED = {"presence": "not-authorized presence-subscription-required",
           "roster": "not-authorized not-in-roster-group",
           "whitelist": "not-allowed closed-node"}


@pytest.mark.parametrize("model", REFUSED)
def test_models_that_refuse(owner, other, model):
    owner.configure(NODE, access_model=model)
    assert what(other.subscribe(NODE)) == REFUSED[model]


def test_node_without_subscribers(owner, other):
    owner.configure(NODE, subscribe="0")
    assert what(other.subscribe(NODE)) == "feature-not-implemented unsupported subscribe"


def test_others_are_not_unsubscribed(other, third, owner):
    other.subscribe(NODE)
    assert what(third.unsubscribe(NODE, other.client.bare)) == "forbidden"
    assert what(owner.unsubscribe(NODE, other.client.bare)) is None


def test_subscriber_who_may_not_read_any_more(owner, other):
    other.subscribe(NODE)
    owner.configure(NODE, access_model="whitelist")
    owner.publish(NODE, "secret")
    assert pubsub.events(other.client) == []


# --- options (§6.3, §6.4) ---

def form(deliver):
    return pubsub.options("subscribe_options", {"deliver": deliver})


def test_options(owner, other):
    other.subscribe(NODE)
    jid = other.client.bare
    answer = other.ask("get", f"<options node='{NODE}' jid='{jid}'/>")
    assert pubsub.values(answer)["pubsub#deliver"] == ["1"]
    assert what(other.ask("set", f"<options node='{NODE}' jid='{jid}'>{form('0')}</options>")) \
        is None
    owner.publish(NODE, "i")
    assert pubsub.events(other.client) == []
    bad = other.ask("set", f"<options node='{NODE}' jid='{jid}'>{form('perhaps')}</options>")
    assert what(bad) == "bad-request invalid-options"


def test_subscribe_and_configure(owner, other):
    extra = f"<options node='{NODE}' jid='{other.client.bare}'>{form('false')}</options>"
    assert subscription(other.subscribe(NODE, extra=extra)) == "subscribed"
    owner.publish(NODE, "i")
    assert pubsub.events(other.client) == []


def test_options_of_nobody(other, third):
    jid = other.client.bare
    asked = f"<options node='{NODE}' jid='{jid}'/>"
    assert what(other.ask("get", asked)) == "unexpected-request not-subscribed"
    assert what(third.ask("get", asked)) == "forbidden"
    assert what(other.ask("get", f"<options node='{NODE}'/>")) == "bad-request jid-required"
    assert what(other.ask("get", f"<options node='unknown' jid='{jid}'/>")) == "item-not-found"


def test_default_options(other):
    assert pubsub.values(other.ask("get", "<default/>"))["pubsub#deliver"] == ["1"]


# --- approval (§6.1.4, §8.6) ---

def ask_for_approval(owner, other):
    owner.configure(NODE, access_model="authorize")
    assert subscription(other.subscribe(NODE)) == "pending"
    return owner.client.wait_for(lambda e: pubsub.values(e).get("pubsub#subscriber_jid"))


def decide(owner, fields, **changes):
    fields = {name.removeprefix("pubsub#"): value[0] for name, value in fields.items()
              if name.startswith("pubsub#")}
    owner.client.send(f"<message to='{owner.service}'>"
                      f"{pubsub.options('subscribe_authorization', {**fields, **changes})}"
                      "</message>")


def test_approval(owner, other):
    request = pubsub.values(ask_for_approval(owner, other))
    assert request["pubsub#node"] == [NODE]
    assert request["pubsub#subscriber_jid"] == [other.client.bare]
    assert what(other.subscribe(NODE)) == "not-authorized pending-subscription"
    assert what(other.items(NODE)) == "not-authorized not-subscribed"
    decide(owner, request, allow="true")
    assert pubsub.wait_event(other.client) == ("subscription", NODE, "subscribed")
    assert what(other.items(NODE)) is None
    owner.publish(NODE, "i")
    assert pubsub.events(other.client) == [("items", NODE, ["i"])]


def test_denial(owner, other):
    request = pubsub.values(ask_for_approval(owner, other))
    decide(owner, request, allow="0")
    assert pubsub.wait_event(other.client) == ("subscription", NODE, "none")
    assert what(other.items(NODE)) == "not-authorized not-subscribed"


def test_only_owners_approve(owner, other):
    request = pubsub.values(ask_for_approval(owner, other))
    Desk(other.client, owner.service).client.settle()
    decide(Desk(other.client, owner.service), request, allow="1")
    assert pubsub.events(other.client) == []
    assert what(other.items(NODE)) == "not-authorized not-subscribed"


def test_pending_hear_of_the_end(owner, other):
    """§8.4.2"""
    ask_for_approval(owner, other)
    owner.delete(NODE)
    assert pubsub.events(other.client) == [("delete", NODE)]


# --- one's own lists (§5.6, §5.7) ---

def test_own_lists(owner, other):
    def subscriptions(desk):
        return [(one.get("node"), one.get("jid"), one.get("subscription"))
                for one in desk.ask("get", "<subscriptions/>").iter(f"{{{PUBSUB}}}subscription")]

    def affiliations(desk):
        return [(one.get("node"), one.get("affiliation"))
                for one in desk.ask("get", "<affiliations/>").iter(f"{{{PUBSUB}}}affiliation")]
    assert subscriptions(other) == [] and affiliations(other) == []
    other.subscribe(NODE)
    owner.affiliate(NODE, publisher=[other.client.bare])
    assert subscriptions(other) == [(NODE, other.client.bare, "subscribed")]
    assert affiliations(other) == [(NODE, "publisher")]
    assert affiliations(owner) == [(NODE, "owner")]
    assert what(other.ask("get", "<subscriptions node='unknown'/>")) == "item-not-found"


# --- subscriptions as owners see them (§8.8) ---

def change(desk, jid, state, node=NODE):
    return desk.ask("set", f"<subscriptions node='{node}'><subscription jid='{jid}' "
                           f"subscription='{state}'/></subscriptions>", OWNER)


def listed(desk):
    return {one.get("jid"): one.get("subscription") for one in
            desk.ask("get", f"<subscriptions node='{NODE}'/>", OWNER).iter(
                f"{{{OWNER}}}subscription")}


def test_owner_changes_subscriptions(owner, other):
    owner.configure(NODE, access_model="whitelist")
    assert what(change(owner, other.client.bare, "subscribed")) is None
    assert pubsub.events(other.client) == [("subscription", NODE, "subscribed")]
    assert listed(owner) == {other.client.bare: "subscribed"}
    assert what(change(owner, other.client.bare, "none")) is None
    assert pubsub.events(other.client) == [("subscription", NODE, "none")]
    assert listed(owner) == {}
    assert what(change(owner, other.client.bare, "sleepy")) == "not-acceptable"
    assert what(change(owner, "@", "none")) == "not-acceptable"
    assert what(change(owner, other.client.bare, "none", "unknown")) == "item-not-found"


def test_others_do_not_see_subscriptions(other):
    assert what(change(other, other.client.bare, "subscribed")) == "forbidden"
    assert what(other.ask("get", f"<subscriptions node='{NODE}'/>", OWNER)) == "forbidden"
    assert what(other.ask("get", f"<affiliations node='{NODE}'/>", OWNER)) == "forbidden"
    assert what(other.affiliate(NODE, owner=[other.client.bare])) == "forbidden"


# --- affiliations (§4.1, §8.9) ---

MAY = {  # reads, publishes, takes back its own, takes back others', configures
    "outcast": (False, False, False, False, False),
    "none": (False, False, False, False, False),
    "member": (True, False, False, False, False),
    "publish-only": (False, True, False, False, False),
    "publisher": (True, True, True, True, False),
    "owner": (True, True, True, True, True),
}


@pytest.mark.parametrize("name", MAY)
def test_affiliations(owner, other, name):
    owner.configure(NODE, access_model="whitelist")
    owner.publish(NODE, "theirs")
    owner.affiliate(NODE, **{name.replace("-", "_"): [other.client.bare]})
    assert owner.affiliations(NODE).get(other.client.bare) == (None if name == "none" else name)
    assert (what(other.items(NODE)) is None,
            what(other.publish(NODE, "mine")) is None,
            what(other.retract(NODE, "mine")) is None,
            what(other.retract(NODE, "theirs")) is None,
            what(other.configure(NODE, title="x")) is None) == MAY[name]


def test_outcast_of_an_open_node(owner, other):
    owner.publish(NODE, "i")
    owner.affiliate(NODE, outcast=[other.client.bare])
    assert what(other.items(NODE)) == "forbidden"
    assert what(other.subscribe(NODE)) == "forbidden"
    owner.configure(NODE, publish_model="open")
    assert what(other.publish(NODE)) == "forbidden"


def test_affiliation_is_told(owner, other):
    """§8.9.4"""
    owner.affiliate(NODE, member=[other.client.bare])
    message = other.client.wait_for(
        lambda e: e.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}affiliations/*") is not None)
    told = message.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}affiliations")
    assert (told.get("node"), told[0].get("affiliation")) == (NODE, "member")


def test_account_stays_owner(owner, other):
    assert what(owner.affiliate(NODE, none=[owner.client.bare])) == "not-acceptable"
    assert what(owner.affiliate(NODE, king=[other.client.bare])) == "not-acceptable"
    assert owner.affiliations(NODE) == {owner.client.bare: "owner"}


PUBLISH = {"publishers": (False, False), "subscribers": (False, True), "open": (True, True)}


@pytest.mark.parametrize("model", PUBLISH)
def test_publish_models(owner, other, model):
    owner.configure(NODE, publish_model=model)
    before = what(other.publish(NODE, "a")) is None
    other.subscribe(NODE)
    assert (before, what(other.publish(NODE, "b")) is None) == PUBLISH[model]


def test_whoever_may_publish_takes_back_its_own(owner, other):
    owner.configure(NODE, publish_model="open")
    owner.publish(NODE, "theirs")
    other.publish(NODE, "mine")
    assert what(other.retract(NODE, "theirs")) == "item-not-found"
    assert what(other.retract(NODE, "mine")) is None


def test_publisher_is_told(owner, other):
    """§7.1.2.3: of others than the account; what the publisher writes there itself is not used."""
    owner.configure(NODE, publish_model="open")
    owner.publish(NODE, "own")
    other.publish(NODE, "i")
    found = {one.get("id"): one.get("publisher")
             for one in owner.items(NODE).iter(f"{{{PUBSUB}}}item")}
    assert found == {"own": None, "i": other.client.full}


def test_owners_hear_of_subscribers(owner, other, third):
    """pubsub#notify_sub"""
    owner.affiliate(NODE, owner=[third.client.bare])
    third.client.send_presence()
    owner.configure(NODE, notify_sub="1")
    other.subscribe(NODE)
    assert ("subscription", NODE, "subscribed") in pubsub.events(third.client)


def test_pending_requests_by_a_command(owner):
    """What owners may ask for elsewhere (XEP-0060 §8.7) is not there, and is not announced."""
    command = ("<command xmlns='http://jabber.org/protocol/commands' "
               f"node='{pubsub.PUBSUB}#get-pending'/>")
    assert what(owner.client.ask("set", command, to=owner.service)) == "feature-not-implemented"
    info = owner.client.ask("get", f"<query xmlns='{pubsub.INFO}'/>", to=owner.service)
    assert f"{pubsub.PUBSUB}#get-pending" not in {
        one.get("var") for one in info.iter(f"{{{pubsub.INFO}}}feature")}
