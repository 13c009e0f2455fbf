# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Accounts and new passwords for those who have an invitation (XEP-0445, XEP-0077 §3.1).

import contextlib
import itertools
import json
import re
import subprocess

import pytest

from tests.harness import wait
from tests.harness.archive import condition
from tests.harness.node import SOURCES, Account
from tests.harness.stream import RawStream
from tests.node.client import Closed

REGISTER = "jabber:iq:register"
PARS = "urn:xmpp:pars:0"
FEATURES = ("{urn:xmpp:ibr-token:0}register", "{http://jabber.org/features/iq-register}register")
NAMES = (f"invited{n}" for n in itertools.count(1))
PASSWORD = "a good password"


@pytest.fixture
def invite(ctl, node):
    """invite("--uses", "2"): the token of a new invitation."""
    def make(*words, verb="create"):
        done = ctl("invite", *([verb] if verb else []), *words)
        assert done.returncode == 0, done.stderr
        found = re.fullmatch(r"xmpp:(.*)\?register;preauth=([0-9a-f]{32})\n", done.stdout)
        assert found, done.stdout
        make.address = found[1]
        make.id = re.match(r"invitation ([0-9a-f]{8}), good until ", done.stderr)[1]
        return found[2]
    return make


def ended(client, payload=None):
    """The stream error by which it ends."""
    if payload:
        client.send(f"<iq type='set' id='last'>{payload}</iq>")
    with pytest.raises(Closed) as closed:
        while True:
            client.receive()
    return closed.value.condition


@pytest.fixture
def stranger(raw):
    def connect(**options):
        stream = raw(**options)
        stream.secure()
        return stream
    return connect


def preauth(client, token):
    return client.ask("set", f"<preauth xmlns='{PARS}' token='{token}'/>", to=client.domain)


def form(name, password=PASSWORD):
    return (f"<query xmlns='{REGISTER}'><username>{name}</username>"
            f"<password>{password}</password></query>")


def register(client, name, password=PASSWORD):
    return client.ask("set", form(name, password))


def accepted(answer):
    assert answer.get("type") == "result", condition(answer)


def test_features(raw):
    """§3: behind TLS, and before authentication."""
    stream = raw()
    stream.begin()
    assert not [tag for tag in FEATURES if stream.features.find(tag) is not None]
    stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    stream.expect("{urn:ietf:params:xml:ns:xmpp-tls}proceed")
    stream.start_tls(stream.authority, stream.domain)
    stream.begin()
    assert all(stream.features.find(tag) is not None for tag in FEATURES)


def test_not_when_logged_in(login):
    assert not [tag for tag in FEATURES if login().features.find(tag) is not None]


def test_account(stranger, login, invite, node):
    """§4: the token, the form, the account; on the same stream it logs in."""
    name = next(NAMES)
    token = invite(verb=None)
    assert invite.address == node.network
    client = stranger()
    accepted(preauth(client, token))
    asked = client.ask("get", f"<query xmlns='{REGISTER}'/>").find(f"{{{REGISTER}}}query")
    assert asked.findtext(f"{{{REGISTER}}}username") == ""
    assert asked.find(f"{{{REGISTER}}}password") is not None
    accepted(register(client, name))
    client.user, client.password = name, PASSWORD
    client.authenticate()
    client.bind()
    client.settle()
    assert condition(preauth(stranger(), token)) == ("cancel", "item-not-found")


def test_without_a_token(stranger, node):
    """Registration is off: nobody gets a form, or an account."""
    client, name = stranger(), next(NAMES)
    answer = client.ask("get", f"<query xmlns='{REGISTER}'/>")
    assert condition(answer) == ("cancel", "not-allowed")
    assert answer.find(f"{{{REGISTER}}}query") is None
    assert ended(client, form(name)) == "not-authorized"
    assert f"{name}@{node.network}" not in node.control("user", "list").splitlines()


def test_in_the_clear(raw, invite):
    """§3"""
    stream = raw()
    stream.begin()
    assert ended(stream, f"<preauth xmlns='{PARS}' token='{invite()}'/>") == "not-authorized"


def test_wrong_token(stranger, node, invite):
    """It counts as a failed login, and a line in the log names the address."""
    client, token = stranger(), invite()
    node.daemon("c2s").mark_log()
    address, tries = client.socket.getsockname()[0], 0
    with pytest.raises(Closed):
        while True:
            answer = preauth(client, "0" * 32)
            assert condition(answer) == ("cancel", "item-not-found")
            assert answer.find(f"{{{PARS}}}preauth") is None
            tries += 1
    assert tries == 3
    node.daemon("c2s").wait_log(f"invitation_failed .*addr={re.escape(address)}")
    assert token not in node.daemon("c2s").log()


def test_fixed_name(stranger, invite, node, ctl):
    """XEP-0445 §5: the name is reserved for who has the invitation."""
    name = next(NAMES)
    token, other = invite("--name", f"{name}@{node.network}"), invite()
    client = stranger()
    accepted(preauth(client, other))
    assert condition(register(client, name)) == ("cancel", "conflict")
    again = ctl("invite", "create", "--name", f"{name}@{node.network}")
    assert again.returncode == 1 and "another invitation" in again.stderr
    accepted(preauth(client, token))
    asked = client.ask("get", f"<query xmlns='{REGISTER}'/>").find(f"{{{REGISTER}}}query")
    assert asked.findtext(f"{{{REGISTER}}}username") == name
    assert condition(register(client, f"{name}x")) == ("modify", "not-acceptable")
    accepted(register(client, name))
    client = stranger()
    accepted(preauth(client, other))
    accepted(register(client, next(NAMES)))


def test_what_is_refused(stranger, invite, account):
    """An invitation is used only when there is an account."""
    client, name = stranger(), next(NAMES)
    accepted(preauth(client, invite()))
    taken = account().user
    for asked, expected in ((form(taken), ("cancel", "conflict")),
                            (form(name, ""), ("modify", "not-acceptable")),
                            (form(name, "a\ue000"), ("modify", "not-acceptable")),
                            (form(""), ("modify", "not-acceptable")),
                            (form("a b"), ("modify", "jid-malformed")),
                            (form(name.upper()), ("modify", "not-acceptable"))):
        answer = client.ask("set", asked)
        assert condition(answer) == expected
        assert answer.find(f"{{{REGISTER}}}query") is None
    accepted(register(client, name))
    assert condition(register(client, next(NAMES))) == ("cancel", "not-allowed")


def test_two_at_once(stranger, invite, node):
    """Of several who use one invitation at the same moment one gets an account."""
    token = invite()
    clients = [stranger() for _ in range(4)]
    for client in clients:
        accepted(preauth(client, token))
    names = [next(NAMES) for _ in clients]
    for client, name in zip(clients, names):
        client.send(f"<iq type='set' id='r'>{form(name)}</iq>")
    answers = [client.wait_for(lambda e: e.get("id") == "r") for client in clients]
    assert sorted(answer.get("type") for answer in answers) == ["error"] * 3 + ["result"]
    listed = node.control("user", "list").splitlines()
    assert len([name for name in names if f"{name}@{node.network}" in listed]) == 1


def test_several_uses(stranger, invite):
    token = invite("--uses", "2")
    for _ in range(2):
        client = stranger()
        accepted(preauth(client, token))
        accepted(register(client, next(NAMES)))
    assert condition(preauth(stranger(), token)) == ("cancel", "item-not-found")


def test_expiry(stranger, invite, node):
    """§4: it counts only when the token is shown."""
    token = invite("--expires", "1h")
    client = stranger()
    accepted(preauth(client, token))
    node.postgres.query("kontalk", "UPDATE invitation SET expires = now() WHERE"
                        f" invitation_id = '{invite.id}'")
    assert condition(preauth(stranger(), token)) == ("cancel", "item-not-found")
    accepted(register(client, next(NAMES)))


def test_revoked(stranger, invite, ctl):
    token = invite()
    assert f"{invite.id} account " in ctl("invite", "list").stdout
    client = stranger()
    accepted(preauth(client, token))
    assert ctl("invite", "revoke", invite.id).returncode == 0
    assert invite.id not in ctl("invite", "list").stdout
    assert condition(register(client, next(NAMES))) == ("cancel", "not-allowed")
    assert condition(preauth(stranger(), token)) == ("cancel", "item-not-found")
    again = ctl("invite", "revoke", invite.id)
    assert again.returncode == 1 and "no such invitation" in again.stderr


def test_administrator(stranger, invite, node):
    name = next(NAMES)
    client = stranger()
    accepted(preauth(client, invite("--admin")))
    accepted(register(client, name))
    assert f"{name}@{node.network} admin" in node.control("user", "list").splitlines()


def test_reset(stranger, invite, login, account, ctl):
    """A new password for an account that is there; its sessions end."""
    owner = account()
    old = login(owner)
    token = invite(owner.jid, verb="reset")
    assert invite.address == owner.jid
    client = stranger()
    accepted(preauth(client, token))
    accepted(register(client, owner.user, "another pass"))
    assert ended(old) == "not-authorized"
    login(Account(owner.jid, "another pass")).settle()
    nobody = ctl("invite", "reset", "not" + owner.jid)
    assert nobody.returncode == 1 and "no such account" in nobody.stderr


def test_abandoned(stranger, invite, node):
    """The client goes while its account is made: the account stays, the invitation is used."""
    token, name = invite(), next(NAMES)
    client = stranger()
    accepted(preauth(client, token))
    client.send(f"<iq type='set' id='r'>{form(name)}</iq>")
    client.close()
    wait.until(lambda: node.control("user", "list").find(f"{name}@") >= 0)
    wait.until(lambda: preauth(stranger(), token).get("type") == "error")


@pytest.mark.parametrize("words, text", (
    (("create", "--uses", "0"), "number of uses"),
    (("create", "--uses", "many"), "number of uses"),
    (("create", "--expires", "7"), "duration"),
    (("create", "--domain", "elsewhere.test"), "not served"),
    (("create", "--colour", "red"), "no option"),
    (("create", "--uses"), "needs a value"),
    (("reset", "a@elsewhere.test"), "not served"),
    (("reset", "a@elsewhere.test", "--admin"), "no option")))
def test_commands_refused(ctl, words, text):
    done = ctl("invite", *words)
    assert done.returncode == 1 and text in done.stderr and not done.stdout


def test_qr(ctl):
    """Each line has two rows of modules; the frame is light, the corner of the finder dark."""
    done = ctl("invite", "--qr")
    link, *lines = done.stdout.splitlines()
    assert link.startswith("xmpp:")
    assert len({len(line) for line in lines}) == 1 and set("".join(lines)) <= set("█▀▄ ")
    assert set(lines[0]) == {"█"}
    assert lines[1].startswith("██ ▄▄▄▄▄ █")


def test_time_to_choose(make_node):
    """Who has shown an invitation may take longer than others to log in."""
    node = make_node(settings={"c2s": {"unauthenticated-timeout": "4s"}})
    command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "invite"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    with contextlib.closing(RawStream(node, source=next(SOURCES))) as invited:
        invited.secure()
        accepted(preauth(invited, done.stdout.strip().partition("preauth=")[2]))
        with contextlib.closing(RawStream(node, source=next(SOURCES))) as other:
            other.secure()
            assert ended(other) == "connection-timeout"
        accepted(register(invited, "late"))


def test_json(ctl, node):
    """What scripts read: the link when it is made, and all that are open."""
    name = f"{next(NAMES)}@{node.network}"
    done = ctl("invite", "create", "--name", name, "--admin", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    link = r"xmpp:" + re.escape(name) + r"\?register;preauth=[0-9a-f]{32}"
    assert re.fullmatch(link, made["uri"])
    rows = {row["invitation"]: row for row in json.loads(ctl("invite", "list", "--json").stdout)}
    row = rows[made["invitation"]]
    assert (row["kind"], row["address"], row["admin"], row["uses"], row["expires"]) == \
        ("account", name, True, 1, made["expires"])
    assert row["by"] and ctl("invite", "revoke", made["invitation"]).returncode == 0
    assert made["invitation"] not in ctl("invite", "list", "--json").stdout
