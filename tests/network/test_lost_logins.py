# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Logins at a front whose home is lost while they are under way: each hears of it in time, and may
# try again on the same stream as long as nothing is given to it (docs/FRONTS.md).

import contextlib

import pytest

from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.sasl2 import BOUND, Sasl2Stream, condition_of
from tests.node.client import BIND, SASL, Closed, encode, local_name
from tests.node.scram import Scram

SECONDS = 60  # what a machine that is busy may take


@pytest.fixture
def connect(network):
    """connect("beta", owner): a client of this account at that node, not logged in yet."""
    with contextlib.ExitStack() as stack:
        def make(front, owner):
            stream = Sasl2Stream(network[front], owner, source=next(SOURCES))
            stack.callback(stream.close)
            stream.secure()
            return stream
        yield make


def auth(client):
    first = encode(Scram("SCRAM-SHA-256", client.user, client.password).first())
    client.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")


def respond(client):
    client.send(f"<response xmlns='{SASL}'>{encode(b'x')}</response>")


def bind(client):
    client.send(f"<iq type='set' id='b'><bind xmlns='{BIND}'/></iq>")


def is_refused(client):
    """SASL fails for the moment."""
    failure = client.receive(SECONDS)
    assert failure.tag == f"{{{SASL}}}failure", failure.tag
    assert local_name(failure[0].tag) == "temporary-auth-failure"


def try_again(client):
    """Nodes may still be finding each other again."""
    def once():
        with contextlib.suppress(AssertionError):
            client.authenticate()
            return True
        return False
    wait.until(once, SECONDS, "a login")
    client.bind()


def wait_for_home(connect, owner):
    """Until the nodes have found each other again after what was tested before."""
    def once():
        with contextlib.suppress(AssertionError, Closed, TimeoutError):
            connect("beta", owner).authenticate()
            return True
        return False
    wait.until(once, SECONDS, "a login")


def at_each_step(connect, owner):
    """Clients that wait for something else each, with what they say next; once the nodes have found
    each other again after the test before."""
    wait_for_home(connect, owner)
    first, second, third = (connect("beta", owner) for _ in range(3))
    second.begin_scram()
    third.authenticate()
    return [(first, auth), (second, respond), (third, bind)]


@pytest.mark.seconds(600)
def test_link_cut(network, connect):
    """Silently: nobody is told but by the silence."""
    owner = network.alpha.add_account()
    steps = at_each_step(connect, owner)
    modern = connect("beta", owner)
    network.cut("alpha", "beta")
    try:
        for client, say in steps:
            say(client)
        assert condition_of(modern.with_password(BOUND)) == "temporary-auth-failure"
        is_refused(steps[0][0])
        is_refused(steps[1][0])
        with pytest.raises(Closed, match="remote-connection-failed"):
            steps[2][0].receive(SECONDS)
    finally:
        network.heal()
    network.wait_linked()
    try_again(steps[0][0])
    try_again(steps[1][0])
    modern.accept(modern.with_password(BOUND))


@pytest.mark.seconds(600)
def test_home_dies(network, connect):
    """Its new process knows nothing of them; who is asked for nothing hears of it all the same."""
    owner = network.alpha.add_account()
    (first, _), (second, _), (third, _) = at_each_step(connect, owner)
    fourth = connect("beta", owner)
    fourth.authenticate()
    fourth.bind()
    network.alpha.daemon("c2s").kill()
    network.alpha.daemon("c2s").start()
    with pytest.raises(Closed, match="remote-connection-failed"):
        third.receive(SECONDS)
    with pytest.raises(Closed, match="reset"):
        fourth.wait_for(lambda _: False, SECONDS)
    respond(second)
    is_refused(second)
    try_again(first)
    try_again(second)
