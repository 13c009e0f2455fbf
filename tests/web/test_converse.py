# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Converse in Debian's chromium, by WebSocket and by BOSH, with slixmpp at the other end.

import asyncio
import base64
import contextlib
import struct
import zlib

import pytest

from tests.harness.relay import Relay
from tests.harness.slix import connected, in_loop
from tests.web import browser

pytestmark = [pytest.mark.long, pytest.mark.seconds(400)]

PLUGINS = ("xep_0030", "xep_0054", "xep_0060", "xep_0085", "xep_0115", "xep_0163", "xep_0199",
           "xep_0280")
OMEMO = "eu.siacs.conversations.axolotl"
BOOKMARKS = "urn:xmpp:bookmarks:1"
AVATAR = "urn:xmpp:avatar:metadata"
WIDTH, HEIGHT = 40, 30
aside = asyncio.to_thread


@pytest.fixture(scope="module")
def site(make_node):
    return make_node(files=True, muc=True)


@pytest.fixture(scope="module")
def chromium(site):
    with browser.running(site) as running:
        yield running


@pytest.fixture(params=["websocket", "bosh"])
def transport(request):
    return request.param


@pytest.fixture
def visit(chromium, site):
    """visit(account, transport): somebody who is logged in; by WebSocket the page finds out itself
    where that is (XEP-0156)."""
    users = []

    def come(account, transport="websocket", **settings):
        if transport == "bosh":
            settings["discover_connection_methods"] = False
            settings["bosh_service_url"] = url(site, "https", "http-bind")
        users.append(chromium.user(account, **settings))
        users[-1].log_in()
        assert users[-1].transport() == transport
        return users[-1]
    yield come
    for user in users:
        user.close()


def url(site, scheme, path, port=None):
    return f"{scheme}://{site.network}:{port or site.address('HTTPS')[1]}/{path}"


def picture():
    """A PNG file."""
    def chunk(name, data):
        return struct.pack("!I", len(data)) + name + data + struct.pack(
            "!I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + bytes((x, y, 99)[i] for x in range(WIDTH) for i in range(3))
                    for y in range(HEIGHT))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack("!IIBBBBB", WIDTH, HEIGHT, 8, 2, 0,
                                                              0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.fixture
def picture_file(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(picture())
    return str(path)


@contextlib.asynccontextmanager
async def online(site, account, resource=None):
    async with connected(site, account, resource, plugins=PLUGINS) as client:
        await client.get_roster()
        await client["xep_0280"].enable()
        client.send_presence()
        await client.next("presence", lambda p: p["from"] == client.boundjid)
        yield client


def body(text):
    return lambda message: message["body"] == text


async def read(client, jid, node):
    """The items of a node."""
    answer = await client["xep_0060"].get_items(jid, node)
    return list(answer["pubsub"]["items"])


def test_wrong_password(chromium, site):
    account = site.add_account()
    user = chromium.user(account)
    user.find("#converse-login-jid").send_keys(account.jid)
    user.find("#converse-login-password").send_keys("wrong")
    user.find("#converse-login button[type=submit]").click()
    user.wait("return document.body.innerText.includes('incorrect')")
    user.close()


@in_loop
async def test_roster_and_presence(site, visit, transport):
    romeo, juliet = site.add_account(), site.add_account()
    async with online(site, juliet) as peer:
        page = await aside(visit, romeo, transport)
        await aside(page.call, "await api.contacts.add({jid: arguments[0], name: 'Juliet'})",
                    juliet.jid)
        await peer.next("presence_subscribe")
        peer.send_presence_subscription(romeo.jid, ptype="subscribed")
        peer.send_presence_subscription(romeo.jid)
        await aside(page.wait, "return inside.state.roster.get(arguments[0]).get('requesting')"
                    " || inside.state.roster.get(arguments[0]).get('subscription') === 'both'",
                    juliet.jid)
        await aside(page.call, "const one = inside.state.roster.get(arguments[0]);"
                    "if (one.get('requesting')) await one.authorize()", juliet.jid)
        await peer.next("presence_subscribed")
        await peer.next("presence", lambda p: p["from"].bare == romeo.jid
                        and p["type"] == "available")
        peer.send_presence(pshow="away", pstatus="at lunch")
        await aside(page.wait, "const row = document.querySelector("
                    "`.open-chat[data-jid='${arguments[0]}']`); return row &&"
                    " row.innerText.includes('Juliet')"
                    " && row.querySelector('[color*=chat-status-away]')",
                    juliet.jid)
        await aside(page.call, "await api.user.status.set('dnd', 'do not disturb')")
        await peer.next("presence", lambda p: p["status"] == "do not disturb"
                        and p["show"] == "dnd")


@in_loop
async def test_messages_and_carbons(site, visit, transport):
    romeo, juliet = site.add_account(), site.add_account()
    async with online(site, juliet) as peer, online(site, romeo, "phone") as phone:
        page = await aside(visit, romeo, transport)
        await aside(page.say, juliet.jid, "hello")
        message = await peer.next("message", body("hello"))
        assert message["from"] == await aside(lambda: page.full)
        message.reply("hello yourself").send()
        await aside(page.wait_texts, "hello", "hello yourself")
        # What another device says and is told (XEP-0280).
        phone.send_message(juliet.jid, "by phone", mtype="chat")
        peer.send_message(f"{romeo.jid}/phone", "to the phone", mtype="chat")
        await aside(page.wait, "return document.body.innerText.includes('to the phone')")
        shown = await aside(page.texts)
        assert sorted(shown[2:]) == ["by phone", "to the phone"]


@in_loop
async def test_archive(site, visit, transport):
    """Who comes from another browser sees what was said (XEP-0313), once; so does who reloads."""
    romeo, juliet = site.add_account(), site.add_account()
    async with online(site, juliet) as peer:
        page = await aside(visit, romeo, transport)
        await aside(page.say, juliet.jid, "one")
        await peer.next("message", body("one"))
        peer.send_message(romeo.jid, "two", mtype="chat")
        await aside(page.wait_texts, "one", "two")
        other = await aside(visit, romeo, transport)
        await aside(other.open, juliet.jid)
        await aside(other.wait_texts, "one", "two")
        await aside(page.load)
        await aside(page.wait_online)
        peer.send_message(romeo.jid, "three", mtype="chat")
        await aside(page.open, juliet.jid)
        await aside(page.wait_texts, "one", "two", "three")


@pytest.fixture
def relay(site):
    made = Relay(lambda: site.address("HTTPS"))
    yield made
    made.close()


@in_loop
async def test_resumption(site, visit, relay):
    """What both sides said while the network was away is there, once, in the same session."""
    romeo, juliet = site.add_account(), site.add_account()
    there = {"websocket_url": url(site, "wss", "xmpp-websocket", relay.address[1]),
             "discover_connection_methods": False}
    async with online(site, juliet) as peer:
        page = await aside(visit, romeo, **there)
        full = await aside(lambda: page.full)
        await aside(page.say, juliet.jid, "before")
        await peer.next("message", body("before"))
        relay.cut()
        await aside(page.type, "into the void")
        peer.send_message(romeo.jid, "who is there?", mtype="chat")
        await peer["xep_0199"].ping(site.network)
        relay.reset()
        await aside(page.wait, "return window.events.includes('will-reconnect')")
        relay.heal()
        await peer.next("message", body("into the void"))
        await aside(page.wait, "return document.body.innerText.includes('who is there?')")
        await aside(page.type, "after")
        message = await peer.next("message")
        assert (message["body"], message["from"]) == ("after", full)
        shown = await aside(page.texts)
        assert sorted(shown) == sorted(["before", "into the void", "who is there?", "after"])
        assert "streamResumptionFailed" not in await aside(page.events)


@in_loop
async def test_lost_by_bosh(site, visit, relay):
    """Without stream management the archive has what came meanwhile."""
    romeo, juliet = site.add_account(), site.add_account()
    async with online(site, juliet) as peer:
        page = await aside(visit, romeo, "bosh", bosh_service_url=url(
            site, "https", "http-bind", relay.address[1]))
        await aside(page.say, juliet.jid, "before")
        await peer.next("message", body("before"))
        relay.cut()
        relay.reset()
        peer.send_message(romeo.jid, "meanwhile", mtype="chat")
        await peer["xep_0199"].ping(site.network)
        relay.heal()
        await aside(page.wait_texts, "before", "meanwhile")
        await aside(page.type, "after")
        assert (await peer.next("message"))["body"] == "after"


@in_loop
async def test_avatar(site, visit, transport):
    romeo, juliet = site.add_account(), site.add_account()
    async with online(site, juliet) as peer:
        page = await aside(visit, romeo, transport)
        text = base64.b64encode(picture()).decode()
        await aside(page.call, "await api.vcard.set(arguments[0], {fn: 'Romeo', nickname: 'romeo',"
                    " image: arguments[1], image_type: 'image/png'})", romeo.jid, text)
        card = await peer["xep_0054"].get_vcard(romeo.jid, cached=False)
        assert card["vcard_temp"]["FN"] == "Romeo"
        assert card["vcard_temp"]["PHOTO"]["BINVAL"] == picture()
        async with online(site, romeo) as self:
            # XEP-0398: the same as an avatar of XEP-0084.
            info = (await read(self, romeo.jid, AVATAR))[0]["payload"][0]
            assert (info.get("type"), info.get("bytes")) == ("image/png", str(len(picture())))
        peer_card = peer["xep_0054"].make_vcard()
        peer_card["FN"] = "Juliet"
        peer_card["PHOTO"]["TYPE"] = "image/png"
        peer_card["PHOTO"]["BINVAL"] = picture()
        await peer["xep_0054"].publish_vcard(peer_card)
        card = await aside(page.call, "const {fullname, image} = await api.vcard.get(arguments[0]);"
                           "return [fullname, image]", juliet.jid)
        assert card == ["Juliet", text]


def test_file(site, visit, transport, picture_file):
    """XEP-0363: two browsers exchange a picture."""
    romeo, juliet = site.add_account(), site.add_account()
    one, other = visit(romeo, transport), visit(juliet, transport)
    one.open(juliet.jid)
    one.send_file(picture_file)
    width, height, shown = one.wait_picture()
    assert (width, height) == (WIDTH, HEIGHT)
    assert shown.startswith(f"https://{site.place.upload}:")
    other.open(romeo.jid)
    assert other.wait_picture() == [WIDTH, HEIGHT, shown]


def test_picture_in_a_room(site, visit, transport, picture_file):
    """Two people meet in a room that the first makes, and exchange a picture (XEP-0045,
    XEP-0363)."""
    romeo, juliet = site.add_account(), site.add_account()
    one, other = visit(romeo, transport), visit(juliet, transport)
    room = f"balcony-{transport}@conference.{site.network}"
    one.join(room, "romeo")
    other.join(room, "juliet")
    one.type("is it thee?")
    other.wait_texts("is it thee?")
    other.type("it is")
    one.wait_texts("is it thee?", "it is")
    one.send_file(picture_file)
    for page in (one, other):
        width, height, shown = page.wait_picture()
        assert (width, height) == (WIDTH, HEIGHT)
        assert shown.startswith(f"https://{site.place.upload}:")


@in_loop
async def test_omemo(site, visit, transport):
    """Keys are published (XEP-0384 0.3), found, and good for messages that nobody else reads."""
    romeo, juliet = site.add_account(), site.add_account()
    one = await aside(visit, romeo, transport)
    other = await aside(visit, juliet, transport)
    for page in (one, other):
        await aside(page.wait, "return window.events.includes('OMEMOInitialized')")
    device = await aside(one.call, "return await api.omemo.getDeviceID()")
    async with online(site, juliet) as peer:
        devices = (await read(peer, romeo.jid, f"{OMEMO}.devicelist"))[0]["payload"]
        assert [each.get("id") for each in devices] == [device]
        bundle = (await read(peer, romeo.jid, f"{OMEMO}.bundles:{device}"))[0]["payload"]
        assert len(bundle.find(f"{{{OMEMO}}}prekeys")) == 100
        await aside(one.open, juliet.jid)
        await aside(one.call, "(await api.chats.get(arguments[0])).save('omemo_active', true)",
                    juliet.jid)
        await aside(one.type, "between us")
        message = await peer.next("message", lambda m: m["body"])
        assert "between us" not in str(message)
        assert message.xml.find(f"{{{OMEMO}}}encrypted") is not None
        await aside(other.open, romeo.jid)
        await aside(other.wait_texts, "between us")


@in_loop
async def test_bookmarks(site, visit, transport):
    romeo = site.add_account()
    page = await aside(visit, romeo, transport)
    room = f"room@conference.{site.network}"
    await aside(page.call, "await api.bookmarks.set({jid: arguments[0], name: 'Verona',"
                " nick: 'romeo', autojoin: false})", room)
    async with online(site, romeo) as self:
        item = (await read(self, romeo.jid, BOOKMARKS))[0]
        assert (item["id"], item["payload"].get("name")) == (room, "Verona")
    # Converse asks for notifications of the older format only, so it is the next page that knows.
    other = await aside(visit, romeo, transport)
    await aside(other.wait, "return inside.state.bookmarks?.get(arguments[0])?.get('name')"
                " === 'Verona'", room)


def test_log_out(site, visit, transport):
    page = visit(site.add_account(), transport)
    page.call("await api.user.logout()")
    page.find("#converse-login-jid")
    assert page.run("return !inside.api.connection.connected()")
