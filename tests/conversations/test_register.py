# SPDX-License-Identifier: AGPL-3.0-or-later
#
# XEP-0077 for who has an account: a new password, and removal. Nobody gets an account by it.

import pytest

from tests.harness.archive import condition
from tests.harness.node import Account
from tests.node.client import Closed

REGISTER = "jabber:iq:register"


def query(inside=""):
    return f"<query xmlns='{REGISTER}'>{inside}</query>"


def password(name, text):
    return query(f"<username>{name}</username><password>{text}</password>")


def local(owner):
    return owner.jid.split("@")[0]


def ended(client):
    with pytest.raises(Closed) as closed:
        while True:
            client.receive()
    return closed.value.condition


@pytest.fixture(params=["server", "account"])
def to(request, node):
    return node.network if request.param == "server" else None


def test_what_is_registered(login, account, to):
    """§3.1.1"""
    owner = account()
    answer = login(owner).ask("get", query(), to=to).find(f"{{{REGISTER}}}query")
    assert answer.find(f"{{{REGISTER}}}registered") is not None
    assert answer.findtext(f"{{{REGISTER}}}username") == local(owner)


def test_new_password(login, account, raw, to):
    """§3.3: in force at once; who asked stays, the others log in again."""
    owner = account()
    asking, other = login(owner), login(owner)
    answer = asking.ask("set", password(local(owner), "another pass"), to=to)
    assert answer.get("type") == "result"
    assert ended(other) == "not-authorized"
    asking.settle()
    with pytest.raises(AssertionError):
        login(owner)
    login(Account(owner.jid, "another pass")).settle()


@pytest.mark.parametrize("inside, expected", (
    ("<password>new</password>", ("modify", "bad-request")),
    ("<username>{name}</username>", ("modify", "bad-request")),
    ("<username>{name}</username><password/>", ("modify", "bad-request")),
    ("<username>somebody</username><password>new</password>", ("modify", "bad-request")),
    ("<username>{name}</username><password>a\ue000</password>", ("modify", "not-acceptable")),
    ("<remove/><username>{name}</username>", ("modify", "bad-request")),
    ("", ("modify", "bad-request"))))
def test_what_is_refused(login, account, inside, expected):
    """§3.2, §3.3: nothing has changed, and the password does not come back."""
    owner = account()
    client = login(owner)
    answer = client.ask("set", query(inside.format(name=local(owner))))
    assert condition(answer) == expected
    assert answer.find(f"{{{REGISTER}}}query") is None
    client.settle()
    login(owner).settle()


def test_removal(login, account, to, node):
    """§3.2: an answer, then all streams end; the name is free of it."""
    owner = account()
    asking, other = login(owner), login(owner)
    assert asking.ask("set", query("<remove/>"), to=to).get("type") == "result"
    assert ended(asking) == "not-authorized"
    assert ended(other) == "not-authorized"
    with pytest.raises(AssertionError):
        login(owner)
    assert owner.jid not in node.control("user", "list").splitlines()


def test_not_of_another_account(login, account):
    """To somebody else's account it is as if nobody were there."""
    client, other = login(), account()
    answer = client.ask("set", query("<remove/>"), to=other.jid)
    assert condition(answer) == ("cancel", "service-unavailable")
    login(other).settle()
