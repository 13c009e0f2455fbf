# SPDX-License-Identifier: AGPL-3.0-or-later
#
# slixmpp as tests use it: inside asyncio.run(), as context managers.
#
#     @in_loop
#     async def test_talk(node, account):
#         async with connected(node, account()) as a, connected(node, account()) as b:
#             a.send_message(b.boundjid.bare, "hello", mtype="chat")
#             message = await b.next("message")

import asyncio
import contextlib
import functools

import slixmpp

SECONDS = 60


def in_loop(test):
    """Lets pytest call a coroutine."""
    @functools.wraps(test)
    def call(*args, **named):
        asyncio.run(test(*args, **named))
    return call


class Events:
    """Events as queues, so that nothing that comes early is lost: `await client.next(name)`."""

    def collect(self, *names):
        self.queues = {name: asyncio.Queue() for name in names}
        for name, queue in self.queues.items():
            self.add_event_handler(name, queue.put_nowait)

    async def next(self, name, matches=lambda event: True, seconds=SECONDS):
        """The first event for which matches(event); others of this name are dropped."""
        async def wait():
            while not matches(event := await self.queues[name].get()):
                pass
            return event
        return await asyncio.wait_for(wait(), seconds)


COLLECTED = ("session_start", "session_resumed", "message", "message_error", "presence",
             "presence_subscribe", "presence_subscribed", "presence_unsubscribe",
             "presence_unsubscribed", "roster_update", "disconnected", "failed_all_auth",
             "stream_error", "connection_failed", "ssl_invalid_chain")


class SlixClient(Events, slixmpp.ClientXMPP):
    pass


class SlixComponent(Events, slixmpp.ComponentXMPP):
    pass


@contextlib.asynccontextmanager
async def connecting(node, account, resource=None, plugins=(), service="C2S", mechanism=None,
                     password=None, ca=None):
    """A slixmpp client on its way."""
    jid = f"{account.jid}/{resource}" if resource else account.jid
    client = SlixClient(jid, password or account.password, sasl_mech=mechanism)
    client.collect(*COLLECTED)
    client.ca_certs = ca or node.ca
    client.roster.auto_authorize = None  # tests decide
    for plugin in plugins:
        client.register_plugin(plugin)
    direct = service == "C2S_TLS"
    client.connect(node.address(service), use_ssl=direct, force_starttls=not direct)
    try:
        yield client
    finally:
        await client.disconnect()


@contextlib.asynccontextmanager
async def connected(*args, **options):
    """A slixmpp client with a bound resource; it has not sent presence."""
    async with connecting(*args, **options) as client:
        await client.next("session_start")
        yield client


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
