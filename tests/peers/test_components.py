# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Components on stock libraries and clients talk through the whole node (XEP-0114).

import contextlib

from tests.harness import program, slix, wait
from tests.harness.made import made
from tests.node.client import CLIENT, PING
from tests.node.place import COMPONENT

BOT = f"bot@{COMPONENT}"
DISCO = "http://jabber.org/protocol/disco#info"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
PLUGINS = ("xep_0030", "xep_0092", "xep_0199")


def condition(stanza):
    """(type, condition) of an error stanza."""
    error = stanza.find(f"{{{CLIENT}}}error")
    return error.get("type"), error[0].tag.removeprefix(f"{{{STANZAS}}}")


def wait_gone(node):
    """The router has noticed that the component went away."""
    wait.until(lambda: f"{COMPONENT} down" in node.control("ask", "router", "show", "routes"))


@contextlib.asynccontextmanager
async def slix_component(node):
    async with slix.component(node, COMPONENT, node.component_secret()) as part:
        for plugin in PLUGINS:
            part.register_plugin(plugin)
        part["xep_0030"].add_identity(category="gateway", itype="test", name="Tests")
        yield part


def slix_client(node, account):
    return slix.connected(node, account, plugins=PLUGINS)


@contextlib.contextmanager
def gloox_component(node):
    """It sends every message back (tests/router/gloox_component.cpp)."""
    target = made("tests/router/gloox_component")
    host, port = node.address("COMPONENT")
    with program.home(node.ca) as home, \
            program.running(home, target, host, str(port), COMPONENT,
                            node.component_secret()) as part:
        part.wait_output("^connected")
        yield part


@slix.in_loop
async def test_messages(node, account):
    owner = account()
    async with slix_component(node) as part, slix_client(node, owner) as client:
        client.send_presence()
        await client.next("presence")
        client.send_message(BOT, "hello bot", mtype="chat")
        message = await part.next("message")
        assert (message["body"], message["from"]) == ("hello bot", client.boundjid)
        message.reply("hello human").send()
        answer = await client.next("message")
        assert (answer["body"], answer["from"]) == ("hello human", BOT)
        part.send_message(owner.jid, "to your bare JID", mfrom=BOT, mtype="chat")
        assert (await client.next("message"))["body"] == "to your bare JID"


@slix.in_loop
async def test_message_to_who_is_away(node, account):
    owner = account()
    async with slix_component(node) as part:
        part.send_message(owner.jid, "for later", mfrom=BOT, mtype="chat")
        part.send_message(f"nobody@{node.network}", "for nobody", mfrom=BOT, mtype="chat")
        error = await part.next("message_error")
        assert error.xml.find(f"*/{{{STANZAS}}}service-unavailable") is not None
    async with slix_client(node, owner) as client:
        client.send_presence()
        assert (await client.next("message"))["body"] == "for later"


@slix.in_loop
async def test_iq(node, account):
    async with slix_component(node) as part, slix_client(node, account()) as client:
        info = await client["xep_0030"].get_info(jid=COMPONENT, cached=False)
        assert ("gateway", "test", None, "Tests") in info["disco_info"]["identities"]
        await client["xep_0199"].ping(COMPONENT)
        assert (await client["xep_0092"].get_version(COMPONENT))["software_version"]["name"]
        server = await part["xep_0030"].get_info(jid=node.network, ifrom=BOT, cached=False)
        assert ("server", "im", None, "Kontalk") in server["disco_info"]["identities"]
        await part["xep_0199"].ping(node.network, ifrom=BOT)


@slix.in_loop
async def test_presence(node, account):
    owner = account()
    async with slix_component(node) as part, slix_client(node, owner) as client:
        part.auto_authorize = part.auto_subscribe = None
        await client.get_roster()
        client.send_presence(pstatus="here")
        client.send_presence_subscription(BOT)
        request = await part.next("presence_subscribe")
        part.send_presence(pto=request["from"], pfrom=BOT, ptype="subscribed")
        await client.next("presence_subscribed")
        part.send_presence(pto=owner.jid, pfrom=f"{BOT}/x", pstatus="at your service")
        seen = await client.next("presence", lambda p: p["status"] == "at your service")
        assert seen["from"] == f"{BOT}/x"

        part.send_presence(pto=owner.jid, pfrom=BOT, ptype="subscribe")
        await client.next("presence_subscribe")
        client.send_presence_subscription(BOT, ptype="subscribed")
        await part.next("presence", lambda p: p["status"] == "here")
        await part["xep_0199"].send_ping(client.boundjid, ifrom=BOT)
        await client.disconnect()
        await part.next("presence", lambda p: p["type"] == "unavailable")


@slix.in_loop
async def test_forged_from(node):
    async with slix_component(node) as part:
        part.send_message(f"a@{node.network}", "hello", mfrom=f"admin@{node.network}")
        assert (await part.next("stream_error"))["condition"] == "invalid-from"


def echo(client, text):
    client.send_message(BOT, text)
    assert client.wait_message(text).get("from") == BOT


def test_gone_and_back(node, login):
    client = login()
    ping = f"<ping xmlns='{PING}'/>"
    with gloox_component(node):
        echo(client, "before")
    wait_gone(node)
    assert condition(client.ask("get", ping, to=COMPONENT)) == ("wait", "remote-server-timeout")
    client.send_message(BOT, "meanwhile")  # kept, as for any other domain
    with gloox_component(node):
        client.wait_message("meanwhile")
        echo(client, "again")


def test_gloox(node, login):
    client = login()
    client.send_presence()
    with gloox_component(node) as part:
        echo(client, "a < b & c")
        info = client.ask("get", f"<query xmlns='{DISCO}'/>", to=COMPONENT)
        assert info.find(f"*/{{{DISCO}}}identity").get("name") == "Echo"
        part.hush()
        part.wait_output("^disconnected")
        assert part.wait() == 0
