# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes of several operators are never upgraded at once: this release and a later one in one
# network. The later one is made of this one, in a copy of the tree: it speaks further versions of
# all protocols between nodes, and says more than this one knows.

import contextlib
import os
import re

import pytest

from tests.faults.campaign import mutants
from tests.harness import wait
from tests.network.test_directory import add, lookup
from tests.network.test_stanzas import befriend
from tests.node import place
from tests.node.client import PING

PROTOCOLS = ("net", "session", "directory", "durable", "document", "batch")
NET, BOTH = ("kontalk-net",), ("kontalk-net", "kontalk-c2s")
NOW, NEXT = (",".join(f"{name}/{version}" for name in PROTOCOLS) for version in (1, 2))
# What it says beyond what this release knows: text, what follows it.
SAID_MORE = (
    ("c2s/directory/words.c", "    *payload = element_add(stanza->root, NS_DIRECTORY, name);\n",
     '    element_set(*payload, "later", "2");\n'
     '    element_add(*payload, "urn:kontalk:directory:2", "later");\n'),
    ("c2s/sm/envelope.c",
     '    struct element *element = element_add(message->root, NS_NET, "envelope");\n',
     '    element_set(element, "later", "2");\n'
     '    element_add(element, "urn:kontalk:net:2", "later");\n'),
    ("net/document.c", "    add_digest(&out, network);\n    buffer_append_text(&out, \"'/>\");\n"
     "    peer_note(peer, &out);\n",
     "    out = (struct buffer){0};\n"
     "    buffer_append_text(&out, \"<later xmlns='urn:kontalk:link:2'/>\");\n"
     "    peer_note(peer, &out);\n"),
)


def speaking(version, oldest):
    """Changes to the table of what is spoken."""
    with open("net/line_open.c", encoding="utf-8") as file:
        rows = re.findall(r'= \{"\w+", 1, 1, \w+\},', file.read())
    assert len(rows) == len(PROTOCOLS)
    return [("net/line_open.c", row, row.replace("1, 1", f"{version}, {oldest}")) for row in rows]


@pytest.fixture(scope="module")
def releases(tmp_path_factory, request):
    """{name: directory of its programs}"""
    long = request.config.getoption("--long")
    trees = tmp_path_factory.mktemp("releases")
    more = [(name, text, text + added) for name, text, added in SAID_MORE]
    made = {"next": mutants.Mutant("next", (), speaking(2, 1) + more)}
    made["far"] = mutants.Mutant("far", (), speaking(3, 2))
    return {name: mutants.build(one, str(trees / name), *(BOTH if long and name == "next" else NET))
            for name, one in made.items()}


def exchange(node, programs, names):
    """These daemons stop, and are of another release when they start."""
    for name, process in node.daemons.items():
        if process.name in names:
            node.daemon(name.removeprefix("kontalk-")).stop()
            process.command[0] = os.path.join(programs, process.name)
    for name, process in node.daemons.items():
        if process.name in names:
            node.daemon(name.removeprefix("kontalk-")).start()


@contextlib.contextmanager
def upgraded(network, name, programs, daemons):
    """A node has another release inside the block."""
    exchange(network[name], programs, daemons)
    try:
        yield
    finally:
        exchange(network[name], network[name].place.bin, daemons)


def versions(network, one, other):
    return network.status(one)[network[other].place.host]["versions"]


def spoken(network, one, other):
    """In which versions both ends of a link say that they speak."""
    network.wait_linked((one, other))
    found = {versions(network, one, other), versions(network, other, one)}
    assert len(found) == 1, found
    return found.pop()


def claim(network, name):
    """A new name at a node, which all others then know; its account."""
    jid = f"{next(NAMES)}@{network.place.network}"
    wait.until(lambda: try_add(network[name], jid), 60, jid)
    for one in network:
        wait.until(lambda: lookup(one, jid) == (name, network[name].place.host), 60, jid)


NAMES = (f"released{i}" for i in range(1000))


def try_add(node, jid):
    try:
        add(node, jid)
    except place.Error as problem:  # the registrar may just have lost its link
        if "try again later" in str(problem):
            return False
        raise
    return True


def try_login(user, node, account):
    try:
        return user(node, account)
    except AssertionError as problem:  # its home may have just been started
        if "temporary-auth-failure" in str(problem):
            return None
        raise


def talk(network, user, one, other):
    """Messages, questions, subscriptions, presence, and a login at the front of the other node."""
    alice, bob = user(network[one]), user(network[other])
    for sender, recipient in ((alice, bob), (bob, alice)):
        sender.send_message(recipient.bare, "hello")
        assert recipient.wait_message("hello").get("from") == sender.full
        answer = sender.ask("get", "<vCard xmlns='vcard-temp'/>", to=recipient.bare)
        assert answer.get("from") == recipient.bare
    befriend(alice, bob)
    account = network[one].add_account()
    visitor = wait.until(lambda: try_login(user, network[other], account), 60, "a login")
    visitor.send_message(bob.bare, "from a front")
    assert bob.wait_message("from a front").get("from") == visitor.full
    assert visitor.ask("get", f"<ping xmlns='{PING}'/>").get("type") == "result"


@pytest.mark.seconds(600)
@pytest.mark.parametrize("daemons", [NET, pytest.param(BOTH, marks=pytest.mark.long)],
                         ids=lambda daemons: daemons[-1])
def test_this_and_the_next_release(network, user, releases, daemons):
    """One node after another: each two speak the highest version that both know."""
    assert spoken(network, "alpha", "beta") == NOW
    with upgraded(network, "beta", releases["next"], daemons):
        assert spoken(network, "alpha", "beta") == spoken(network, "beta", "gamma") == NOW
        for one in ("alpha", "gamma"):
            talk(network, user, one, "beta")
            talk(network, user, "beta", one)
        for one in network.nodes:
            claim(network, one)
        network.publish(name="beta")
        network.wait_serial()
        with upgraded(network, "alpha", releases["next"], daemons):
            assert spoken(network, "alpha", "beta") == NEXT
            assert spoken(network, "alpha", "gamma") == spoken(network, "beta", "gamma") == NOW
            talk(network, user, "alpha", "beta")
            claim(network, "gamma")
    assert spoken(network, "alpha", "beta") == spoken(network, "beta", "gamma") == NOW


@pytest.mark.seconds(600)
def test_a_release_that_is_too_far(network, user, releases):
    """Both ends say so, in their logs and to whom asks for the status, whichever of them dials:
    beta is dialled by alpha, and dials gamma. These two go on, and so does beta for itself."""
    host = network.beta.place.host
    accounts = [network.beta.add_account() for _ in range(2)]
    for one in network:
        one.daemon("net").mark_log()
    with upgraded(network, "beta", releases["far"], NET):
        for one in ("alpha", "gamma"):
            there = network[one].place.host
            said = f"{there} speaks net/1, {host} speaks net/2 to net/3"
            network[one].daemon("net").wait_log(
                f"event=net_incompatible host={host} .*unsupported-version: {said}")
            network.beta.daemon("net").wait_log(
                f"event=net_incompatible host={there} .*reason=.{said}")
            for here, shown in ((one, host), ("beta", there)):
                wait.until(lambda: said in network.status(here)[shown]["problem"], 60, said)
                assert said in network[here].control("network", "status")
        alice, bob = user(network.alpha), user(network.gamma)
        alice.send_message(bob.bare, "hello")
        assert bob.wait_message("hello").get("from") == alice.full
        alice, bob = (user(network.beta, account) for account in accounts)
        alice.send_message(bob.bare, "hello")
        assert bob.wait_message("hello").get("from") == alice.full
    network.wait_linked()
    assert spoken(network, "alpha", "gamma") == spoken(network, "beta", "gamma") == NOW
