# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The way to a real server by what a signed DNS says: priorities, no SRV records, addresses that do
# not work, DANE, names beyond ASCII, domains without a service, answers that are forged.

import pytest

from tests.peers.meeting import (appear, condition, error_text, exchange, proofs, wait_error)
from tests.peers.names import OURS, special

NOT_FOUND = ("cancel", "remote-server-not-found")
TIMEOUT = ("wait", "remote-server-timeout")


@pytest.fixture
def here(world, login):
    return appear(login(where=world.node))


@pytest.mark.parametrize("name, how", [
    ("backup", "EXTERNAL"),  # two servers of higher priority are down
    ("bare", "EXTERNAL"),  # the domain itself is the server (RFC 6120 §3.2.2)
    ("broken6", "EXTERNAL"),  # its IPv6 address cannot be reached (RFC 8305)
    ("bücher", "EXTERNAL"),  # other names in the DNS and in the certificate (RFC 6125 §6.4.2)
    # Nobody signed its certificate; DANE proves it to us when we connect, for its stream too.
    ("dane", "dialback"),
])
def test_reached(world, prosody, here, name, how):
    domain = special(name)
    exchange(here, appear(prosody.login("alice", domain)))
    assert proofs(world.node, OURS, domain) == {"in": how, "out": "EXTERNAL"}


@pytest.mark.parametrize("peer, why", [
    ("prosody", "the server ended the stream: host-unknown"),
    ("ejabberd", "the server ended the stream: host-unknown"),
    ("jabberd2", "its certificate is for other names"),
])
def test_a_server_that_does_not_serve_it(request, impatient, here, peer, why):
    request.getfixturevalue(peer)
    there = f"alice@{special('unserved', peer)}"
    here.send_message(there, "lost", "headline")  # which is not kept for days
    error = wait_error(here, there)
    assert condition(error) == TIMEOUT
    assert error_text(error).startswith(why)


@pytest.mark.parametrize("domain, error, text", [
    (special("closed"), NOT_FOUND, "the domain has no XMPP service, as its DNS says"),
    (special("closed2"), NOT_FOUND, "the domain has no XMPP service, as its DNS says"),
    (special("away"), TIMEOUT, "no server of the domain can be connected to"),
    (special("wrongdane"), TIMEOUT, "TLSA"),
    ("bogus.example", TIMEOUT, "DNSSEC says that the answer is forged"),
])
def test_not_reached(world, prosody, impatient, here, domain, error, text):
    here.send_message(f"alice@{domain}", "lost", "headline")
    answer = wait_error(here, f"alice@{domain}")
    assert condition(answer) == error
    assert text in error_text(answer)
