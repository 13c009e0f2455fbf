# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Stream errors (RFC 6120 §4.9.3) that need a node of another configuration, or something to happen
# to the node.

from concurrent.futures import ThreadPoolExecutor

import contextlib

import pytest

from tests.harness import wait
from tests.node.client import PING, Closed

CLIENT = "jabber:client"
ROSTER = "<query xmlns='jabber:iq:roster'><item jid='nurse@verona.example'/></query>"


@pytest.fixture(scope="module")
def hasty(make_node):
    """A node without patience for clients."""
    return make_node(settings={"c2s": {
        "unauthenticated-timeout": "2s", "idle-timeout": "300ms", "ping-timeout": "2s",
    }})


def test_connection_timeout_of_stranger(raw, hasty):
    """§4.9.3.4: who does not log in, whatever it does instead."""
    stream = raw(where=hasty)
    stream.secure()
    assert stream.read_to_end().error == "connection-timeout"


def test_connection_timeout_of_silent_connection(raw, hasty):
    """The error comes inside a stream, also where the client has not begun one."""
    answer = raw(where=hasty).read_to_end()
    assert answer.error == "connection-timeout" and answer.footer and answer.closed


def is_ping(element):
    return element.find(f"{{{PING}}}ping") is not None


def test_connection_timeout_of_silent_client(login, hasty):
    """§4.6.2: a client that says nothing is asked (XEP-0199 §4.2), then given up."""
    client = login(where=hasty)
    client.wait_for(is_ping)
    with pytest.raises(Closed) as end:
        client.receive()
    assert end.value.condition == "connection-timeout"


def test_client_that_answers_pings_stays(login, hasty):
    """XEP-0199 §4.2: the answer counts, an error too."""
    client = login(where=hasty)
    for kind in ("result", "error", "result"):
        ping = client.wait_for(is_ping)
        client.send(f"<iq type='{kind}' id='{ping.get('id')}' to='{ping.get('from')}'/>")
    client.settle()


def test_resource_constraint_for_bind(raw, login, make_node):
    """RFC 6120 §7.6.2.1 and XEP-0205 §4.4: more resources than an account may have."""
    node = make_node(settings={"c2s": {"resources-per-user": "2"}})
    owner = node.add_account()
    clients = [login(owner, where=node), login(owner, where=node)]
    third = raw(owner, where=node)
    third.secure()
    third.authenticate()
    answer = third.ask("set", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
    error = answer.find(f"{{{CLIENT}}}error")
    assert error.get("type") == "cancel"
    assert [child.tag for child in error] == [
        "{urn:ietf:params:xml:ns:xmpp-stanzas}resource-constraint",
        "{urn:xmpp:errors}resource-limit-exceeded"]
    clients[0].logout()
    wait.until(lambda: bound(third), what="room for the third resource")


def bound(client):
    with contextlib.suppress(AssertionError):
        client.bind()
    return client.full


def test_system_shutdown(login, make_node):
    """§4.9.3.20: clients hear why they lose their streams, and that it is over."""
    node = make_node()
    clients = [login(where=node) for _ in range(3)]
    workers = [node.daemon(name.removeprefix("kontalk-")) for name in node.daemons
               if name.startswith("kontalk-c2s")]
    with ThreadPoolExecutor(len(workers)) as pool:
        stopped = [pool.submit(worker.stop) for worker in workers]
        for client in clients:
            with pytest.raises(Closed) as end:
                client.receive()
            assert end.value.condition == "system-shutdown"
            client.logout()
        for one in stopped:
            one.result()


def test_reset_when_the_slot_is_lost(login, make_node):
    """§4.9.3.16: another owner has taken the account's slot; the client begins anew there."""
    node = make_node()
    client = login(where=node)
    node.postgres.query("kontalk", "UPDATE slot SET epoch = epoch + 1, holder = 'another'")
    client.send(f"<iq type='set' id='s'>{ROSTER}</iq>")
    with pytest.raises(Closed) as end:
        while True:
            client.receive()
    assert end.value.condition == "reset"
