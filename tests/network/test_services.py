# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Services of the network: each has one home, which has claimed its name, and users of all nodes.

import asyncio
import contextlib
import os

import pytest

from tests.harness import archive, program, pubsub, slix, wait
from tests.harness.pubsub import Desk, what
from tests.network.rogue import Rogue, pair_of
from tests.network.test_directory import lookup
from tests.node import configuration, place
from tests.node.client import CLIENT
from tests.node.place import COMPONENT, NETWORK

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

SERVICE = f"pubsub.{NETWORK}"
NAMES = (f"node-{number}" for number in range(10**6))


@pytest.fixture(scope="module")
def services(make_network):
    """All nodes have the service configured, and the component: only one of them gets each."""
    network = make_network(settings={"node": {"network-service": COMPONENT},
                                     f'domain "{NETWORK}"': {"pubsub": "yes"}})
    for one in network:
        for name in (SERVICE, COMPONENT):
            wait.until(lambda: lookup(one, name), what=f"{name} at {one.place.name}")
    yield network
    assert not [problem for one in network for problem in one.problems()]


def homes(network, name):
    return {lookup(one, name) for one in network}


def there(network, name):
    """The node that has it, and the others."""
    [(home, _)] = homes(network, name)
    return network[home], [one for one in network if one.place.name != home]


@pytest.mark.parametrize("name", [SERVICE, COMPONENT])
def test_one_home(services, name):
    assert len(homes(services, name)) == 1


def test_users_of_all_nodes(services, user):
    node, others = there(services, SERVICE)
    owner = Desk(user(others[0]), SERVICE)
    name = next(NAMES)
    assert what(owner.create(name, send_last_published_item="never")) is None
    for one in (node, *others):
        reader = Desk(user(one), SERVICE)
        assert what(reader.create(name)) == "conflict"
        assert pubsub.subscription(reader.subscribe(name)) == "subscribed"
        item = one.place.name
        assert what(owner.publish(name, item)) is None
        assert pubsub.wait_event(reader.client) == ("items", name, [item])
        assert item in reader.ids(name)
        assert what(reader.publish(name, "no")) == "forbidden"
    info = owner.client.ask("get", f"<query xmlns='{pubsub.INFO}'/>", to=SERVICE)
    assert info.find(f".//{{{pubsub.INFO}}}identity").get("category") == "pubsub"


def test_service_is_announced_everywhere(services, user):
    for one in services:
        answer = user(one).ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>",
                               to=NETWORK)
        assert SERVICE in {item.get("jid") for item in answer[0]}


def test_approval_by_an_owner_elsewhere(services, user):
    _, others = there(services, SERVICE)
    owner, reader = (Desk(user(one), SERVICE) for one in others)
    name = next(NAMES)
    owner.create(name, access_model="authorize")
    assert pubsub.subscription(reader.subscribe(name)) == "pending"
    request = owner.client.wait_for(lambda e: e.find("{jabber:x:data}x") is not None)
    form = request.find("{jabber:x:data}x")
    values = pubsub.values(form)
    fields = {key.removeprefix("pubsub#"): value[0] for key, value in values.items()
              if key != "FORM_TYPE"}
    owner.client.send(f"<message to='{SERVICE}'>"
                      f"{pubsub.options('subscribe_authorization', {**fields, 'allow': 'true'})}"
                      "</message>")
    assert pubsub.wait_event(reader.client) == ("subscription", name, "subscribed")


@slix.in_loop
async def test_component(services, user):
    """Both ways, also of addresses under its domain, and also what is kept until it is there."""
    node, others = there(services, COMPONENT)
    alice = user(others[0])
    async with slix.component(node, COMPONENT, node.component_secret()) as part:
        alice.send(f"<message to='hall@{COMPONENT}' type='chat' id='a'><body>kept</body></message>"
                   f"<message to='hall@{COMPONENT}' type='headline' id='b'><body>sent</body>"
                   "</message>")
        alice.send(f"<presence to='hall@{COMPONENT}/nick'/>")
        got = {}
        while len(got) < 2:
            message = await part.next("message")
            got[message["id"]] = message["from"].full
        assert got == {"a": alice.full, "b": alice.full}
        assert (await part.next("presence"))["to"].full == f"hall@{COMPONENT}/nick"
        for text in ("one", "two"):
            part.send_message(mto=alice.full, mbody=text, mfrom=f"hall@{COMPONENT}/nick",
                              mtype="groupchat")
        part.send_presence(pto=alice.full, pfrom=f"hall@{COMPONENT}/nick")
        for text in ("one", "two"):
            got = await asyncio.to_thread(alice.wait_message, text)
            assert got.get("from") == f"hall@{COMPONENT}/nick"
        await asyncio.to_thread(alice.wait_for, lambda e: e.tag.endswith("presence")
                                and e.get("from") == f"hall@{COMPONENT}/nick")


def test_strangers_by_another_node(services):
    """The router would take nothing in their name from c2s: it would end its stream."""
    node, others = there(services, COMPONENT)
    beta = others[0]
    home = services.document.homes[beta.place.name]
    beta.daemon("net").stop()
    try:
        wait.until(lambda: not services.is_linked(node.place.name, beta.place.name))
        with Rogue(node, pair_of(beta)) as connection:
            link = connection.link(beta.place.host)
            link.send(f"<offer xmlns='urn:kontalk:durable:1' id='{beta.place.host}/c2s-1/1'"
                      f" attempt='1'><message xmlns='jabber:client' from='{beta.place.host}'"
                      f" to='hall@{node.place.host}'><envelope xmlns='urn:kontalk:net:1'"
                      f" stage='gateway' home='{beta.place.name}' epoch='{home['epoch']}'>"
                      "<message xmlns='jabber:client' from='romeo@foreign.test/x'"
                      f" to='hall@{COMPONENT}'>"
                      "<body>x</body></message></envelope></message></offer>")
            refused = link.read("<refused [^>]*>").group()
        assert "reason='service-unavailable' type='cancel'" in refused
    finally:
        beta.daemon("net").restart()
    assert "event=component_forged_from" not in node.daemon("router").log()


@contextlib.contextmanager
def rooms(node, durable="no"):
    """kontalk-muc as that component."""
    role = "kontalk_muc"
    if not node.postgres.query("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
        node.postgres.query("postgres", f"CREATE ROLE {role} LOGIN")
    node.postgres.query("kontalk", f"CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role}")
    host, port = node.address("COMPONENT")
    text = place.read(node.place.configuration) + configuration.text({"muc": {
        "domain": COMPONENT, "router": f"{host}:{port}", "durable": durable,
        "secret-file": f"{node.place.secrets}/{COMPONENT}",
        "conninfo": node.postgres.conninfo.replace("user=kontalk", f"user={role}")}})
    with program.home(node.ca) as home:
        conf = home.write("muc.conf", text)
        with program.running(home, os.path.abspath(node.place.program("kontalk-muc")), "-c", conf):
            wait.until(lambda: f"{COMPONENT} component/" in
                       node.control("ask", "router", "show", "routes"), what="kontalk-muc")
            yield


def enter(client, room, nick):
    client.send(f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/>"
                "</presence>")
    client.wait_for(lambda e: e.find(f"{{{CLIENT}}}subject") is not None)
    client.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'>"
               "<x xmlns='jabber:x:data' type='submit'/></query>", to=room)  # whoever has made it


def test_rooms(services, user):
    """People of all nodes meet in a room at one: presence, what is said, private messages, the
    archive, and what is refused."""
    home, others = there(services, COMPONENT)
    room = f"hall@{COMPONENT}"
    people = {one.place.name: user(one) for one in (home, *others)}
    with rooms(home):
        wait.until(lambda: people[home.place.name].ask(
            "get", "<ping xmlns='urn:xmpp:ping'/>", to=COMPONENT).get("type") == "result")
        for name, client in people.items():
            enter(client, room, name)
        said = []
        for name, client in people.items():
            said.append(f"from {name}")
            client.send(f"<message to='{room}' type='groupchat'><body>{said[-1]}</body></message>")
            for other in people.values():
                assert other.wait_message(said[-1]).get("from") == f"{room}/{name}"
        for client in people.values():
            assert archive.query(client, to=room, fields={}).bodies == said
        first, last = list(people)[0], list(people)[-1]
        people[last].send_message(f"{room}/{first}", "between us")
        assert people[first].wait_message("between us").get("from") == f"{room}/{last}"
        people[last].send(f"<presence to='{room}/{last}' type='unavailable'/>")
        people[first].wait_for(lambda e: e.get("type") == "unavailable"
                               and e.get("from") == f"{room}/{last}")
        people[last].send(f"<message to='{room}' type='groupchat'><body>no</body></message>")
        error = people[last].wait_for(lambda e: e.get("type") == "error")
        assert error.find(f"*/{{{STANZAS}}}not-acceptable") is not None


@slix.in_loop
async def test_name_of_another_home(services, user):
    """A component at a node that has not its name speaks to nobody elsewhere."""
    node, others = there(services, COMPONENT)
    alice = user(node)
    c2s = node.daemon("c2s")
    c2s.mark_log()
    async with slix.component(others[0], COMPONENT, others[0].component_secret()) as part:
        part.send_message(mto=alice.full, mbody="forged", mfrom=f"hall@{COMPONENT}",
                          mtype="headline")
        await asyncio.to_thread(c2s.wait_log, "event=envelope_refused")
    assert alice.settle() is None


def test_daemons_restart(services, user):
    """The name stays with its home."""
    node, others = there(services, SERVICE)
    node.daemon("c2s").kill()
    node.daemon("c2s").start()
    desk = Desk(user(others[0]), SERVICE)
    name = next(NAMES)
    wait.until(lambda: what(desk.create(name)) in (None, "conflict"))
    assert there(services, SERVICE)[0] is node
