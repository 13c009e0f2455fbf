# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Clients that read slowly, or not at all ([c2s] send-queue, send-timeout): nobody waits for them,
# and only who takes nothing is cut off.

import socket
import time

import pytest

from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.stream import RawStream
from tests.node.client import CLIENT

KIB = 1024
TIMEOUT = 2
COUNT = 40  # messages of 200 KiB: more than the kernel and the queue take


@pytest.fixture(scope="module")
def hasty(make_node):
    return make_node(settings={"c2s": {"rate-exempt": "127.0.0.0/8",
                                       "send-timeout": f"{TIMEOUT}s"}})


@pytest.fixture
def reader(hasty, login):
    """A client with a small window, for which 8 MiB wait."""
    sender, owner = login(where=hasty), hasty.add_account()
    for number in range(COUNT):
        sender.send_message(owner.jid, f"{number} " + "x" * 200 * KIB)
    sender.settle()
    client = RawStream(hasty, owner, source=next(SOURCES))
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
    client.login()
    hasty.daemon("c2s").mark_log()
    client.send("<presence/>")
    yield client
    client.close()


def test_reads_nothing(hasty, reader):
    hasty.daemon("c2s").wait_log(f"event=client_stuck .*jid={reader.full}")


def test_reads_slowly(hasty, reader):
    """For longer than send-timeout."""
    end = time.monotonic() + 2 * TIMEOUT

    def read_little():
        reader._read(reader.socket.recv(16 * KIB))
        return time.monotonic() > end

    wait.until(read_little)
    last = reader.wait_message(f"{COUNT - 1} " + "x" * 200 * KIB)
    assert last.tag == f"{{{CLIENT}}}message"
    assert "client_stuck" not in hasty.daemon("c2s").log()
