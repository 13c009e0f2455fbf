# SPDX-License-Identifier: AGPL-3.0-or-later
#
# slixmpp, the library of many bots and of Poezio.

import contextlib

import pytest
from slixmpp.exceptions import IqError
from slixmpp.plugins import xep_0082
from slixmpp.plugins.xep_0048 import Bookmarks

from tests.clients.interop import login
from tests.harness.slix import connected, connecting, in_loop

PLUGINS = ("xep_0012", "xep_0030", "xep_0049", "xep_0054", "xep_0085", "xep_0092", "xep_0115",
           "xep_0191", "xep_0199", "xep_0202", "xep_0203")


def bare(jid):
    return lambda stanza: stanza["from"].bare == jid


def body(text):
    return lambda message: message["body"] == text


def item_is(contact, subscription):
    def matches(iq):
        item = iq["roster"]["items"].get(contact.boundjid.bare)
        return item is not None and item["subscription"] == subscription
    return matches


async def online(client):
    await client.get_roster()
    client.send_presence()
    await client.next("presence", bare(client.boundjid.bare))


@contextlib.asynccontextmanager
async def two(node, **options):
    """Two clients that see each other."""
    romeo, juliet = node.add_account(), node.add_account()
    async with connected(node, romeo, plugins=PLUGINS, **options) as a, \
            connected(node, juliet, plugins=PLUGINS, **options) as b:
        for client in (a, b):
            await online(client)
        for one, other in ((a, b), (b, a)):
            one.send_presence_subscription(other.boundjid.bare)
            await other.next("presence_subscribe")
            other.send_presence_subscription(one.boundjid.bare, ptype="subscribed")
            await one.next("presence_subscribed")
            await one.next("presence", bare(other.boundjid.bare))
        yield a, b


@in_loop
async def test_login(either_node, interop):
    account = either_node.add_account()
    async with connected(either_node, account, resource="phone") as client:
        assert client.boundjid.full == f"{account.jid}/phone"
        interop.check("slixmpp", either_node, account)


@in_loop
async def test_direct_tls(node, account):
    async with connected(node, account(), service="C2S_TLS") as client:
        await online(client)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
@in_loop
async def test_mechanism(unbound_node, mechanism):
    account = unbound_node.add_account()
    async with connected(unbound_node, account, mechanism=mechanism):
        assert login(unbound_node, account)[0] == mechanism


@in_loop
async def test_scram_where_binding_is_offered(node, account):
    """It says that we offer no channel binding (gs2 flag "y"), which is not true, so SCRAM is
    refused (RFC 5802 §6)."""
    async with connecting(node, account(), mechanism="SCRAM-SHA-256") as client:
        await client.next("failed_all_auth")


@in_loop
async def test_wrong_password(node, account):
    async with connecting(node, account(), password="wrong") as client:
        await client.next("failed_all_auth")


@in_loop
async def test_foreign_authority(node, account, foreign_ca):
    async with connecting(node, account(), ca=foreign_ca) as client:
        await client.next("ssl_invalid_chain")


@in_loop
async def test_roster(node, account):
    romeo, juliet = account(), account()
    async with connected(node, romeo) as client:
        await online(client)
        await client.update_roster(juliet.jid, name="Juliet", groups=["Capulet"])
        push = await client.next("roster_update", lambda iq: juliet.jid in iq["roster"]["items"])
        assert push["roster"]["items"][juliet.jid]["name"] == "Juliet"
    async with connected(node, romeo) as client:
        item = (await client.get_roster())["roster"]["items"][juliet.jid]
        assert (item["subscription"], item["groups"]) == ("none", ["Capulet"])
        await client.del_roster_item(juliet.jid)
    async with connected(node, romeo) as client:
        assert juliet.jid not in (await client.get_roster())["roster"]["items"]


@in_loop
async def test_subscription(node):
    async with two(node) as (a, b):
        await a.next("roster_update", item_is(b, "both"))
        await b.next("roster_update", item_is(a, "both"))
        a.send_presence_subscription(b.boundjid.bare, ptype="unsubscribe")
        await b.next("presence_unsubscribe")
        await b.next("roster_update", item_is(a, "to"))
        await a.next("roster_update", item_is(b, "from"))


@in_loop
async def test_presence(node):
    async with two(node) as (a, b):
        a.send_presence(pshow="away", pstatus="at lunch", ppriority=5)
        seen = await b.next("presence", lambda p: p["status"] == "at lunch")
        assert (seen["from"], seen["show"], seen["priority"]) == (a.boundjid, "away", 5)
        await a.disconnect()
        await b.next("presence", lambda p: p["type"] == "unavailable")


@in_loop
async def test_messages(node):
    async with two(node) as (a, b):
        a.send_message(b.boundjid.bare, "to all of you", mtype="chat")
        message = await b.next("message", body("to all of you"))
        assert message["from"] == a.boundjid
        message.reply("to that one").send()
        answer = await a.next("message", body("to that one"))
        assert (answer["from"], answer["to"]) == (b.boundjid, a.boundjid)


@in_loop
async def test_message_to_nobody(node, account):
    async with connected(node, account()) as client:
        client.send_message(f"nobody-here@{node.network}", "hello", mtype="chat")
        error = await client.next("message_error")
        assert error["error"]["condition"] == "service-unavailable"


@in_loop
async def test_offline(node, account):
    romeo, juliet = account(), account()
    async with connected(node, romeo, plugins=PLUGINS) as a:
        a.send_message(juliet.jid, "sleep well", mtype="chat")
        await a["xep_0199"].ping(node.network)
    async with connected(node, juliet, plugins=PLUGINS) as b:
        b.send_presence()
        message = await b.next("message", body("sleep well"))
        assert message["from"].bare == romeo.jid and message["delay"]["stamp"]


@in_loop
async def test_disco(node):
    async with two(node) as (a, b):
        info = (await a["xep_0030"].get_info(jid=node.network, cached=False))["disco_info"]
        assert ("server", "im", None, "Kontalk") in info["identities"]
        assert {"urn:xmpp:ping", "vcard-temp", "urn:xmpp:blocking"} <= info["features"]
        own = (await a["xep_0030"].get_info(jid=a.boundjid.bare, cached=False))["disco_info"]
        assert {i[:2] for i in own["identities"]} == {("account", "registered"), ("pubsub", "pep")}
        peer = (await a["xep_0030"].get_info(jid=b.boundjid.full, cached=False))["disco_info"]
        assert "urn:xmpp:ping" in peer["features"]
        await a["xep_0030"].get_items(jid=node.network)


@in_loop
async def test_caps(node):
    """XEP-0115: what the server announces in its stream features is what it answers."""
    async with two(node) as (a, b):
        await a["xep_0115"].update_caps()
        seen = await b.next("presence", lambda p: bare(a.boundjid.bare)(p) and p["caps"]["ver"])
        assert seen["caps"]["ver"] == await a["xep_0115"].get_verstring(a.boundjid)


@in_loop
async def test_ping_version_time(node):
    async with two(node) as (a, b):
        for target in (node.network, b.boundjid.full):
            await a["xep_0199"].ping(target)
            assert (await a["xep_0092"].get_version(target))["software_version"]["name"]
        time = await a["xep_0202"].get_entity_time(node.network)
        # Its own ["utc"] puts a second Z behind ours.
        utc = time.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc")
        assert xep_0082.parse(utc).tzinfo


@in_loop
async def test_last_activity(node):
    async with two(node) as (a, b):
        uptime = await a["xep_0012"].get_last_activity(node.network)
        assert uptime["last_activity"]["seconds"] >= 0
        b.send_presence(ptype="unavailable", pstatus="gone to bed")
        await a.next("presence", lambda p: p["type"] == "unavailable")
        gone = await a["xep_0012"].get_last_activity(b.boundjid.bare)
        assert gone["last_activity"]["status"] == "gone to bed"


@in_loop
async def test_vcard(node):
    async with two(node) as (a, b):
        card = a["xep_0054"].make_vcard()
        card["FN"] = "Romeo Montague"
        await a["xep_0054"].publish_vcard(card)
        seen = await b["xep_0054"].get_vcard(a.boundjid.bare, cached=False)
        assert seen["vcard_temp"]["FN"] == "Romeo Montague"


@in_loop
async def test_blocking(node):
    async with two(node) as (a, b):
        await a["xep_0191"].block(b.boundjid.bare)
        await b.next("presence", lambda p: p["type"] == "unavailable")
        b.send_message(a.boundjid.bare, "let me in", mtype="chat")
        error = await b.next("message_error")
        assert error["error"]["condition"] == "service-unavailable"
        with pytest.raises(IqError) as refused:
            await a["xep_0199"].send_ping(b.boundjid.full)
        assert refused.value.condition == "not-acceptable"
        blocked = await a["xep_0191"].get_blocked()
        assert {str(jid) for jid in blocked["blocklist"]["items"]} == {b.boundjid.bare}
        await a["xep_0191"].unblock(b.boundjid.bare)
        b.send_message(a.boundjid.bare, "thank you", mtype="chat")
        await a.next("message", body("thank you"))


@in_loop
async def test_private_storage(node, account):
    """XEP-0049, as bookmarks had it."""
    owner = account()
    async with connected(node, owner, plugins=PLUGINS) as client:
        client.register_plugin("xep_0048")
        marks = Bookmarks()
        marks.add_conference("room@rooms.example", "Romeo")
        await client["xep_0049"].store(marks)
        found = (await client["xep_0049"].retrieve("bookmarks"))["private"]["bookmarks"]
        assert [room["jid"] for room in found["conferences"]] == ["room@rooms.example"]


@in_loop
async def test_resource_conflict(node, account):
    """The newer one wins (RFC 6120 §7.7.2.2)."""
    owner = account()
    async with connected(node, owner, resource="x") as first, \
            connected(node, owner, resource="x") as second:
        assert (await first.next("stream_error"))["condition"] == "conflict"
        assert second.boundjid.full == f"{owner.jid}/x"
        await online(second)
