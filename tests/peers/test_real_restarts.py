# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Real servers, and ours, that die in the middle: what was said meanwhile arrives once they are
# back, in order, and once.

import signal

import pytest

from tests.harness import wait
from tests.node.client import CLIENT, PING
from tests.peers.meeting import Meeting, exchange, proofs
from tests.peers.names import WAYS

ROWS = [("prosody", WAYS[0]), ("ejabberd", WAYS[0]), ("jabberd2", WAYS[2])]
# jabberd2 hangs up on streams that it has just let in, with all that it was sent (docs/INTEROP.md).
KEPT = ROWS[:2]
MESSAGES = [f"message {n}" for n in range(10)]


@pytest.fixture(params=ROWS, ids=lambda row: row[0])
def meeting(request, world, login):
    name, way = request.param
    return Meeting(world, request.getfixturevalue(name), way, login)


def send_all(client, to):
    for body in MESSAGES:
        client.send_message(to, body)
    client.settle()


def wait_delivered(client, domain):
    """The answer to what was sent behind the messages: they are stored, and not on their way while
    somebody comes for them."""
    assert client.ask("get", f"<ping xmlns='{PING}'/>", to=domain).get("type") == "result"


def received(client, count=len(MESSAGES)):
    """The first messages, and whatever else comes before the answer to a ping."""
    bodies = []

    def count_one(element):
        body = element.findtext(f"{{{CLIENT}}}body")
        bodies.extend([body] if body else [])
        return len(bodies) == count

    client.wait_for(count_one)
    client.send(f"<iq type='get' id='last' to='{client.domain}'><ping xmlns='{PING}'/></iq>")
    client.wait_for(lambda e: count_one(e) or e.get("id") == "last")
    return bodies


@pytest.mark.parametrize("meeting", KEPT, indirect=True, ids=lambda row: row[0])
def test_the_peer_dies(meeting):
    here, there = meeting.here(), meeting.there("alice")
    exchange(here, there)
    meeting.peer.kill()
    wait.until(lambda: not proofs(meeting.node, meeting.ours, meeting.theirs),
               what="the end of the streams being noticed")
    send_all(here, there.bare)
    meeting.peer.start()
    wait_delivered(here, meeting.theirs)
    there = meeting.there("alice")
    assert received(there) == MESSAGES
    exchange(here, there)


def test_the_peer_dies_without_having_read(world, prosody, login):
    """What it has not acknowledged is sent again (XEP-0198)."""
    meeting = Meeting(world, prosody, WAYS[0], login)
    here, there = meeting.here(), meeting.there("bob")
    exchange(here, there)
    prosody.signal(signal.SIGSTOP)
    send_all(here, there.bare)
    prosody.kill()
    prosody.start()
    wait_delivered(here, meeting.theirs)
    there = meeting.there("bob")
    assert received(there) == MESSAGES


def test_ours_dies(meeting):
    here, there = meeting.here(), meeting.there("carol")
    exchange(here, there)
    s2s = meeting.node.daemon("s2s")
    s2s.kill()
    s2s.start()
    exchange(here, there)
