# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Publish-subscribe: what is too much, and what is not meant. Limits are at their defaults; only
# rates are lifted, since they would make everybody wait.

import pytest

from tests.harness import pubsub
from tests.harness.pubsub import OWNER, PUBSUB, Desk, what

NODE = "urn:example:node"
ITEM = "<x xmlns='urn:example'/>"
INJECTIONS = ["' OR '1'='1", "'; DROP TABLE pubsub_item; --", "\\'", "%", "$1", "a\\nb=c",
              "x' UNION SELECT * FROM account --", "{1,2}", "1,2", "é\u0301"]


@pytest.fixture(scope="module")
def open_node(make_node):
    return make_node(settings={"c2s": {"rate-exempt": "127.0.0.0/8"}})


@pytest.fixture
def desk(login, open_node):
    return Desk(login(None, open_node))


def pour(desk, count, request, ns=PUBSUB):
    """Many requests behind each other; the answer to one more."""
    desk.client.send("".join(
        f"<iq type='set' id='pour-{i}'><pubsub xmlns='{ns}'>{request(i)}</pubsub></iq>"
        for i in range(count)))
    return desk.client.wait_for(lambda e: e.get("id") == f"pour-{count - 1}")


def test_M18_too_many_nodes(desk):
    assert what(pour(desk, 250, lambda i: f"<create node='n{i}'/>")) is None
    assert what(desk.create("one-more")) == "resource-constraint max-nodes-exceeded"
    assert what(desk.publish("one-more")) == "resource-constraint max-nodes-exceeded"
    assert what(desk.publish("n0")) is None
    desk.delete("n1")
    assert what(desk.create("one-more")) is None


def test_M18_too_many_items(desk, open_node):
    """The oldest goes."""
    desk.create(NODE, max_items="max")
    pour(desk, 1001,
         lambda i: f"<publish node='{NODE}'><item id='i{i}'>{ITEM}</item></publish>")
    counted = open_node.postgres.query(
        "kontalk", "SELECT count(*) FROM pubsub_item WHERE item ~ '^i[0-9]+$'")
    assert counted.strip() == "1000"
    assert desk.ids(NODE, "i0") == [] and desk.ids(NODE, "i1") == ["i1"]


def test_M18_too_much_in_all(desk):
    """16 MiB."""
    desk.create(NODE, max_items="max")
    payload = f"<x xmlns='urn:example'>{'x' * 60 * 1024}</x>"
    answers = {what(desk.publish(NODE, f"i{i}", payload)) for i in range(285)}
    assert answers == {None, "resource-constraint"}
    assert what(desk.publish("urn:other", "i", payload)) == "resource-constraint"
    desk.purge(NODE)
    assert what(desk.publish("urn:other", "i", payload)) is None


def people(kind, first, count, value):
    inner = "".join(f"<{kind} jid='u{i}@example.org' {kind}='{value}'/>"
                    for i in range(first, first + count))
    return f"<{kind}s node='{NODE}'>{inner}</{kind}s>"


def test_M18_too_many_subscriptions(desk, login, open_node):
    desk.create(NODE, access_model="open")
    assert what(pour(desk, 100, lambda i: people("subscription", 100 * i, 100, "subscribed"),
                     OWNER)) is None
    assert what(desk.ask("set", people("subscription", 10000, 1, "subscribed"), OWNER)) == \
        "policy-violation"
    other = Desk(login(None, open_node), desk.service)
    assert what(other.subscribe(NODE)) == "policy-violation too-many-subscriptions"


def test_M18_too_many_affiliations(desk):
    desk.create(NODE)
    assert what(pour(desk, 10, lambda i: people("affiliation", 100 * i, 100, "member"),
                     OWNER)) is None
    assert what(desk.ask("set", people("affiliation", 1000, 1, "member"), OWNER)) == \
        "policy-violation"
    assert what(desk.ask("set", people("affiliation", 0, 101, "none"), OWNER)) == "not-acceptable"


def test_M18_too_many_kinds_of_clients(desk):
    """Hashes that nobody uses are forgotten beyond 10,000; who comes later is still asked."""
    client = desk.client
    for part in range(11):
        client.send("".join(
            f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' "
            f"ver='{part}-{i}'/></presence>" for i in range(1000)))
        client.settle()
    assert pubsub.show(client, NODE)
    desk.publish(NODE, "i")
    assert ("items", NODE, ["i"]) in pubsub.events(client)


@pytest.mark.parametrize("text", INJECTIONS)
def test_M15_injection(desk, text):
    assert what(desk.create(text, title=text, max_items="max")) is None
    assert what(desk.publish(text, text)) is None
    assert desk.ids(text) == [text] and desk.ids(text, text) == [text]
    assert desk.config(text)["pubsub#title"] == [text]
    assert pubsub.item_ids(desk.page(text, max="1", before=text)) == []
    assert what(desk.page(text, max="1", after=text + "x")) == "item-not-found"
    assert what(desk.retract(text, text)) is None
    assert what(desk.delete(text)) is None


JUNK = ["<x xmlns='jabber:x:data' type='submit'/>",
        "<x xmlns='jabber:x:data' type='submit'><field/><field var=''/></x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#title'>"
        + "<value/>" * 1000 + "</field></x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#title'><value>"
        "<x xmlns='urn:a'/></value></field></x>",
        "<x xmlns='jabber:x:data' type='submit'>"
        + "<field var='pubsub#max_items'><value>1</value></field>" * 500 + "</x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#max_items'><value>"
        + "9" * 5000 + "</value></field></x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#title'><value>a\n"
        "pubsub#access_model=open</value></field></x>",
        "<x xmlns='urn:other' type='submit'/>", "<x/>"]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_M19_forms_with_junk(desk, junk):
    """Each is answered, the node is as it was or as it may be, and the server goes on."""
    desk.create(NODE, access_model="whitelist")
    for request, ns in ((f"<configure node='{NODE}'>{junk}</configure>", OWNER),
                        (f"<publish node='{NODE}'><item>{ITEM}</item></publish>"
                         f"<publish-options>{junk}</publish-options>", PUBSUB),
                        (f"<create/><configure>{junk}</configure>", PUBSUB),
                        (f"<subscribe node='{NODE}' jid='{desk.client.bare}'/>"
                         f"<options>{junk}</options>", PUBSUB)):
        assert desk.ask("set", request, ns).get("type") in ("result", "error")
    assert desk.config(NODE)["pubsub#access_model"] == ["whitelist"]


NONSENSE = ["<items/>", "<items node=''/>", f"<items node='{'n' * 1024}'/>", "<publish/>",
            "<retract/>", "<subscribe/>", "<unsubscribe node='x'/>", "<options/>",
            "<affiliations node='x'/>", "<items node='x'><item/></items>", "<x xmlns='urn:a'/>"]


@pytest.mark.parametrize("ns", [PUBSUB, OWNER])
@pytest.mark.parametrize("kind", ["get", "set"])
def test_M19_nonsense(desk, ns, kind):
    for request in NONSENSE:
        assert desk.ask(kind, request, ns).get("type") in ("result", "error")


def test_M19_names_that_are_too_long(desk):
    assert what(desk.publish("n" * 1024)) == "bad-request nodeid-required"
    assert what(desk.publish(NODE, "i" * 1024)) == "bad-request item-required"
    assert what(desk.publish("n" * 1023, "i" * 1023)) is None
