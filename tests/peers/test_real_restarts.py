# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Real servers, and ours, that die in the middle: what was said meanwhile arrives once they are
# back, in order, and once.

import signal

import pytest

from tests.node.client import CLIENT, PING
from tests.peers.meeting import Meeting, exchange
from tests.peers.names import WAYS

ROWS = [("prosody", WAYS[0]), ("ejabberd", WAYS[0]), ("jabberd2", WAYS[2])]
MESSAGES = [f"message {n}" for n in range(10)]


@pytest.fixture(params=ROWS, ids=lambda row: row[0])
def meeting(request, world, login):
    name, way = request.param
    return Meeting(world, request.getfixturevalue(name), way, login)


def send_all(client, to):
    for body in MESSAGES:
        client.send_message(to, body)
    client.settle()


def start_again(meeting, user):
    """Somebody waits there before our daemon finds the peer, so that nothing depends on how it
    stores messages."""
    with meeting.node.daemon("s2s").paused():
        meeting.peer.start()
        return meeting.there(user)


def received(client):
    """All of them, and whatever else comes before the answer to a ping."""
    bodies = []

    def all_there(element):
        body = element.findtext(f"{{{CLIENT}}}body")
        bodies.extend([body] if body in MESSAGES else [])
        return set(bodies) >= set(MESSAGES)

    client.wait_for(all_there)
    client.send(f"<iq type='get' id='last' to='{client.domain}'><ping xmlns='{PING}'/></iq>")
    client.wait_for(lambda e: all_there(e) and e.get("id") == "last")
    return bodies


def check_received(meeting, client):
    bodies = received(client)
    if not meeting.peer.acknowledges:  # then something may come twice, but nothing out of order
        bodies = list(dict.fromkeys(bodies))
    assert bodies == MESSAGES


def test_the_peer_dies(meeting):
    here, there = meeting.here(), meeting.there("alice")
    exchange(here, there)
    meeting.peer.kill()
    send_all(here, there.bare)
    check_received(meeting, start_again(meeting, "alice"))
    exchange(here, meeting.there("carol"))


@pytest.mark.parametrize("meeting", ROWS[:1], indirect=True, ids=lambda row: row[0])
def test_the_peer_dies_without_having_read(meeting):
    """What it has not acknowledged is sent again (XEP-0198)."""
    here, there = meeting.here(), meeting.there("bob")
    exchange(here, there)
    meeting.peer.signal(signal.SIGSTOP)
    send_all(here, there.bare)
    meeting.peer.kill()
    check_received(meeting, start_again(meeting, "bob"))


def test_ours_dies(meeting):
    here, there = meeting.here(), meeting.there("dave")
    exchange(here, there)
    s2s = meeting.node.daemon("s2s")
    s2s.kill()
    send_all(here, there.full)
    s2s.start()
    check_received(meeting, there)
    exchange(here, there)
