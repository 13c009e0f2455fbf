# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Real clients that resume their session (XEP-0198) when c2s dies under them: the same session goes
# on, and what came meanwhile arrives.

import asyncio

from tests.clients import test_profanity as terminal_client
from tests.harness import strophe
from tests.harness.slix import connected, in_loop

RECONNECT = "[connection]\nreconnect=1\n"


def restart(node):
    c2s = node.daemon("c2s")
    c2s.kill()
    c2s.mark_log()
    c2s.start()
    return c2s


def resumed(node, full):
    node.daemon("c2s").wait_log(f"event=client_resumed .*jid={full} ")


@in_loop
async def test_slixmpp(node, account):
    """Its connection breaks three times; then c2s dies."""
    owner, peer = account(), account()
    async with connected(node, owner, plugins=("xep_0198",)) as client, \
            connected(node, peer) as friend:
        client.send_presence()
        await client.next("presence")
        for number in range(3):
            node.daemon("c2s").mark_log()
            client.abort()
            await client.next("disconnected")
            friend.send_message(client.boundjid.full, f"{number}", mtype="chat")
            client.connect(node.address("C2S"), use_ssl=False, force_starttls=True)
            await client.next("session_resumed")
            message = await client.next("message")
            assert message["body"] == f"{number}"
            resumed(node, client.boundjid.full)
        await asyncio.to_thread(restart, node)
        await client.next("disconnected")
        client.connect(node.address("C2S"), use_ssl=False, force_starttls=True)
        await client.next("session_resumed")


def test_libstrophe(node, account, login):
    owner = account()
    full = f"{owner.jid}/strophe"
    with strophe.running(node, full, owner.password, resume=True) as client:
        client.wait_output("^connected")
        client.say("<presence/>")
        client.wait_for(lambda e: e.tag == "presence")
        restart(node)
        client.wait_output("^disconnected")
        client.say("again")
        resumed(node, full)
        peer = login()
        peer.send_message(full, "still there?")
        client.wait_for(lambda e: e.findtext("body") == "still there?")
        client.say(f"<message to='{peer.full}' type='chat'><body>yes</body></message>")
        peer.wait_message("yes")


def test_profanity(node, account, login, monkeypatch):
    monkeypatch.setattr(terminal_client, "SETTINGS",
                        terminal_client.SETTINGS.replace("[connection]\n", RECONNECT))
    owner = account()
    with terminal_client.online(node, owner) as screen:
        restart(node)
        resumed(node, f"{owner.jid}/prof")
        peer = login()
        peer.send_message(f"{owner.jid}/prof", "still there?")
        terminal_client.open_window(screen)
        screen.wait_screen("still there\\?")
