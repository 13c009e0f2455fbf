# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Push notifications (XEP-0357) of a device that is connected to another node than its home.

import pytest

from tests.harness.push import AppServer, enable

BODY = "{jabber:client}body"


@pytest.fixture
def app(network):
    server = AppServer(network.alpha)
    yield server
    server.close()


def test_front_elsewhere(network, user, app):
    owner = network.alpha.add_account()
    device, friend = user(network.beta, owner), user(network.gamma)
    assert enable(device).get("type") == "result"
    friend.send_message(device.bare, "looked at")
    device.wait_message("looked at")
    device.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    device.settle()
    friend.send_message(device.bare, "one")
    iq, node, fields = app.notified()
    assert (iq.get("from"), node, fields) == (owner.jid, "n1", {"message-count": "1"})
    app.answer(iq)
    device.close()
    friend.send_message(device.bare, "two")
    app.is_woken(2)
