# SPDX-License-Identifier: AGPL-3.0-or-later
#
# XEP-0494: which clients have access to an account, and taking it from one; what becomes of tokens
# (XEP-0484) with a new password.

import pytest

from tests.harness.sasl2 import BOUND, BOUND_SM, CAM, condition_of, request_token
from tests.node.client import Closed, local_name

LIST = f"<list xmlns='{CAM}'/>"


def clients(client):
    result = client.ask("get", LIST)
    assert result.get("type") == "result"
    return list(result.find(f"{{{CAM}}}clients"))


def of(rows, software):
    agent = f"{{{CAM}}}user-agent/{{{CAM}}}software"
    return next(row for row in rows if row.findtext(agent) == software)


def agent(client, software):
    return (f"<user-agent id='{client.device}'><software>{software}</software>"
            "<device>machine</device></user-agent>")


def new_client(modern, owner, software, inside=BOUND):
    client = modern(owner)
    client.accept(client.with_password(inside + request_token(), agent=agent(client, software)))
    return client


def auth(row):
    return [local_name(e.tag) for e in row.find(f"{{{CAM}}}auth")]


def test_list(modern, account, login):
    """§3.1: with what they say of themselves, how they came, and whether they are connected."""
    owner = account()
    phone = new_client(modern, owner, "phone")
    laptop = new_client(modern, owner, "laptop", BOUND_SM)
    login(owner, resource="classic")
    rows = clients(phone)
    assert len(rows) == 3
    row = of(rows, "laptop")
    assert row.get("connected") == "true" and row.get("type") == "session" and row.get("id")
    assert laptop.device not in row.get("id")
    assert auth(row) == ["password", "fast"]
    assert row.find(f"{{{CAM}}}permission").get("status") == "unrestricted"
    assert row.findtext(f"{{{CAM}}}user-agent/{{{CAM}}}device") == "machine"
    first, last = row.findtext(f"{{{CAM}}}first-seen"), row.findtext(f"{{{CAM}}}last-seen")
    assert first.endswith("Z") and first <= last
    assert len({row.get("id") for row in rows}) == 3
    classic = next(r for r in rows if r.find(f"{{{CAM}}}first-seen") is None)
    assert auth(classic) == ["password"] and classic.get("connected") == "true"


def test_waiting_is_connected(modern, account):
    """§3.1: a session that may come back is an active one, one that is over is not."""
    owner = account()
    phone = new_client(modern, owner, "phone")
    waiting, gone = new_client(modern, owner, "waits", BOUND_SM), new_client(modern, owner, "gone")
    waiting.close()
    gone.logout()
    rows = clients(phone)
    assert of(rows, "waits").get("connected") == "true"
    assert of(rows, "gone").get("connected") == "false"


def change_password(node, owner, password):
    return node.control("user", "passwd", owner.jid, password=password + "\n")


def test_revoke(modern, account, node):
    """§3.2: who came with a token for a password that does not hold any more has no access then:
    here it has proven the new one, and of the other only the token is left to revoke."""
    owner = account()
    phone = new_client(modern, owner, "phone")
    lost = new_client(modern, owner, "lost")
    node.postgres.query("kontalk", "UPDATE client SET password = false FROM account a WHERE"
                        f" a.owner = client.owner AND a.local = '{owner.user}'")
    row = of(clients(phone), "lost")
    assert auth(row) == ["fast"]
    answer = phone.ask("set", f"<revoke xmlns='{CAM}' id='{row.get('id')}'/>")
    assert answer.get("type") == "result" and len(answer) == 0
    with pytest.raises(Closed) as closed:
        lost.receive()
    assert closed.value.condition == "not-authorized"
    assert len(clients(phone)) == 1
    back = modern(owner, device=lost.device)
    assert condition_of(back.with_token(lost.token, BOUND)) == "not-authorized"
    phone.settle()


def test_revoke_of_a_password(modern, account):
    """§3.2: who knows the password is kept out by another one only, and that is said; its token and
    its session end all the same."""
    owner = account()
    phone, lost = new_client(modern, owner, "phone"), new_client(modern, owner, "lost")
    row = of(clients(phone), "lost")
    answer = phone.ask("set", f"<revoke xmlns='{CAM}' id='{row.get('id')}'/>")
    error = answer.find("{jabber:client}error")
    assert error.get("type") == "cancel"
    assert {local_name(e.tag) for e in error} == {"service-unavailable", "password-reset-required"}
    with pytest.raises(Closed):
        lost.receive()
    back = modern(owner, device=lost.device)
    assert condition_of(back.with_token(lost.token, BOUND)) == "not-authorized"
    back.accept(back.with_password(BOUND))


def test_revoke_nobody(modern, account):
    owner = account()
    phone = new_client(modern, owner, "phone")
    for inside, condition in (("", "bad-request"), (" id='x'", "item-not-found")):
        answer = phone.ask("set", f"<revoke xmlns='{CAM}'{inside}/>")
        assert local_name(answer.find("{jabber:client}error")[0].tag) == condition


def test_others(modern, account, login):
    """§5: nobody else hears of it, nor whether there is such an account."""
    owner, stranger = account(), login()
    new_client(modern, owner, "phone")
    for jid in (owner.jid, f"nobody@{stranger.domain}"):
        for kind, payload in (("get", LIST), ("set", f"<revoke xmlns='{CAM}' id='x'/>")):
            answer = stranger.ask(kind, payload, to=jid)
            assert local_name(answer.find("{jabber:client}error")[0].tag) == "forbidden"


def test_new_password(modern, account, node):
    """XEP-0484: tokens were given for the old password; which ended is told to who changed it."""
    owner = account()
    phone = new_client(modern, owner, "phone")
    told = change_password(node, owner, "another password")
    assert told.splitlines() == [f"no longer logged in: phone, machine ({phone.device})"]
    with pytest.raises(Closed):
        phone.receive()
    back = modern(owner, device=phone.device)
    assert condition_of(back.with_token(phone.token, BOUND)) == "not-authorized"
    back.password = "another password"
    back.accept(back.with_password(BOUND))
    assert auth(of(clients(back), "test")) == ["password"]


def test_removed_account(modern, account, node):
    """Nothing of a client is left behind."""
    owner = account()
    phone = new_client(modern, owner, "phone")
    number = node.postgres.query("kontalk",
                                 f"SELECT owner FROM account WHERE local = '{owner.user}'").strip()
    node.control("user", "del", owner.jid)
    for table in ("client", "token"):
        left = node.postgres.query("kontalk",
                                   f"SELECT count(*) FROM {table} WHERE owner = {number}")
        assert left.strip() == "0"
    back = modern(owner, device=phone.device)
    assert condition_of(back.with_token(phone.token, BOUND)) == "not-authorized"
