# SPDX-License-Identifier: AGPL-3.0-or-later
#
# slixmpp as tests use it: inside asyncio.run(), as context managers.
#
#     async def talk():
#         async with connected(node, alice) as a, connected(node, bob) as b:
#             a.send_message(b.boundjid.bare, "hello", mtype="chat")
#             message = await b.next("message")
#     asyncio.run(talk())

import asyncio
import contextlib

import slixmpp

SECONDS = 20


class Events:
    """Events as queues, so that nothing that comes early is lost: `await client.next(name)`."""

    def collect(self, *names):
        self.queues = {name: asyncio.Queue() for name in names}
        for name, queue in self.queues.items():
            self.add_event_handler(name, queue.put_nowait)

    async def next(self, name, seconds=SECONDS):
        return await asyncio.wait_for(self.queues[name].get(), seconds)


COLLECTED = ("session_start", "session_resumed", "message", "message_error", "presence",
             "presence_subscribe", "presence_subscribed", "presence_unsubscribe",
             "presence_unsubscribed", "roster_update", "disconnected", "failed_all_auth",
             "stream_error", "receipt_received")


class SlixClient(Events, slixmpp.ClientXMPP):
    pass


class SlixComponent(Events, slixmpp.ComponentXMPP):
    pass


@contextlib.asynccontextmanager
async def connected(node, account, resource=None, plugins=(), service="C2S", mechanism=None):
    """A slixmpp client with a bound resource; it has not sent presence."""
    jid = f"{account.jid}/{resource}" if resource else account.jid
    client = SlixClient(jid, account.password, sasl_mech=mechanism)
    client.collect(*COLLECTED)
    client.ca_certs = node.ca
    for plugin in plugins:
        client.register_plugin(plugin)
    direct = service == "C2S_TLS"
    client.connect(node.address(service), use_ssl=direct, force_starttls=not direct)
    try:
        await client.next("session_start")
        yield client
    finally:
        await client.disconnect()


@contextlib.asynccontextmanager
async def component(node, domain, secret):
    host, port = node.address("COMPONENT")
    part = SlixComponent(domain, secret, host, port)
    part.collect(*COLLECTED)
    part.connect()
    try:
        await part.next("session_start")
        yield part
    finally:
        await part.disconnect()
