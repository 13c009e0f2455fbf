# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Service administration (XEP-0133): what each command does.

import secrets

import pytest

from tests.harness import wait
from tests.harness.adhoc import ADMIN, form, run, stage
from tests.harness.archive import query
from tests.harness.node import Account
from tests.node.client import Closed

ROSTER = "{jabber:iq:roster}"
LIST_MAX = 1000
INVITE, CREATE = "urn:xmpp:invite#invite", "urn:xmpp:invite#create-account"
COMMANDS = {
    "add-user", "delete-user", "disable-user", "reenable-user", "end-user-session",
    "change-user-password", "get-user-roster", "get-user-lastlogin", "user-stats",
    "get-registered-users-num", "get-disabled-users-num", "get-online-users-num",
    "get-active-users-num", "get-idle-users-num", "get-registered-users-list",
    "get-disabled-users-list", "get-online-users-list", "get-active-users", "get-idle-users",
    "announce", "edit-admin", "set-motd", "edit-motd", "delete-motd", "set-welcome",
    "delete-welcome",
}


@pytest.fixture
def admin(node, login):
    with node.administrator(login()) as client:
        yield client


def ended(client):
    with pytest.raises(Closed) as closed:
        while True:
            client.receive()
    return closed.value.condition


def user(node, name, password="a password"):
    node.passwords.append(password)
    return Account(f"{name}@{node.network}", password)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_forbidden(login, name):
    """F17: who is no administrator runs nothing, and does not learn what there is."""
    client = login()
    assert run(client, name).errors == ["forbidden"]
    info = client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'"
                      f" node='{ADMIN}#{name}'/>", to=client.domain)
    assert info.get("type") == "error"


def test_expired(make_node, login):
    """XEP-0050 §4.4: a form may not be filled in for ever."""
    node = make_node(settings={"sm": {"command-time": "10ms"}})
    client = login(where=node)
    node.control("user", "admin", client.bare)
    begun = stage(client, f"{ADMIN}#announce")
    payload = form({"announcement": "late"})
    wait.until(lambda: "session-expired" in stage(
        client, f"{ADMIN}#announce", payload, sessionid=begun.session).errors)


def test_many_sessions(admin):
    """Of many that are open the oldest is forgotten."""
    begun = [stage(admin, f"{ADMIN}#announce") for _ in range(9)]
    errors = [stage(admin, f"{ADMIN}#announce", action="cancel", sessionid=one.session).errors
              for one in begun]
    assert errors == [["bad-request", "bad-sessionid"]] + 8 * [[]]


def test_many_accounts(node, admin):
    """A form names a hundred at most."""
    jids = [f"x{n}@{node.network}" for n in range(101)]
    assert "bad-payload" in run(admin, "delete-user", accountjids=jids).errors
    assert len(run(admin, "delete-user", accountjids=jids[:100]).notes) == 100


def test_list(admin):
    items = admin.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'"
                      " node='http://jabber.org/protocol/commands'/>", to=admin.domain)
    assert {item.get("node") for item in items[0]} == \
        {f"{ADMIN}#{name}" for name in COMMANDS} | {INVITE, CREATE}


def test_at_the_host(node, admin):
    assert run(admin, "get-registered-users-num", to=node.place.host).done


def test_no_longer(node, login):
    """It holds from the next request on."""
    client = login()
    node.control("user", "admin", client.bare)
    begun = stage(client, f"{ADMIN}#announce")
    assert begun.status == "executing"
    node.control("user", "admin", client.bare, "no")
    assert stage(client, f"{ADMIN}#announce", sessionid=begun.session).errors == ["forbidden"]


def test_add_user(node, admin, login):
    new = user(node, "added-in-band")
    fields = {"accountjid": new.jid, "password": new.password, "password-verify": new.password}
    assert run(admin, "add-user", **fields).done
    login(new)
    assert run(admin, "add-user", **fields).errors == ["conflict"]
    assert not run(admin, "add-user", **{**fields, "password-verify": "b"}).done
    assert not run(admin, "add-user", **{**fields, "accountjid": "x@elsewhere.test"}).done
    assert not run(admin, "add-user", **{**fields, "accountjid": f"Up.Case@{node.network}"}).done
    assert "bad-payload" in run(admin, "add-user", accountjid=new.jid).errors


def test_change_password(node, admin, login):
    client = login()
    changed = user(node, client.bare.partition("@")[0], "another password")
    assert run(admin, "change-user-password", accountjid=client.bare,
               password=changed.password).done
    assert ended(client) == "not-authorized"
    login(changed)
    assert not run(admin, "change-user-password", accountjid=f"nobody@{node.network}",
                   password="x").done


def test_disable_and_enable(node, admin, login, raw):
    one, other = login(), login()
    jids = [one.bare, other.bare]
    assert run(admin, "disable-user", accountjids=jids).done
    assert ended(one) == ended(other) == "not-authorized"
    stream = raw(Account(one.bare, one.password))
    stream.secure()
    with pytest.raises(AssertionError, match="account-disabled"):
        stream.authenticate()
    assert set(jids) <= set(run(admin, "get-disabled-users-list").fields["disableduserjids"])
    assert int(run(admin, "get-disabled-users-num").fields["disabledusersnum"][0]) >= 2
    assert run(admin, "reenable-user", accountjids=jids).done
    login(Account(one.bare, one.password))
    assert not set(jids) & set(run(admin, "get-disabled-users-list").fields["disableduserjids"])


def test_delete(node, admin, login):
    """All that can be deleted are; the others are told."""
    client = login()
    outcome = run(admin, "delete-user", accountjids=[client.bare, f"nobody@{node.network}", "@"])
    assert ended(client) == "not-authorized"
    assert outcome.status == "completed"
    assert [kind for kind, _ in outcome.notes] == ["error", "error"]
    assert client.bare not in node.control("user", "list").split()


def test_end_sessions(node, admin, login):
    phone = login()
    owner = Account(phone.bare, phone.password)
    desk = login(owner)
    assert run(admin, "end-user-session", accountjids=[phone.full]).done
    assert ended(phone) == "not-authorized"
    desk.settle()
    assert run(admin, "end-user-session", accountjids=[desk.bare]).done
    assert ended(desk) == "not-authorized"
    login(owner)
    assert not run(admin, "end-user-session", accountjids=[phone.full]).done


def test_roster(admin, login):
    client = login()
    client.ask("set", "<query xmlns='jabber:iq:roster'><item jid='friend@example.org' name='F'>"
               "<group>G</group></item></query>")
    outcome = run(admin, "get-user-roster", accountjids=[client.bare])
    items = list(outcome.iq.iter(f"{ROSTER}item"))
    assert outcome.done and outcome.fields["accountjids"] == [client.bare]
    assert [(item.get("jid"), item.findtext(f"{ROSTER}group")) for item in items] == \
        [("friend@example.org", "G")]


def test_last_login(node, admin, login):
    client, never = login(), node.add_account()
    outcome = run(admin, "get-user-lastlogin", accountjids=[client.bare])
    assert outcome.done and outcome.fields["lastlogin"][0].endswith("Z")
    outcome = run(admin, "get-user-lastlogin", accountjids=[never.jid])
    assert outcome.fields["lastlogin"] == ["never"]


def test_statistics(admin, login):
    client = login()
    outcome = run(admin, "user-stats", accountjid=client.bare)
    assert outcome.done
    assert outcome.fields == {
        "accountjid": [client.bare], "rostersize": ["0"],
        "onlineresources": [client.full.partition("/")[2]],
        "ipaddresses": [client.socket.getsockname()[0]]}


def test_registered(node, admin):
    """Others may have made more accounts here than one list shows: it begins with this one."""
    first = node.add_account(f"0-{secrets.token_hex(4)}")
    everybody = node.control("user", "list").splitlines()
    outcome = run(admin, "get-registered-users-list")
    listed = outcome.fields["registereduserjids"]
    assert outcome.done and first.jid in listed
    assert len(listed) == min(len(everybody), LIST_MAX)
    count = run(admin, "get-registered-users-num").fields["registeredusersnum"]
    assert count == [str(len(everybody))]
    assert len(run(admin, "get-registered-users-list",
                   max_items="1").fields["registereduserjids"]) == 1


def test_online(admin, login):
    """Active is who has a client that somebody looks at."""
    active, away, inactive = login(), login(), login()
    active.send_presence()
    away.send("<presence><show>away</show></presence>")
    inactive.send_presence()
    inactive.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    for client in (active, away, inactive):
        client.settle()
    lists = {name: run(admin, f"get-{name}").fields[var] for name, var in
             (("online-users-list", "onlineuserjids"), ("active-users", "activeuserjids"),
              ("idle-users", "idleuserjids"))}
    assert {active.bare, away.bare, inactive.bare} <= set(lists["online-users-list"])
    assert active.bare in lists["active-users"] and active.bare not in lists["idle-users"]
    assert {away.bare, inactive.bare} <= set(lists["idle-users"])
    for name, var in (("online", "onlineusersnum"), ("active", "activeusersnum"),
                      ("idle", "idleusersnum")):
        assert int(run(admin, f"get-{name}-users-num").fields[var][0]) >= 1


def test_announce(node, admin, login):
    client, silent = login(), login()
    client.send_presence()
    client.settle()
    outcome = run(admin, "announce", announcement=["It ends", "in 2 minutes"], subject="Notice")
    assert outcome.done and outcome.notes[0][0] == "info"
    message = client.wait_message("It ends\nin 2 minutes")
    assert (message.get("from"), message.get("type")) == (node.network, "headline")
    assert message.findtext("{jabber:client}subject") == "Notice"
    silent.settle()


def told(client):
    """What the server has said to the account, as its archive has it. Messages of one account are
    stored in their order: behind the first one it is known who gets a notice, behind the second
    one they have it."""
    for text in ("first", "second"):
        client.send_message(client.bare, text)
        client.wait_message(text)
    return query(client, fields={"with": client.domain}).bodies


def test_motd(admin, login, account):
    """Once to each account: to who is here at once, to who comes later then."""
    owner = account()
    here, silent = login(owner), login()
    here.send_presence()
    outcome = run(admin, "set-motd", motd=["It is", "Sunday"])
    assert outcome.done
    assert here.wait_message("It is\nSunday").get("from") == admin.domain
    begun = stage(admin, f"{ADMIN}#edit-motd")
    assert begun.fields["motd"] == ["It is", "Sunday"]
    assert run(admin, "edit-motd", motd="It is Monday").done  # nobody hears it twice
    again = login(owner)
    again.send("<presence/>")
    assert told(again) == ["It is\nSunday"]
    silent.settle()
    silent.send("<presence/>")
    assert silent.wait_message("It is Monday").get("to") == silent.bare
    assert run(admin, "set-motd", motd="It is Tuesday").done
    here.wait_message("It is Tuesday")
    assert run(admin, "delete-motd").done
    assert "motd" not in [name for name, values in
                          stage(admin, f"{ADMIN}#edit-motd").fields.items() if values]
    late = login()
    late.send("<presence/>")
    assert told(late) == []
    assert told(again) == ["It is\nSunday", "It is Tuesday"]


def test_welcome(admin, login, account):
    """To accounts that were made while it was there, when they are used for the first time."""
    old, mended = account(), account()
    assert run(admin, "set-welcome", welcome=["Welcome", "here"]).done
    assert stage(admin, f"{ADMIN}#set-welcome").fields["welcome"] == ["Welcome", "here"]
    owner = account()
    first = login(owner)
    first.send("<presence/>")
    first.wait_message("Welcome\nhere")
    assert run(admin, "set-welcome", welcome="Welcome!").done
    for one, expected in ((owner, ["Welcome\nhere"]), (old, []), (account(), ["Welcome!"])):
        client = login(one)
        client.send("<presence/>")
        assert told(client) == expected
    assert run(admin, "delete-welcome").done
    client = login()
    client.send("<presence/>")
    assert told(client) == []
    assert run(admin, "set-welcome", welcome="Welcome again").done
    late = login(mended)
    late.send("<presence/>")
    assert told(late) == []
    assert run(admin, "delete-welcome").done


def test_notices_that_are_too_long(admin):
    assert run(admin, "set-motd", motd="m" * 8193).errors == ["not-acceptable"]
    assert run(admin, "set-welcome", welcome="").errors == ["bad-request", "bad-payload"]


def test_notices_are_read_at_start(make_node, login):
    node = make_node()
    admin = login(where=node)
    node.control("user", "admin", admin.bare)
    assert run(admin, "set-motd", motd="It is Sunday").done
    node.daemon("c2s").restart()
    client = login(where=node)
    client.send("<presence/>")
    client.wait_message("It is Sunday")


def test_edit_admins(node, admin, login):
    """The list is shown, and set; who sets it stays in it."""
    client = login()
    begun = stage(admin, f"{ADMIN}#edit-admin")
    assert admin.bare in begun.fields["adminjids"]
    assert run(admin, "edit-admin", adminjids=[admin.bare, client.bare]).done
    assert run(client, "get-registered-users-num").done
    outcome = run(admin, "edit-admin", adminjids=[f"nobody@{node.network}"])
    assert [kind for kind, _ in outcome.notes] == ["error", "error"]
    assert run(client, "get-registered-users-num").errors == ["forbidden"]
    assert run(admin, "get-registered-users-num").done
