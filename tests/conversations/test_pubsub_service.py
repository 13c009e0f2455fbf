# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The service of a domain (XEP-0060): the same as accounts have, for nodes of many owners.

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import Desk, what

NODE = "princely_musings"


@pytest.fixture(scope="module")
def court(make_node):
    node = make_node(settings={'domain "example.test"': {"pubsub": "yes"}})
    node.daemon("router").wait_log(r"pubsub\.example\.test")
    return node


@pytest.fixture
def service(court):
    return f"pubsub.{court.network}"


@pytest.fixture
def name():
    return f"node-{next(NUMBERS)}"


NUMBERS = iter(range(10**6))


@pytest.fixture
def desk(login, court, service):
    def make():
        client = login(None, court)
        client.send_presence()
        return Desk(client, service)
    return make


def test_discovery(desk, court, service):
    client = desk().client
    answer = client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>",
                        to=court.network)
    assert service in {one.get("jid") for one in answer[0]}
    answer = client.ask("get", f"<query xmlns='{pubsub.INFO}'/>", to=service)
    identity = answer.find(f".//{{{pubsub.INFO}}}identity")
    assert (identity.get("category"), identity.get("type")) == ("pubsub", "service")
    found = {one.get("var") for one in answer.iter(f"{{{pubsub.INFO}}}feature")}
    assert f"{pubsub.PUBSUB}#create-nodes" in found
    assert f"{pubsub.PUBSUB}#access-presence" not in found


def test_whole_life_of_a_node(desk, name):
    owner, reader = desk(), desk()
    assert what(owner.create(name, title="Musings")) is None
    assert what(reader.create(name)) == "conflict"
    assert pubsub.subscription(reader.subscribe(name)) == "subscribed"
    assert what(owner.publish(name, "1")) is None
    assert pubsub.events(reader.client) == [("items", name, ["1"])]
    assert reader.ids(name) == ["1"]
    assert what(reader.publish(name, "2")) == "forbidden"
    assert what(owner.retract(name, "1")) is None
    assert pubsub.events(reader.client) == [("retract", name, ["1"])]
    assert what(reader.delete(name)) == "forbidden"
    assert what(owner.delete(name)) is None
    assert pubsub.events(reader.client) == [("delete", name)]


def test_models_that_need_a_roster(desk, name):
    for model in ("presence", "roster"):
        assert what(desk().create(name, access_model=model)) == \
            "not-acceptable unsupported-access-model"


def test_last_owner_stays(desk, name):
    owner, heir = desk(), desk()
    owner.create(name)
    assert owner.affiliations(name) == {owner.client.bare: "owner"}
    assert what(owner.affiliate(name, none=[owner.client.bare])) == "not-acceptable"
    assert what(owner.affiliate(name, owner=[heir.client.bare])) is None
    assert what(owner.affiliate(name, none=[owner.client.bare])) is None
    assert what(owner.configure(name, title="x")) == "forbidden"
    assert what(heir.configure(name, title="x")) is None


def test_approval(desk, name):
    owner, reader = desk(), desk()
    owner.create(name, access_model="authorize")
    assert pubsub.subscription(reader.subscribe(name)) == "pending"
    request = owner.client.wait_for(lambda e: pubsub.values(e).get("pubsub#subscriber_jid"))
    fields = {key.removeprefix("pubsub#"): value[0]
              for key, value in pubsub.values(request).items() if key.startswith("pubsub#")}
    owner.client.send(
        f"<message to='{owner.service}' id='{request.get('id')}'>"
        f"{pubsub.options('subscribe_authorization', {**fields, 'allow': '1'})}</message>")
    assert pubsub.wait_event(reader.client) == ("subscription", name, "subscribed")


def test_other_things_are_refused(desk):
    client, service = desk().client, desk().service
    assert what(client.ask("get", "<vCard xmlns='vcard-temp'/>", to=service)) == \
        "feature-not-implemented"
    assert what(client.ask("get", "<query xmlns='urn:example'/>", to=service)) == \
        "service-unavailable"
    assert what(client.ask("get", "<query xmlns='urn:example'/>", to=f"{service}/x")) == \
        "service-unavailable"
    client.send(f"<presence type='subscribe' to='{service}'/><presence to='{service}'/>")
    client.send_message(service, "hello")
    error = client.wait_for(lambda e: e.get("type") == "error")
    assert error.get("from") == service


def test_nodes_survive(desk, court, name):
    owner = desk()
    owner.create(name, title="Lasting")
    owner.publish(name, "i")
    court.daemon("c2s").kill()
    court.daemon("router").mark_log()
    court.daemon("c2s").start()
    court.daemon("router").wait_log(r"pubsub\.example\.test")
    again = desk()
    assert again.ids(name) == ["i"]


def test_no_service_unless_configured(login, node):
    client = login()
    answer = client.ask("get", f"<query xmlns='{pubsub.INFO}'/>", to=f"pubsub.{node.network}")
    assert answer.get("type") == "error"
