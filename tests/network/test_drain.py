# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A worker is emptied (kontalkctl drain): its clients are told, go on with their sessions at another
# worker, and nothing that was acknowledged is lost.

import json

import pytest

from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.smacks import SmStream
from tests.network.test_workers import returns, wait_slots
from tests.node import place
from tests.node.client import Closed

CLIENTS = 6
DRAINED = "c2s@c2s-2"


@pytest.fixture(scope="module")
def workers(make_node):
    return make_node(workers=2)


@pytest.fixture
def connect(workers):
    made = []

    def make(service, account):
        made.append(SmStream(workers, account, source=next(SOURCES), service=service))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


def wait_ended(daemon):
    """Its socket is gone before it is."""
    wait.until(lambda: not daemon.process.runs(), what="the worker to end")


@pytest.fixture
def drained(workers):
    """What it says; the worker is there again behind the test."""
    daemon = workers.daemon(DRAINED)

    def drain(*words):
        daemon.expected_down = True
        return workers.control("drain", DRAINED, *words)

    yield drain
    if daemon.expected_down:
        wait_ended(daemon)
        daemon.start()
    wait_slots(workers)


def test_clients_move(workers, connect, drained):
    """They do not even close their connections, and are not waited for."""
    accounts = [workers.add_account() for _ in range(CLIENTS)]
    clients = [connect("C2S_2", account).login() for account in accounts]
    for client in clients:
        client.enable()
        client.send_message(client.full, "to itself")
        assert client.ask_h() == 1
    told = json.loads(drained("--seconds", "1", "--json"))
    assert (told["clients"], told["told"], told["left"], told["others"], told["ended"]) == (
        CLIENTS, CLIENTS, 0, 1, True)
    wait_ended(workers.daemon(DRAINED))
    for account, client in zip(accounts, clients):
        client.answers = False
        with pytest.raises(Closed, match="system-shutdown"):
            client.wait_for(lambda _: False)
        again = returns(connect, "C2S_1", account, client)
        if not client.handled:
            again.wait_message("to itself")
        again.settle()


def test_people_see_progress(workers, drained):
    """Without a client it is over at once."""
    lines = drained().splitlines()
    assert lines[0].split() == ["seconds", "told", "left"]
    assert lines[1].split()[1:] == ["0", "0"]
    assert lines[-1].startswith(f"kontalk-{DRAINED} has told 0 clients in ")
    assert lines[-1].endswith(" and ended")
    workers.daemon(DRAINED).wait_log("event=drained told=0 left=0")


@pytest.mark.parametrize("words, problem", [
    (["router"], "only workers can be drained"), (["c2s@nobody"], "is not running"),
    ([DRAINED, "--seconds", "soon"], "not a number of seconds"), ([DRAINED, "now"], "nothing else"),
])
def test_refused(workers, words, problem):
    with pytest.raises(place.Error, match=problem):
        workers.control("drain", *words)
    assert workers.daemon(DRAINED).process.runs()
