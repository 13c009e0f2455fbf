# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Service administration (XEP-0133) where there are several workers, or nodes.

import contextlib
import json
import subprocess

import pytest

from tests.harness import wait
from tests.harness.adhoc import run, stage
from tests.harness.archive import condition
from tests.harness.node import SOURCES, Account
from tests.harness.stream import RawStream
from tests.node.client import Closed


@pytest.fixture(scope="module")
def pair(make_node):
    """A node with two workers."""
    return make_node(workers=2)


def ended(client):
    with pytest.raises(Closed) as closed:
        while True:
            client.receive()
    return closed.value.condition


def test_other_worker(pair, user):
    """What one command does holds for accounts of both workers."""
    admin = user(pair)
    pair.control("user", "admin", admin.bare)
    others = [user(pair) for _ in range(8)]  # some at each
    jids = [client.bare for client in others]
    assert set(jids) <= set(run(admin, "get-online-users-list").fields["onlineuserjids"])
    assert int(run(admin, "get-online-users-num").fields["onlineusersnum"][0]) >= 9
    assert run(admin, "announce", announcement="Hear").done
    for client in others:
        client.wait_message("Hear")
    outcome = run(admin, "get-user-lastlogin", accountjids=jids)
    assert outcome.done
    assert run(admin, "end-user-session", accountjids=jids[:4]).done
    assert [ended(client) for client in others[:4]] == 4 * ["not-authorized"]
    assert run(admin, "delete-user", accountjids=jids).done
    assert [ended(client) for client in others[4:]] == 4 * ["not-authorized"]
    new = [f"made-{n}@{pair.network}" for n in range(8)]
    for jid in new:
        fields = {"accountjid": jid, "password": "pw-of-them", "password-verify": "pw-of-them"}
        assert run(admin, "add-user", **fields).done
    registered = run(admin, "get-registered-users-list").fields["registereduserjids"]
    assert set(new) <= set(registered) and not set(jids) & set(registered)


def test_workers_in_one_table(pair, user):
    """kontalkctl shows clients of both, and each process once in what is counted."""
    clients = [user(pair) for _ in range(6)]
    rows = json.loads(pair.control("show", "sessions", "--json"))
    assert {row["jid"] for row in rows} >= {client.full for client in clients}
    counts = json.loads(pair.control("show", "counts", "--json"))
    assert len({row["process"] for row in counts if row["process"].startswith("c2s")}) == 2
    table = pair.control("show", "sessions").splitlines()
    assert table[0].split()[:2] == ["PROCESS", "JID"]
    assert all(any(client.full in line for line in table[1:]) for client in clients)


def invite(node, *words):
    """A stranger of the node, who has shown the token of a new invitation."""
    command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "invite", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return with_token(node, done.stdout.strip().partition("preauth=")[2])


def with_token(node, token):
    stranger = RawStream(node, source=next(SOURCES))
    stranger.secure()
    answer = stranger.ask("set", f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>")
    assert answer.get("type") == "result", condition(answer)
    return stranger


def register(stranger, name):
    return stranger.ask("set", f"<query xmlns='jabber:iq:register'><username>{name}</username>"
                        "<password>a good password</password></query>")


@pytest.mark.parametrize("several", ("workers", "nodes"))
def test_invited(pair, network, user, several):
    """XEP-0445: the account is made where it will be served, and its name is claimed."""
    node = pair if several == "workers" else network.alpha
    for n in range(8):
        name = f"invited-{several}-{n}"
        assert register(invite(node), name).get("type") == "result"
        user(node, Account(f"{name}@{node.network}", "a good password"))
    with pytest.raises(AssertionError):
        user(node, Account(f"{name}@{node.network}", "another password"))


def test_invited_by_another_home(network, user):
    """A name of another home is taken; the invitation is good for the next one."""
    there = user(network.beta)
    with contextlib.closing(invite(network.alpha)) as stranger:
        assert condition(register(stranger, there.user)) == ("cancel", "conflict")
        assert register(stranger, f"{there.user}-too").get("type") == "result"


def test_other_home(network, user):
    """Accounts of another home are administered there; the note says where that is."""
    admin, there = user(network.alpha), user(network.beta)
    network.alpha.control("user", "admin", admin.bare)
    outcome = run(admin, "disable-user", accountjids=[there.bare])
    assert outcome.status == "completed"
    [(kind, text)] = outcome.notes
    assert kind == "error" and network.beta.place.host in text
    there.settle()


def test_front_elsewhere(network, user):
    """A node that is not the home speaks for no administrator."""
    owner = network.alpha.add_account()
    network.alpha.control("user", "admin", owner.jid)
    near, far = user(network.alpha, owner), user(network.beta, owner)
    assert run(near, "get-online-users-num").done
    assert run(far, "get-online-users-num").errors == ["forbidden"]


def test_own_account(network, user):
    """XEP-0077: nor does it change a password or remove an account; the home does."""
    owner = network.alpha.add_account()
    near, far = user(network.alpha, owner), user(network.beta, owner)
    name = owner.jid.split("@")[0]
    query = "<query xmlns='jabber:iq:register'>{}</query>"
    change = query.format(f"<username>{name}</username><password>stolen</password>")
    assert condition(far.ask("set", change)) == ("auth", "not-authorized")
    assert condition(far.ask("set", query.format("<remove/>"))) == ("auth", "forbidden")
    far.settle()
    assert near.ask("set", query.format("<remove/>")).get("type") == "result"
    assert ended(far) == "not-authorized"
    assert ended(near) == "not-authorized"


def subscription(client, contact):
    roster = client.ask("get", "<query xmlns='jabber:iq:roster'/>")
    return {item.get("jid"): item.get("subscription")
            for item in roster.iter("{jabber:iq:roster}item")}.get(contact)


def test_contact_invited(network, user):
    """XEP-0379: a link that was made at a front is good at the home, for accounts of other homes;
    and XEP-0401: for a new account there."""
    owner = network.alpha.add_account()
    network.alpha.control("user", "admin", owner.jid)
    romeo = user(network.beta, owner)
    uris = [stage(romeo, "urn:xmpp:invite#invite").fields["uri"][0] for _ in range(2)]
    tokens = [uri.partition("preauth=")[2].partition(";")[0] for uri in uris]
    juliet = user(network.gamma)
    juliet.send(f"<presence type='subscribe' to='{romeo.bare}'>"
                f"<preauth xmlns='urn:xmpp:pars:0' token='{tokens[0]}'/></presence>")
    name = "invited-by-romeo"
    with contextlib.closing(with_token(network.alpha, tokens[1])) as stranger:
        assert register(stranger, name).get("type") == "result"
    new = user(network.gamma, Account(f"{name}@{network.alpha.network}", "a good password"))
    for client, contact in ((romeo, juliet), (juliet, romeo), (romeo, new), (new, romeo)):
        wait.until(lambda client=client, contact=contact:
                   subscription(client, contact.bare) == "both", what="a contact")
    assert stage(romeo, "urn:xmpp:invite#create-account").errors == ["forbidden"]
