# SPDX-License-Identifier: AGPL-3.0-or-later
#
# c2s is killed in the middle of logins with tokens (XEP-0484 §3.5): whatever the client has not
# been told, what it has goes on being good.

import pytest

from tests.faults import points
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.sasl2 import BOUND_SM, Sasl2Stream, request_token
from tests.node.client import Closed


@pytest.fixture(scope="module")
def node_with_points(make_node):
    return make_node(where=points.place_with_points(), workers=1)


def connect(node, owner, **options):
    stream = Sasl2Stream(node, owner, source=next(SOURCES), **options)
    stream.secure()
    return stream


def make_due(node, owner):
    node.postgres.query(
        "kontalk", "UPDATE token SET issued = issued - interval '5 days' FROM account a"
        f" WHERE a.owner = token.owner AND a.local = '{owner.user}'")


def count(node, owner):
    return int(node.postgres.query(
        "kontalk", "SELECT count(*) FROM token JOIN account a USING (owner)"
        f" WHERE a.local = '{owner.user}'"))


@pytest.mark.seconds(1200)
def test_rotation(node_with_points):
    """Behind the commit of the new token, and before anybody is told."""
    node = node_with_points
    owner, daemon = node.add_account(), node_with_points.daemon("c2s")
    first = connect(node, owner)
    first.accept(first.with_password(BOUND_SM + request_token()))
    for _ in range(2):
        make_due(node, owner)
        daemon.kill()
        points.start_armed(daemon, "begin_noted:1")
        again = connect(node, owner, device=first.device)
        with pytest.raises((Closed, OSError)):
            again.with_token(first.token, again.resume_of(first) + BOUND_SM)
        wait.until(lambda: not daemon.process.runs(), points.SECONDS, "c2s to end")
        daemon.start()
    assert count(node, owner) == 2
    back = connect(node, owner, device=first.device)
    back.accept(back.with_token(first.token, back.resume_of(first) + BOUND_SM))
    assert back.full == first.full
    assert back.token and back.token != first.token
    last = connect(node, owner, device=first.device)
    last.accept(last.with_token(back.token, BOUND_SM))
    assert count(node, owner) == 1


@pytest.mark.seconds(1200)
def test_first_token(node_with_points):
    """A token that nobody was told of takes no place: the password gets another."""
    node = node_with_points
    owner, daemon = node.add_account(), node_with_points.daemon("c2s")
    daemon.kill()
    points.start_armed(daemon, "begin_noted:1")
    first = connect(node, owner)
    with pytest.raises((Closed, OSError)):
        first.with_password(BOUND_SM + request_token())
    wait.until(lambda: not daemon.process.runs(), points.SECONDS, "c2s to end")
    daemon.start()
    again = connect(node, owner, device=first.device)
    again.accept(again.with_password(BOUND_SM + request_token()))
    assert count(node, owner) == 1
    last = connect(node, owner, device=first.device)
    last.accept(last.with_token(again.token, BOUND_SM))
