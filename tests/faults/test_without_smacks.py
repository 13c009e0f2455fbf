# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Clients without XEP-0198 (docs/rules/offline.md, O2): what is not known to have arrived when their
# connection ends, in whatever way, comes to the next one, once, in order and under the same
# stanza-id. What they have answered for does not.

import socket
import struct
import subprocess

import pytest

from tests.faults.test_c2s_away import answer_question, pending
from tests.harness import wait
from tests.harness.smacks import collect
from tests.node.client import CLIENT

BODY, DELAY = f"{{{CLIENT}}}body", "{urn:xmpp:delay}delay"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


def messages(client, count):
    """Body, stanza-id, whether it is late."""
    found = [client.wait_for(lambda e: e.find(BODY) is not None) for _ in range(count)]
    return [(e.findtext(BODY), e.find(STANZA_ID).get("id"), e.find(DELAY) is not None)
            for e in found]


def reset(node, client):
    """The connection is reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


def killed(node, client):
    """SIGKILL of the process that has the connection: nothing is said on it any more."""
    number = client.socket.detach()
    other = socket.socket(fileno=number)
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[number])
    other.close()
    process.kill()
    process.wait()
    process.stdin.close()


def half_open(node, client):
    """It answers nothing, until its time is up."""
    node.daemon("c2s").wait_log(f"event=stream_error .*{client.full}.*connection-timeout")


def c2s_killed(node, client):
    node.daemon("c2s").kill()
    node.daemon("c2s").start()


def still_there(node, client):
    """The next one comes before anybody knows."""


@pytest.fixture(scope="module")
def hasty(make_node):
    return make_node(settings={"c2s": {"idle-timeout": "4s", "ping-timeout": "2s"}})


CASES = [(end, to) for end in (reset, killed, c2s_killed, still_there) for to in ("bare", "full")]


def in_flight(node, login, end, to):
    owner, speaker = node.add_account(), node.add_account()
    client, friend = login(owner, where=node, resource="old"), login(speaker, where=node)
    address = getattr(client, to)
    client.send_presence()
    friend.send_message(address, "answered for")
    messages(client, 1)
    answer_question(node, client)
    for number in range(3):
        friend.send_message(address, str(number))
    friend.settle()
    first = messages(client, 3)
    node.daemon("c2s").mark_log()
    end(node, client)
    friend = login(speaker, where=node)
    friend.send_message(client.bare, "3")
    friend.settle()
    if to == "full":  # these are everybody's when the session has ended
        client.close()
    phone = login(owner, where=node, resource="new")
    phone.send("<presence/>")
    got = messages(phone, 4)
    if to == "full":  # which may be later
        got.sort()
    assert [text for text, _, _ in got] == ["0", "1", "2", "3"]
    assert [name for _, name, _ in got[:3]] == [name for _, name, _ in first]
    assert all(late for _, _, late in got)
    answer_question(node, phone)
    phone.logout()
    last = login(owner, where=node, resource="new")
    last.send("<presence/>")
    assert not [e for e in collect(last) if e.find(BODY) is not None]


@pytest.mark.parametrize("end, to", CASES, ids=lambda value: getattr(value, "__name__", value))
def test_what_was_in_flight_comes_again(node, login, end, to):
    in_flight(node, login, end, to)


def test_half_open(hasty, login):
    in_flight(hasty, login, half_open, "bare")


def test_its_device_comes_back(node, login):
    """Somebody else's answer is not its own: what it did not answer for comes to it all the same,
    behind the death of c2s too."""
    owner, friend = node.add_account(), login(where=node)
    client, other = (login(owner, where=node, resource=name) for name in ("phone", "desk"))
    for one in client, other:
        one.send_presence()
    friend.send_message(client.bare, "hello")
    messages(client, 1)
    messages(other, 1)
    answer_question(node, other)
    c2s_killed(node, client)
    again = login(owner, where=node, resource="phone")
    again.send("<presence/>")
    assert [text for text, _, _ in messages(again, 1)] == ["hello"]
    wait.until(lambda: pending(node, again) == 0)
