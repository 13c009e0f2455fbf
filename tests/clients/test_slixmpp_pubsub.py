# SPDX-License-Identifier: AGPL-3.0-or-later
#
# slixmpp with nodes of accounts (XEP-0163), as clients with OMEMO (XEP-0384) use them: lists of
# devices and bundles that everybody may read, and that contacts hear of.

import asyncio

import pytest
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0004 import Form
from slixmpp.xmlstream import ET

from tests.clients.test_slixmpp import bare
from tests.harness.slix import connected, in_loop

PLUGINS = ("xep_0004", "xep_0030", "xep_0059", "xep_0060", "xep_0115", "xep_0163", "xep_0199")
NS = "urn:xmpp:omemo:2"
DEVICES = f"{NS}:devices"
BUNDLES = f"{NS}:bundles"
EVENT = "{http://jabber.org/protocol/pubsub#event}"


def options(**values):
    form = Form()
    form["type"] = "submit"
    form.add_field(var="FORM_TYPE", ftype="hidden",
                   value="http://jabber.org/protocol/pubsub#publish-options")
    for name, value in values.items():
        form.add_field(var=f"pubsub#{name}", value=value)
    return form


OPEN = {"access_model": "open", "persist_items": "1"}


def devices(*numbers):
    root = ET.Element(f"{{{NS}}}devices")
    for number in numbers:
        ET.SubElement(root, f"{{{NS}}}device", id=str(number))
    return root


def bundle(number):
    root = ET.Element(f"{{{NS}}}bundle")
    ET.SubElement(root, f"{{{NS}}}spk", id="1").text = f"key {number}"
    return root


def event_of(node, sender):
    """A message with an event of this node."""
    def matches(message):
        return (message["from"].bare == sender
                and message.xml.find(f"{EVENT}event/{EVENT}items[@node='{node}']") is not None)
    return matches


def ids(message):
    return [one.get("id") for one in message.xml.iter(f"{{{NS}}}device")]


async def listening(client, *nodes):
    if "pubsub_publish" not in client.queues:
        client.queues["pubsub_publish"] = asyncio.Queue()
        client.add_event_handler("pubsub_publish", client.queues["pubsub_publish"].put_nowait)
    for node in nodes:
        client["xep_0163"].add_interest(node)
    await client["xep_0115"].update_caps(broadcast=False)
    await client.get_roster()
    client.send_presence()
    await client.next("presence", bare(client.boundjid.bare))


async def befriend(one, other):
    for asks, answers in ((one, other), (other, one)):
        asks.send_presence_subscription(answers.boundjid.bare)
        await answers.next("presence_subscribe")
        answers.send_presence_subscription(asks.boundjid.bare, ptype="subscribed")
        await asks.next("presence_subscribed")
        await asks.next("presence", bare(answers.boundjid.bare))


async def publish_devices(client, *numbers):
    await client["xep_0060"].publish(client.boundjid.bare, DEVICES, id="current",
                                     payload=devices(*numbers), options=options(**OPEN))


async def publish_bundle(client, number):
    await client["xep_0060"].publish(client.boundjid.bare, BUNDLES, id=str(number),
                                     payload=bundle(number),
                                     options=options(max_items="max", **OPEN))


@in_loop
async def test_keys_of_a_contact(node, account):
    async with connected(node, account(), plugins=PLUGINS) as romeo, \
            connected(node, account(), plugins=PLUGINS) as juliet:
        await listening(romeo, DEVICES)
        await listening(juliet, DEVICES)
        await befriend(romeo, juliet)
        await publish_devices(juliet, 7)
        for client in (romeo, juliet):
            message = await client.next("pubsub_publish",
                                        event_of(DEVICES, juliet.boundjid.bare))
            assert ids(message) == ["7"]
        for number in (7, 8):
            await publish_bundle(juliet, number)
        await publish_devices(juliet, 7, 8)
        message = await romeo.next("pubsub_publish", event_of(DEVICES, juliet.boundjid.bare))
        assert ids(message) == ["7", "8"]
        for number in ids(message):
            answer = await romeo["xep_0060"].get_item(juliet.boundjid.bare, BUNDLES, number)
            item = answer["pubsub"]["items"]["item"]
            assert item["payload"].find(f"{{{NS}}}spk").text == f"key {number}"


@in_loop
async def test_keys_of_a_stranger(node, account):
    async with connected(node, account(), plugins=PLUGINS) as romeo, \
            connected(node, account(), plugins=PLUGINS) as juliet:
        await listening(juliet)
        await publish_devices(juliet, 7)
        answer = await romeo["xep_0060"].get_items(juliet.boundjid.bare, DEVICES)
        assert ids(answer) == ["7"]
        with pytest.raises(IqError) as refused:
            await romeo["xep_0060"].get_items(juliet.boundjid.bare, BUNDLES)
        assert refused.value.condition == "item-not-found"


@in_loop
async def test_last_list_when_a_contact_comes(node, account):
    juliets = account()
    async with connected(node, account(), plugins=PLUGINS) as romeo:
        async with connected(node, juliets, plugins=PLUGINS) as juliet:
            await listening(romeo)
            await listening(juliet)
            await befriend(romeo, juliet)
            await publish_devices(juliet, 7)
        romeo.send_presence(ptype="unavailable")
        await listening(romeo, DEVICES)
        message = await romeo.next("pubsub_publish", event_of(DEVICES, juliets.jid))
        assert ids(message) == ["7"]
        assert message.xml.find("{urn:xmpp:delay}delay") is not None


@in_loop
async def test_another_device_has_other_options(node, account):
    async with connected(node, account(), plugins=PLUGINS) as juliet:
        await publish_devices(juliet, 7)
        with pytest.raises(IqError) as refused:
            await juliet["xep_0060"].publish(
                juliet.boundjid.bare, DEVICES, id="current", payload=devices(8),
                options=options(access_model="whitelist"))
        assert refused.value.condition == "conflict"
        error = refused.value.iq.xml
        assert error.find(".//{http://jabber.org/protocol/pubsub#errors}precondition-not-met") \
            is not None
