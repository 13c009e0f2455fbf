# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Certificates of real servers that are not good enough, and ours.

import re

import pytest

from tests.harness import wait
from tests.peers.meeting import (appear, condition, error_text, exchange, proofs, wait_error)
from tests.peers.names import DISTRUSTED, OURS, WAYS, special

REFUSED = [("expired", "expired"), ("othername", "other names"), ("selfsigned", "not trusted")]


@pytest.fixture
def here(world, login):
    return appear(login(where=world.node))


@pytest.mark.parametrize("name", [name for name, _ in REFUSED])
def test_refused_when_they_connect(world, prosody, here, name):
    """Dialback is no way around the certificate."""
    there = appear(prosody.login("alice", special(name)))
    there.send_message(here.full, "who am I?")
    assert condition(wait_error(there, here.full))[1] == prosody.not_reached
    assert proofs(world.node, OURS, special(name)) == {}


@pytest.mark.parametrize("name, text", REFUSED)
def test_refused_when_we_connect(prosody, impatient, here, name, text):
    there = f"alice@{special(name)}"
    here.send_message(there, "not for them", "headline")  # which is not kept for days
    error = wait_error(here, there)
    assert condition(error) == ("wait", "remote-server-timeout")
    assert text in error_text(error)


def test_for_servers_only(world, prosody, here):
    """As public authorities issue them: good for their connection to us too."""
    exchange(here, appear(prosody.login("alice", special("serveronly"))))
    assert proofs(world.node, OURS, special("serveronly")) == {"in": "EXTERNAL", "out": "EXTERNAL"}


def test_ours_refused(world, prosody, impatient, login):
    """The sender is told what the other server said."""
    here = appear(login(world.node.add_account(domain=DISTRUSTED), where=world.node))
    there = f"alice@{special('strict')}"
    here.send_message(there, "will you hear me?", "headline")
    error = wait_error(here, there)
    assert condition(error) == ("wait", "remote-server-timeout")
    assert error_text(error).startswith("the server ended the stream: not-authorized: "
                                        "Your server's certificate")
    assert proofs(world.node, DISTRUSTED, special("strict")) == {}


@pytest.mark.parametrize("peer, how", [("prosody", "EXTERNAL"), ("ejabberd", "dialback")])
def test_ours_for_servers_only(request, world, login, peer, how):
    """ejabberd asks for the purpose of a client; dialback follows."""
    ours, theirs = special("serveronly", "kontalk"), WAYS[0].at(peer)
    here = appear(login(world.node.add_account(domain=ours), where=world.node))
    exchange(here, appear(request.getfixturevalue(peer).login("alice", theirs)))
    assert proofs(world.node, ours, theirs) == {"in": "EXTERNAL", "out": how}
    # No other domain of ours is to share this stream, nor is anything to be sent again.
    wait.until(lambda: re.search(rf"^out {ours} {theirs} .* unacked=0 ",
                                 world.node.control("ask", "s2s", "show"), re.M))
    world.node.daemon("s2s").restart()
