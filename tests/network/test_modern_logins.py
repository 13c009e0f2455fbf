# SPDX-License-Identifier: AGPL-3.0-or-later
#
# SASL2, Bind 2, resumption and tokens (XEP-0388, XEP-0386, XEP-0484) where the worker that has the
# connection does not serve the account: at another node, and at another worker of the node
# (docs/FRONTS.md).

import contextlib

import pytest

from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.sasl2 import (BIND2, BOUND, BOUND_SM, CAM, SM, Sasl2Stream, condition_of,
                                 request_token)
from tests.node.client import Closed, local_name

NODES = ("alpha", "beta", "gamma")


@pytest.fixture
def connect():
    """connect(node, owner, …): secured."""
    with contextlib.ExitStack() as stack:
        def make(node, owner, **options):
            stream = Sasl2Stream(node, owner, source=next(SOURCES), **options)
            stack.callback(stream.close)
            stream.secure()
            return stream
        yield make


def whole_life(connect, places, owner):
    """places: nodes (with options of the connection) that the client comes to, one by one."""
    def at(number, **options):
        node, own = places[number % len(places)]
        return connect(node, owner, **own, **options)

    first = at(0)
    first.accept(first.with_password(BOUND_SM + request_token()))
    assert first.token and first.id and first.full.startswith(f"{owner.jid}/Test/")
    first.send_presence()
    first.send_message(first.full, "unread")
    first.wait_message("unread")
    first.close()
    second = at(1, device=first.device)
    second.accept(second.with_token(first.token, second.resume_of(first) + BOUND_SM,
                                    fast=" count='1'"))
    assert second.success.find(f"{{{SM}}}resumed") is not None and second.full == first.full
    second.settle()
    replayed = at(2, device=first.device)
    outcome = replayed.with_token(first.token, BOUND_SM, fast=" count='1'")
    assert condition_of(outcome) == "not-authorized"
    replayed.accept(replayed.with_token(first.token, BOUND, fast=" count='2'"))
    assert replayed.full == first.full
    with pytest.raises(Closed) as closed:
        second.receive()
    assert closed.value.condition == "conflict"
    wrong = at(0, device=first.device)
    assert condition_of(wrong.with_token("secret-token:x", BOUND)) == "not-authorized"
    wrong.password = "wrong"
    assert condition_of(wrong.with_password(BOUND)) == "not-authorized"
    rows = replayed.ask("get", f"<list xmlns='{CAM}'/>").find(f"{{{CAM}}}clients")
    assert [row.get("connected") for row in rows] == ["true"]
    bare = at(1, device=first.device)
    bare.accept(bare.with_token(first.token))
    bare.bind()
    bare.settle()
    failed = at(2)
    failed.accept(failed.with_password(f"<resume xmlns='{SM}' previd='x' h='0'/>{BOUND}"))
    assert [local_name(e.tag) for e in failed.success.find(f"{{{SM}}}failed")] == [
        "item-not-found"]
    assert failed.success.find(f"{{{BIND2}}}bound") is not None
    failed.settle()


def reach(connect, node, owner):
    """Nodes may still be finding each other again behind the test before."""
    def once():
        stream = connect(node, owner)
        try:
            stream.accept(stream.with_password(BOUND))
        except (AssertionError, Closed, TimeoutError):
            return False
        stream.close()
        return True
    wait.until(once, 60, f"a login at {node.place.host}")


@pytest.mark.parametrize("home", ["alpha", "beta"])
def test_nodes(network, connect, home):
    places = [(network[name], {}) for name in NODES]
    other = network[home].add_account()
    for node, _ in places:
        reach(connect, node, other)
    whole_life(connect, places, network[home].add_account())


def test_nobody(network, connect):
    """An account that nobody has looks like one whose token is wrong."""
    owner = network.alpha.add_account()
    stream = connect(network.gamma, owner)
    stream.user = "nobody"
    assert condition_of(stream.with_token("secret-token:x", BOUND)) == "not-authorized"
    assert condition_of(stream.with_password(BOUND)) == "not-authorized"


@pytest.mark.seconds(600)
def test_workers(make_node, connect):
    node = make_node(workers=2)
    for _ in range(3):  # whoever serves it
        whole_life(connect, [(node, {"service": "C2S_1"}), (node, {"service": "C2S_2"})],
                   node.add_account())
