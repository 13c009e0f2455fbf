# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Libraries that programs on pages of the web use: strophe.js by WebSocket and BOSH, xmpp.js by
# WebSocket (it knows no BOSH). Both run in Node.js.

import subprocess

import pytest

from tests.web import packages

SECONDS = 60


@pytest.fixture(scope="module")
def place():
    return packages.modules()


@pytest.mark.seconds(200)
@pytest.mark.parametrize("script, url", [
    ("strophe.js", "ws://{}:{}/xmpp-websocket"),
    ("strophe.js", "http://{}:{}/http-bind"),
    ("xmpp.js", "ws://{}:{}/xmpp-websocket"),
], ids=["strophe-websocket", "strophe-bosh", "xmpp-websocket"])
def test_message_and_answer(place, node, login, script, url):
    account, bob = node.add_account(), login()
    bob.send_presence()
    address = url.format(*node.address("HTTP"))
    with subprocess.Popen(["node", f"{place}/{script}", address, account.jid, account.password,
                           bob.full], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as program:
        try:
            sender = bob.wait_message("hello").get("from")
            assert sender.startswith(account.jid + "/")
            bob.send_message(sender, "hello yourself")
            output, _ = program.communicate(timeout=SECONDS)
        finally:
            program.kill()
    assert program.returncode == 0, output
    assert [line for line in output.splitlines()
            if line.startswith(("connected", "got", "disconnected"))] == \
        [f"connected {sender}", "got hello yourself", "disconnected"]
