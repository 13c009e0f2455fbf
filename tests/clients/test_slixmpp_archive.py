# SPDX-License-Identifier: AGPL-3.0-or-later
#
# slixmpp reads its archive (XEP-0313), gets copies (XEP-0280) and sets preferences.

import asyncio
from xml.etree import ElementTree as ET

from tests.harness.slix import connected, in_loop

PLUGINS = ("xep_0030", "xep_0059", "xep_0280", "xep_0297", "xep_0313", "xep_0441")
COUNT = 25
RETRACT = "urn:xmpp:message-retract:1"


def body_of(message):
    return message["mam_result"]["forwarded"]["stanza"]["body"]


@in_loop
async def test_archive(node, account):
    writer, reader = account(), account()
    async with connected(node, writer, plugins=("xep_0199",)) as client:  # the reader is away
        for number in range(COUNT):
            client.send_message(reader.jid, str(number), mtype="chat")
        await client["xep_0199"].ping(client.boundjid.domain)
    async with connected(node, reader, plugins=PLUGINS) as client:
        archive = client["xep_0313"]
        numbers = [str(number) for number in range(COUNT)]
        assert [body_of(m) async for m in archive.iterate(rsm={"max": 7})] == numbers
        assert [body_of(m) async for m in archive.iterate(reverse=True, rsm={"max": 10})] == \
            numbers[::-1]
        assert [body_of(m) async for m in archive.iterate(with_jid="nobody@example.org")] == []
        every = [m async for m in archive.iterate(with_jid=writer.jid)]
        assert [body_of(m) for m in every] == numbers
        form = await archive.get_fields()
        assert {"with", "start", "end", "before-id", "after-id", "ids"} <= set(form.get_fields())
        ends = (await archive.get_archive_metadata())["mam_metadata"]
        assert ends["start"]["id"] == every[0]["mam_result"]["id"]
        assert ends["end"]["id"] == every[-1]["mam_result"]["id"]


@in_loop
async def test_retraction(node, account):
    """The plugin for XEP-0424 is of an earlier version: what it would send is written here."""
    reader = account()
    async with connected(node, account(), plugins=PLUGINS) as writer, \
            connected(node, reader, plugins=PLUGINS) as client:
        info = await writer["xep_0030"].get_info(jid=writer.boundjid.bare)
        assert {RETRACT, f"{RETRACT}#tombstone"} <= set(info["disco_info"]["features"])
        message = writer.make_message(reader.jid, "wrong", mtype="chat")
        message["id"] = "wrong-1"
        message.send()
        retraction = writer.make_message(reader.jid, "/me retracted a message", mtype="chat")
        retraction["id"] = "retract-1"
        retraction.append(ET.Element(f"{{{RETRACT}}}retract", {"id": "wrong-1"}))
        retraction.send()
        client.send_presence()
        while (await client.next("message"))["id"] != "retract-1":
            pass
        for archive in (writer["xep_0313"], client["xep_0313"]):
            results = [m["mam_result"] async for m in archive.iterate()]
            first, second = [result["forwarded"]["stanza"] for result in results]
            assert first.xml.find(f"{{{RETRACT}}}retracted").get("id") == "retract-1"
            assert (first["id"], first["body"]) == ("wrong-1", "")
            assert (second["id"], second["body"]) == ("retract-1", "/me retracted a message")


@in_loop
async def test_preferences(node, account):
    async with connected(node, account(), plugins=PLUGINS) as client:
        preferences = client["xep_0441"]
        assert (await preferences.get_preferences())[0] == "always"
        await preferences.set_preferences("roster", ["a@example.org"], ["b@example.org/c"])
        default, always, never = await preferences.get_preferences()
        assert (default, list(always), list(never)) == \
            ("roster", ["a@example.org"], ["b@example.org/c"])


@in_loop
async def test_copies(node, account):
    romeo, juliet = account(), account()
    async with connected(node, romeo, resource="desk", plugins=PLUGINS) as desk, \
            connected(node, romeo, resource="phone", plugins=PLUGINS) as phone, \
            connected(node, juliet, resource="balcony", plugins=PLUGINS) as other:
        sent, received = asyncio.Queue(), asyncio.Queue()
        phone.add_event_handler("carbon_sent", sent.put_nowait)
        phone.add_event_handler("carbon_received", received.put_nowait)
        await phone["xep_0280"].enable()
        desk.send_message(other.boundjid, "to her", mtype="chat")
        copy = await asyncio.wait_for(sent.get(), 20)
        assert copy["carbon_sent"]["body"] == "to her"
        assert (await other.next("message"))["body"] == "to her"
        other.send_message(desk.boundjid, "to him", mtype="chat")
        copy = await asyncio.wait_for(received.get(), 20)
        assert copy["carbon_received"]["body"] == "to him"
        assert copy["from"] == romeo.jid
        assert (await desk.next("message"))["body"] == "to him"
