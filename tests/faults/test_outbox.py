# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What was acknowledged and is for somebody who cannot be reached waits in the outbox, and survives
# c2s; by way of the router a message is stored once, whatever dies in between (docs/DURABILITY.md).

import pytest

from tests.faults.talk import TEXTS, owner, texts_until
from tests.harness import wait
from tests.node import place

BOT = f"bot@{place.COMPONENT}"


def restart(node):
    node.daemon("c2s").kill()
    node.daemon("c2s").start()


def rows(node, table):
    return int(node.postgres.query("kontalk", f"SELECT count(*) FROM {table}"))


def heard(door, last):
    """The texts that a gateway hears, up to that one."""
    texts = []
    while not texts or texts[-1] != last:
        texts.append(door.wait_for(lambda e: e.find("{*}body") is not None).findtext("{*}body"))
    return texts


def test_for_a_domain_that_is_away(node, login, gateway):
    alice = login(where=node)
    texts = [next(TEXTS) for _ in range(20)]
    for text in texts:
        alice.send_message(BOT, text)
    alice.settle()
    restart(node)
    door = gateway(node)
    assert heard(door, texts[-1]) == texts
    wait.until(lambda: rows(node, "outbox") == 0, what="the outbox to be empty")
    restart(node)
    alice = login(owner(alice), where=node)
    last = next(TEXTS)
    alice.send_message(BOT, last)
    assert heard(door, last) == [last]


@pytest.fixture(scope="module")
def detour(make_node):
    """A node where everything takes the way by the router."""
    return make_node(settings={"sm": {"shortcut": "no"}})


def test_killed_on_the_way(login, detour):
    """Acknowledged (the answer of the server comes after the commit), then killed at once: each
    message is there once, in order."""
    alice, bob = login(where=detour), login(where=detour)
    bob.logout()
    sent = []
    for _ in range(3):
        texts = [next(TEXTS) for _ in range(30)]
        for text in texts:
            alice.send_message(bob.bare, text)
        alice.settle()
        sent += texts
        restart(detour)
        alice = login(owner(alice), where=detour)
    wait.until(lambda: rows(detour, "outbox") == 0, what="the outbox to be empty")
    left = rows(detour, "taken")  # what was being forgotten when c2s was killed stays for its week
    sent.append(next(TEXTS))
    alice.send_message(bob.bare, sent[-1])
    alice.settle()
    wait.until(lambda: rows(detour, "outbox") == 0 and rows(detour, "taken") <= left,
               what="what was taken to be forgotten")
    bob = login(owner(bob), where=detour)
    bob.send("<presence/>")
    assert texts_until(bob, sent[-1]) == sent


def test_database_ends_in_the_middle(login, make_node):
    """Nobody knows whether the commit on its way was one: it is asked for again, and everything is
    there once, in order."""
    node = make_node()
    alice, bob = login(where=node), login(where=node)
    bob.logout()
    sent = []
    for _ in range(3):
        texts = [next(TEXTS) for _ in range(50)]
        for text in texts:
            alice.send_message(bob.bare, text)
        sent += texts
        node.postgres.stop()
        node.postgres.start()
    alice.settle()
    bob = login(owner(bob), where=node)
    bob.send("<presence/>")
    assert texts_until(bob, sent[-1]) == sent
    assert rows(node, "message") == 2 * len(sent)
