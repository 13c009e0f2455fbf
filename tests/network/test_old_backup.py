# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The database of an ordinary home is put back to what it was a while ago, while the rest of the
# network goes on: what docs/NETWORK.md says under "A home from a backup".

import os
import subprocess

import pytest

from tests.faults.talk import owner, texts_until
from tests.harness import wait
from tests.harness.node import Account
from tests.network.test_directory import add, lookup, refused
from tests.network.test_outages import say
from tests.network.test_stanzas import outbox_is_empty
from tests.node import place
from tests.node.postgres import ADMINISTRATOR, program

PASSWORD = "a password"  # of test_directory.add()


@pytest.fixture(scope="module")
def three(make_network):
    return make_network(3)


def run(network, name, *words, **options):
    return subprocess.run(
        [program(name), "-h", network.cluster.sockets, "-U", ADMINISTRATOR, *words],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, capture_output=True, text=True,
        timeout=120, check=True, **options).stdout


def restore(network, name, dump):
    """As an administrator would: the old one goes, the dump comes."""
    network.cluster.query("postgres", f"DROP DATABASE {name} WITH (FORCE)")
    network.cluster.create(name)
    run(network, "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", name, input=dump)


def log_in(user, node, account):
    try:
        return user(node, account, presence=False)
    except (OSError, AssertionError, place.Error):
        return None


def logged_in(user, node, account):
    client = wait.until(lambda: log_in(user, node, account), 60, f"{account.jid} at {node.title}")
    client.send("<presence/>")  # what comes behind it is read by the test
    return client


def talk(one, other, count=3):
    for source, sink in ((one, other), (other, one)):
        said = say(source, sink.bare, count)
        assert texts_until(sink, said[-1])[-count:] == said  # behind what comes again, late


@pytest.mark.long
@pytest.mark.seconds(600)
def test_an_ordinary_home(three, user):
    alpha, beta, gamma = three
    domain = three.place.network
    alice, bob = user(alpha), user(beta)
    guest = user(beta, alpha.add_account())  # her home is at alpha
    talk(alice, bob)
    for one in three:
        wait.until(lambda: outbox_is_empty(one), what="the outbox to be empty")
    dump = run(three, "pg_dump", "-d", "beta")

    # What the backup does not know.
    talk(alice, bob)
    add(beta, f"young@{domain}")
    add(gamma, f"other@{domain}")
    for one in three:
        for name in ("young", "other"):
            wait.until(lambda: lookup(one, f"{name}@{domain}"), 60, name)
    away = user(alpha, owner(bob))  # at another front
    beta.daemon("c2s").kill()
    restore(three, "beta", dump)
    away.read_to_end()

    # Its data say nothing of the time that was lost: the epoch does.
    beta.control("home", "raise", "2")
    c2s = beta.daemon("c2s")
    c2s.mark_log()
    c2s.start()
    c2s.wait_log("event=home_not_served home=beta epoch=2", 150)
    for front in (beta, gamma):
        with pytest.raises(AssertionError, match="temporary-auth-failure"):
            user(front, owner(bob))
    guest = logged_in(user, beta, owner(guest))
    guest.send_message(alice.bare, "of a guest")
    alice.wait_message("of a guest")
    kept = say(alice, bob.bare, 5)  # for a home that nobody serves
    three.change(lambda document: document.homes["beta"].update(epoch=2))
    c2s.wait_log("event=directory_recovered home=beta epoch=2", 150)
    served(three, user, alice, owner(bob), kept)
    names(three, user, f"young@{domain}", f"other@{domain}")


def served(three, user, alice, account, kept):
    """At each front, and what was said meanwhile arrives once and in order."""
    bob = logged_in(user, three.beta, account)
    assert texts_until(bob, kept[-1])[-len(kept):] == kept
    bob.settle()
    bob.logout()
    for front in three:
        bob = logged_in(user, front, account)
        # More than was said since the backup: none is taken for one that alpha knows.
        talk(alice, bob, 6)
        bob.logout()
    for one in three:
        wait.until(lambda: outbox_is_empty(one), 60, "the outbox to be empty")


def names(three, user, young, other):
    """What was registered at it since stays its own, and of others it hears again."""
    for one in three:
        wait.until(lambda: lookup(one, young) == ("beta", three.beta.place.host), 60, young)
        wait.until(lambda: lookup(one, other) == ("gamma", three.gamma.place.host), 60, other)
    for one in (three.alpha, three.gamma):
        assert "exists" in refused(one, young)
    assert "exists" in refused(three.beta, other)
    add(three.beta, young)  # the account is lost, the name is not
    assert logged_in(user, three.gamma, Account(young, PASSWORD)).full
    for one in three:
        assert "the same" in one.control("directory", "verify", seconds=60)
