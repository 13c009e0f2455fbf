# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Push notifications (XEP-0357) while clients, app servers and c2s come and go.

import pytest

from tests.faults.talk import owner
from tests.harness.node import SOURCES
from tests.harness.push import AppServer, disable, enable
from tests.harness.smacks import SmStream

CSI = "urn:xmpp:csi:0"
QUICK = {"node": {"log-level": "debug"},
         "sm": {"push-retry": "100ms", "push-services": "2",
                "push-summary": ["message-count", "last-message-sender", "last-message-body"]}}


@pytest.fixture(scope="module")
def app(session_node):
    server = AppServer(session_node)
    yield server
    server.close()


@pytest.fixture(scope="module")
def quick_node(make_node):
    return make_node(settings=QUICK)


@pytest.fixture(scope="module")
def quick_app(quick_node):
    server = AppServer(quick_node)
    yield server
    server.close()


def phone(node):
    """A client with stream management that has enabled push."""
    stream = SmStream(node, node.add_account(), source=next(SOURCES)).login()
    stream.enable()
    stream.send_presence()
    assert enable(stream).get("type") == "result"
    return stream


def is_quiet(app, friend):
    """Nothing has been sent to the app server; what the friend says shows up behind it."""
    friend.send_message(f"x@{app.name}", "over")
    element = app.wait_for(lambda e: not e.tag.endswith("presence"))
    assert element.tag.endswith("message"), element.attrib


def test_waiting_session(node, login, app):
    """Its stream is lost, its session waits: what comes then wakes it."""
    friend, client = login(), phone(node)
    client.cut()
    node.daemon("c2s").wait_log(rf"event=session_waits jid={client.full}")
    friend.send_message(client.bare, "wake up")
    app.is_woken()
    again = SmStream(node, owner(client), source=next(SOURCES)).authenticated()
    again.resume(client)
    again.wait_message("wake up")
    friend.send_message(client.bare, "here")
    again.wait_message("here")
    is_quiet(app, friend)
    again.close()


def test_lost_stream(node, login, app):
    """A message was written to a stream that was dead already."""
    friend, client = login(), phone(node)
    client.answers = False
    friend.send_message(client.bare, "to nobody")
    client.wait_message("to nobody")
    client.cut()
    app.is_woken()


def test_killed(node, login, app):
    """What was enabled, or disabled, before c2s was killed holds afterwards."""
    friend, client = login(), phone(node)
    other = login()
    assert enable(other).get("type") == "result"
    assert disable(other).get("type") == "result"
    node.daemon("c2s").kill()
    node.daemon("c2s").start()
    friend = login()
    friend.send_message(other.bare, "to the one without")
    friend.send_message(client.bare, "to the one with")
    app.is_woken()


def test_temporary_errors(quick_node, login, quick_app):
    """They are tried again; an answer ends it."""
    friend, client = login(where=quick_node), login(where=quick_node)
    assert enable(client).get("type") == "result"
    client.close()
    friend.send_message(client.bare, "where are you")
    for error in (("wait", "resource-constraint"), ("cancel", "remote-server-not-found")):
        iq, _, _ = quick_app.notified()
        quick_app.answer(iq, error)
    iq, node, fields = quick_app.notified()
    assert node == "n1"
    assert fields == {"message-count": "1", "last-message-sender": friend.full,
                      "last-message-body": "where are you"}
    quick_app.answer(iq)
    is_quiet(quick_app, friend)


def test_no_app_server(quick_node, login):
    """After some tries it is given up; the next message tries anew."""
    friend, client = login(where=quick_node), login(where=quick_node)
    assert enable(client, service="nobody.invalid").get("type") == "result"
    client.close()
    failures = rf"event=push_failed account={client.bare} .*failures="
    friend.send_message(client.bare, "one")
    quick_node.daemon("c2s").wait_log(f"{failures}5")
    friend.send_message(client.bare, "two")
    quick_node.daemon("c2s").wait_log(f"{failures}6")


def test_limit(quick_node, login):
    """So many services, and no more; those that are there can be renewed."""
    client = login(where=quick_node)
    assert [enable(client, node=f"n{n}").get("type") for n in (1, 2, 3, 2)] == \
        ["result", "result", "error", "result"]


def test_room(node, login, app):
    """A room sends to the session that has joined it: it is woken while nobody looks at it."""
    client = login()
    assert enable(client).get("type") == "result"
    text = "<body>all</body></message>"
    client.send(f"<presence to='bot@{app.name}'/>")
    client.settle()
    head = f"<message type='groupchat' from='bot@{app.name}/nick' to='{client.full}'>"
    app.send(head + text)
    client.wait_message("all")
    client.send(f"<inactive xmlns='{CSI}'/>")
    client.settle()
    app.send(head + text)
    app.is_woken()
