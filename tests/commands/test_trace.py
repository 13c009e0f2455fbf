# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl trace: which way a stanza has gone and what was decided about it, and never what was
# said.

import contextlib
import itertools
import re
import socket

import pytest

from tests.harness import wait
from tests.harness.tracing import Tracing, tracing

SECRET = "planted-where-people-talk"
NAMES = itertools.count(1)
BLOCKING = "urn:xmpp:blocking"
# More than a watch may write at once, of few bytes.
FLOOD = 400
# As common/service/follow.h has it.
WATCHES_MAX = 8
SECONDS = 60


@pytest.fixture
def say():
    """say(client, to): a message that would give itself away; its id."""
    def send(client, to, more=""):
        name = f"traced-{next(NAMES)}"
        client.send(f"<message type='chat' id='{name}' to='{to}'><body>{SECRET}</body>"
                    f"<subject>{SECRET}</subject>{more}</message>")
        return name
    return send


@pytest.fixture
def user(raw, account):
    """user(): a client of a new account, available."""
    def login(owner=None, presence=True):
        client = raw(owner or account())
        client.login()
        if presence:
            client.send_presence()
            client.settle()
        return client
    return login




def test_somebody_online(node, user, say):
    alice, bob = user(), user()
    with tracing(node, alice.bare) as trace:
        name = say(alice, bob.bare)
        bob.wait_message(SECRET)
        trace.wait("c2s", "to the client " + re.escape(bob.full), name)
        decisions = trace.of("c2s", name)
        assert decisions[0] == "from the client"
        assert any(decision.startswith("online: ") for decision in decisions), decisions
        assert any(re.match(rf"stored in the archive of {bob.bare} as #\d+", decision)
                   for decision in decisions), decisions
        hop = trace.hops[-1]
        assert (hop["stanza"], hop["type"], hop["from"], hop["to"]) == \
            ("message", "chat", alice.full, bob.bare)
        assert "body" in hop["children"] and hop["size"] > len(SECRET)
        assert hop["since_first"] >= hop["since_last"] >= 0
        assert SECRET not in trace.text


def test_somebody_offline_and_other_clients(node, user, account, say):
    """The sender's other client gets a carbon."""
    owner, bob = account(), account()
    alice, other = user(owner), user(owner)
    other.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    with tracing(node, bob.jid) as trace:
        name = say(alice, bob.jid)
        trace.wait("c2s", "carbon .sent. to " + re.escape(other.full), name)
        trace.wait("c2s", "offline: kept for later", name)
        trace.wait("c2s", "goes to 0 clients", name)
        assert SECRET not in trace.text


def test_somebody_who_blocks(node, user, say):
    alice, bob = user(), user()
    bob.ask("set", f"<block xmlns='{BLOCKING}'><item jid='{alice.bare}'/></block>")
    with tracing(node, bob.bare) as trace:
        name = say(alice, bob.bare)
        trace.wait("c2s", "dealt with by blocking", name)
        assert SECRET not in trace.text


def test_nobody(node, user, say):
    """The error is followed like the message: they have one number."""
    alice = user()
    with tracing(node, alice.bare) as trace:
        name = say(alice, f"nobody@{node.network}")
        trace.wait("c2s", "no such account: refused", name)
        wait.until(lambda: [hop for hop in trace.hops if hop.get("condition")], what="the answer")
        hops = [hop for hop in trace.hops if hop.get("id") == name]
        assert {hop["number"] for hop in hops} == {hops[0]["number"]}
        assert hops[-1]["condition"] == "service-unavailable"


def test_another_domain(node, user, say):
    """Which nobody can reach: it stays in the outbox, and s2s says why."""
    alice = user()
    with tracing(node, "away.invalid") as trace:
        name = say(alice, "somebody@away.invalid")
        trace.wait("c2s", "outbox: offer .* to away.invalid, attempt 1", name)
        trace.wait("router", "^offer .* to s2s", name)
        trace.wait("s2s", "waits for the connection to away.invalid", name)
        trace.wait("c2s", "outbox: .* ends: remote-server-not-found", name)
        assert SECRET not in trace.text


def test_only_what_is_asked_for(node, user, say):
    """Two traces at once; an id; a full JID is that client alone."""
    alice, bob, carol = user(), user(), user()
    with contextlib.ExitStack() as stack:
        of_alice = stack.enter_context(tracing(node, alice.full))
        of_one = stack.enter_context(tracing(node, bob.bare, "--id", "wanted"))
        say(carol, bob.bare)
        carol.send(f"<message type='chat' id='wanted' to='{bob.bare}'><body>{SECRET}</body>"
                   "</message>")
        name = say(alice, bob.bare)
        of_one.wait("c2s", "to the client", "wanted")
        of_alice.wait("c2s", "to the client", name)
        assert {hop.get("id") for hop in of_one.hops} == {"wanted"}
        assert {alice.full} == {hop["from"] for hop in of_alice.hops}


def test_ids_cannot_forge_lines(node, user):
    """Nor act on the terminal of who watches."""
    alice, bob = user(), user()
    forged = "00:00:00.000000 #1    +0.000 ms  c2s      forged"
    trace = Tracing(node, bob.bare, "--for", "10m").wait_begun()
    try:
        alice.send(f"<message id='a&#10;{forged}&#13;&#x9b;2J&#x202e;' to='{bob.bare}'/>")
        wait.until(lambda: "forged" in trace.text, SECONDS, "the stanza")
        assert f" id a?{forged}??2J?, " in trace.text
        assert not [line for line in trace.lines if line.startswith(forged)]
    finally:
        trace.end()


def test_a_flood_is_bounded(node, user):
    """And what was left out is counted."""
    alice, bob = user(), user()
    with tracing(node, alice.bare) as trace:
        alice.send("".join(f"<message id='flood{i}' to='{bob.bare}'><body>{SECRET}</body></message>"
                           for i in range(FLOOD)))
        alice.settle()
        wait.until(lambda: [hop for hop in trace.hops if "left_out" in hop],
                   what="what was left out")
        assert SECRET not in trace.text


def begin(node):
    """A watch at c2s by its control socket; None: it has no room for one."""
    asking = socket.socket(socket.AF_UNIX)
    asking.settimeout(SECONDS)
    asking.connect(node.place.short("kontalk-c2s.ctl"))
    asking.sendall(b"trace\0a@b.test\x00600\0\0")
    answer = asking.recv(4096)
    if b"begins" in answer:
        return asking
    assert b"too many traces" in answer
    asking.close()
    return None


def test_its_connection_goes(node):
    """It leaves no watch behind: there is room for as many again."""
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            for _ in range(WATCHES_MAX):
                stack.enter_context(wait.until(lambda: begin(node), what="room for a watch"))
            assert begin(node) is None


def test_for_people(node, user, say):
    """The stanza once, and a line for each hop."""
    alice, bob = user(), user()
    trace = Tracing(node, bob.bare, "--for", "10m").wait_begun()
    try:
        name = say(alice, bob.bare)
        wait.until(lambda: "to the client" in trace.text, what="the last hop")
        head = next(line for line in trace.lines if name in line)
        number = head.split()[0]
        assert head.startswith("#") and f"from {alice.full} to {bob.bare}" in head
        assert any(f" {number} " in line and "from the client" in line for line in trace.lines)
        assert SECRET not in trace.text
    finally:
        trace.end()


def test_it_ends_by_itself(ctl):
    done = ctl("trace", "a@b.test", "--for", "1s")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("words", (["a@b@c"], ["a@b.c", "--for", "2h"], ["a@b.c", "--loud"],
                                   ["a@b.c", "--for"]))
def test_mistakes(ctl, words):
    done = ctl("trace", *words)
    assert done.returncode == 1 and done.stderr and not done.stdout
