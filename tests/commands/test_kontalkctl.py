# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl: accounts with c2s up and down, bulk import, asking the daemons.

import hashlib
import json
import os
import re
import socket
import ssl
import subprocess

import pytest

from tests.harness import wait
from tests.harness.node import Account
from tests.node import place
from tests.node.client import Closed
from tests.node.postgres import DATABASE

NEW = "newpassword"
UP_AND_DOWN = pytest.mark.parametrize("up", [True, False], ids=["up", "down"])


@pytest.fixture
def while_c2s_is(node):
    """while_c2s_is(up)(what): does it with c2s running, or not; afterwards it runs again."""
    def choose(up):
        def run(what):
            if up:
                return what()
            node.daemon("c2s").stop()
            try:
                return what()
            finally:
                node.daemon("c2s").start()
        return run
    return choose


def can_login(raw, account):
    stream = raw(account)
    stream.secure()
    try:
        stream.authenticate()
    except AssertionError as problem:
        assert "not-authorized" in str(problem)
        return False
    return True


def assert_refused(done, text=""):
    assert done.returncode == 1
    assert done.stderr and text in done.stderr
    assert not done.stdout


@UP_AND_DOWN
def test_add(ctl, raw, while_c2s_is, up, node):
    jid = f"added-{up}@{node.network}".lower()
    done = while_c2s_is(up)(lambda: ctl("user", "add", jid, password=NEW + "\n"))
    assert done.returncode == 0, done.stderr
    assert can_login(raw, Account(jid, NEW))


@UP_AND_DOWN
def test_add_twice(ctl, raw, account, while_c2s_is, up):
    owner = account()
    done = while_c2s_is(up)(lambda: ctl("user", "add", owner.jid, password=NEW + "\n"))
    assert_refused(done, "exist")
    assert can_login(raw, owner)


@UP_AND_DOWN
@pytest.mark.parametrize("jid", [
    "example.test", "a@b@example.test", "user@example.test/resource", "user@example.org",
    "Upper@example.test", "\ufb01sh@example.test",  # preparing would change the name
    "\u2603@example.test",  # legal in an address, but no name by RFC 8265
])
def test_add_what_cannot_be(ctl, while_c2s_is, up, jid):
    done = while_c2s_is(up)(lambda: ctl("user", "add", jid, password=NEW + "\n"))
    assert_refused(done)


@UP_AND_DOWN
@pytest.mark.parametrize("password", ["", "\n", "a\x07b\n"], ids=["none", "empty", "control"])
def test_passwords_that_cannot_be(ctl, raw, account, while_c2s_is, up, password):
    owner = account()
    done = while_c2s_is(up)(lambda: ctl("user", "passwd", owner.jid, password=password))
    assert_refused(done)
    assert can_login(raw, owner)


@UP_AND_DOWN
def test_passwd(ctl, raw, account, while_c2s_is, up):
    owner = account()
    done = while_c2s_is(up)(lambda: ctl("user", "passwd", owner.jid, password=NEW + "\n"))
    assert done.returncode == 0, done.stderr
    assert not can_login(raw, owner)
    assert can_login(raw, Account(owner.jid, NEW))


def test_passwd_ends_sessions(ctl, login, account):
    owner = account()
    client = login(owner)
    assert ctl("user", "passwd", owner.jid, password=NEW + "\n").returncode == 0
    with pytest.raises(Closed):
        client.wait_for(lambda element: False)


@UP_AND_DOWN
def test_del(ctl, raw, account, while_c2s_is, up):
    owner = account()
    done = while_c2s_is(up)(lambda: ctl("user", "del", owner.jid))
    assert done.returncode == 0, done.stderr
    assert not can_login(raw, owner)


# A value of each type that the tables have.
SOME = {"text": "'x'", "bigint": "1", "integer": "1", "bytea": "'x'", "boolean": "false",
        "timestamp with time zone": "now()"}


def fill_row(node, table, owner):
    """A row of this owner in the table, whatever it means."""
    columns = [line.split("|") for line in node.postgres.query(DATABASE, (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = "
        f"'public' AND table_name = '{table}' AND is_nullable = 'NO' AND column_name <> 'owner'"
    )).splitlines()]
    names = ", ".join(["owner", *(name for name, _ in columns)])
    values = ", ".join([owner, *(SOME[kind] for _, kind in columns)])
    node.postgres.query(DATABASE, f"INSERT INTO {table} ({names}) VALUES ({values})"
                        " ON CONFLICT DO NOTHING")


def test_del_leaves_nothing(ctl, account, node, while_c2s_is):
    """Not a row in any table that has owners, but of the outbox: what was acknowledged goes out,
    the end of subscriptions too (docs/DURABILITY.md)."""
    owner = account()
    tables = node.postgres.query(DATABASE, (
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'owner' AND table_name <> 'outbox'"
    )).split()
    number = node.postgres.query(
        DATABASE, f"SELECT owner FROM account WHERE local = '{owner.user}'")

    def rows():
        return [table for table in tables if node.postgres.query(
            DATABASE, f"SELECT 1 FROM {table} WHERE owner = {number}")]

    def delete():
        for table in tables:
            fill_row(node, table, number)
        assert rows() == tables and len(tables) > 15
        return ctl("user", "del", owner.jid)

    assert while_c2s_is(False)(delete).returncode == 0
    assert rows() == []


def test_del_ends_sessions(ctl, login, account):
    owner = account()
    client = login(owner)
    assert ctl("user", "del", owner.jid).returncode == 0
    with pytest.raises(Closed):
        client.wait_for(lambda element: False)


def test_session_end(ctl, login, account):
    """All of an account, or one; what waits for its client too; it may log in again."""
    owner = account()
    one, two = login(owner, resource="one"), login(owner, resource="two")
    done = ctl("session", "end", one.full)
    assert (done.returncode, done.stdout) == (0, "1 ended\n")
    with pytest.raises(Closed):
        one.wait_for(lambda element: False)
    two.settle()
    login(owner, resource="one")
    assert ctl("session", "end", owner.jid).stdout == "2 ended\n"
    with pytest.raises(Closed):
        two.wait_for(lambda element: False)
    assert_refused(ctl("session", "end", owner.jid), "no session")
    assert_refused(ctl("session", "end", "nobody"), "not the address")


def test_show_tells_of_push(ctl, login, account):
    """Which services notify the clients of an account (XEP-0357)."""
    owner = account()
    client = login(owner)

    def pushes():
        lines = ctl("user", "show", owner.jid).stdout.splitlines()
        said = next(line for line in lines if line.startswith("push "))
        return [each.partition(" since 20")[0] for each in said[5:].split(", ")]

    assert pushes() == ["no"]
    for service in ("app.example", "me@other.example"):
        client.ask("set", f"<enable xmlns='urn:xmpp:push:0' jid='{service}' node='n'/>")
    assert pushes() == ["app.example", "me@other.example"]
    client.ask("set", "<disable xmlns='urn:xmpp:push:0' jid='app.example'/>")
    assert pushes() == ["me@other.example"]


@UP_AND_DOWN
@pytest.mark.parametrize("verb", ["passwd", "del"])
def test_unknown_account(ctl, node, while_c2s_is, up, verb):
    done = while_c2s_is(up)(
        lambda: ctl("user", verb, f"nobody@{node.network}", password=NEW + "\n"))
    assert_refused(done)


def test_list(ctl, account, node):
    jids = [account().jid for _ in range(3)]
    done = ctl("user", "list")
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert set(jids) <= set(listed) and len(listed) == len(set(listed))
    assert ctl("user", "list", node.network).stdout == done.stdout
    assert not ctl("user", "list", "example.org").stdout


def test_admin(ctl, account):
    owner = account()
    before = ctl("user", "list").stdout
    assert ctl("user", "admin", owner.jid).returncode == 0
    after = ctl("user", "list").stdout
    changed = set(after.splitlines()) - set(before.splitlines())
    assert len(changed) == 1 and owner.jid in changed.pop()
    assert ctl("user", "admin", owner.jid, "no").returncode == 0
    assert ctl("user", "list").stdout == before


@pytest.mark.parametrize("words", [("user", "list"), ("user", "admin", "alice@example.test")])
def test_needs_c2s(ctl, while_c2s_is, words):
    assert_refused(while_c2s_is(False)(lambda: ctl(*words)), "kontalk-c2s is not running")


def write_import(node, lines):
    path = f"{node.place.run}/import"
    place.write(path, lines)
    return path


@UP_AND_DOWN
def test_import(ctl, raw, node, while_c2s_is, up):
    """More than one block, of which each is a transaction."""
    accounts = [Account(f"import-{up}-{n}@{node.network}".lower(), f"password {n}")
                for n in range(600)]
    path = write_import(node, "".join(f"{a.jid}\t{a.password}\n" for a in accounts))
    done = while_c2s_is(up)(lambda: ctl("user", "import", path))
    assert done.returncode == 0, done.stderr
    for account in (accounts[0], accounts[-1]):
        assert can_login(raw, account)


def test_import_of_who_was_asked_for(ctl, login, node):
    """c2s looks anew whether there is such an account."""
    owner = Account(f"expected@{node.network}", NEW)
    friend = login()
    friend.send_message(owner.jid, "too early")
    assert friend.wait_message("too early").get("type") == "error"
    assert ctl("user", "import", write_import(node, f"{owner.jid}\t{NEW}\n")).returncode == 0
    login(owner)


def test_import_tells_each_bad_line(ctl, raw, account, node):
    there = account()
    path = write_import(node, f"good@{node.network}\tpassword\nno tab\n\na@example.org\tx\n"
                              f"{there.jid}\tother\nempty@{node.network}\t\n")
    done = ctl("user", "import", path)
    assert done.returncode == 1
    for line in (2, 4, 5, 6):
        assert f":{line}:" in done.stderr or f"line {line}" in done.stderr, done.stderr
    assert can_login(raw, Account(f"good@{node.network}", "password"))
    assert can_login(raw, there)


def test_import_of_no_file(ctl):
    assert_refused(ctl("user", "import", "/nonexistent"), "/nonexistent")


def test_status(ctl, while_c2s_is):
    assert ctl("status").returncode == 0
    done = while_c2s_is(False)(lambda: ctl("status"))
    assert done.returncode == 1
    assert "kontalk-c2s is not running" in done.stdout
    assert "kontalk-router is not running" not in done.stdout


def test_migrate_again(ctl):
    """What is up to date stays so."""
    assert ctl("db", "migrate").returncode == 0


def test_reload(ctl, node):
    for name in ("router", "c2s"):
        node.daemon(name).mark_log()
    assert ctl("reload").returncode == 0
    for name in ("router", "c2s"):
        node.daemon(name).wait_log("event=config_reloaded")


def test_reload_of_a_broken_configuration(ctl, node, login):
    """The old one stays in force."""
    good = place.read(node.place.configuration)
    place.write(node.place.configuration, good + "\n[c2s]\nnonsense = 1\n")
    try:
        done = ctl("ask", "c2s", "reload")
        assert done.returncode == 1
        assert "nonsense" in done.stderr
    finally:
        place.write(node.place.configuration, good)
    login()


def test_log_level(ctl, node, login):
    c2s = node.daemon("c2s")
    assert ctl("ask", "c2s", "log-level", "debug").returncode == 0
    c2s.mark_log()
    login()
    c2s.wait_log("^debug ")
    assert ctl("ask", "c2s", "log-level", "info").returncode == 0


@pytest.mark.parametrize("words", [(), ("user",), ("user", "add"), ("user", "add", "a@b", "c"),
                                   ("frobnicate",), ("ask", "nobody", "ping")])
def test_usage(ctl, words):
    done = ctl(*words)
    assert done.returncode != 0 and done.stderr


def test_usage_of_what_is_begun(ctl):
    """Not of everything that there is."""
    for words, lines in ((("room",), 5), (("user", "del"), 1), (("frobnicate",), 1)):
        done = ctl(*words)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == lines, done.stderr


def test_configuration_that_is_not_there(node):
    done = subprocess.run([node.place.program("kontalkctl"), "-c", "/nonexistent", "status"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "/nonexistent" in done.stderr


def test_control_sockets_are_private(node):
    for name in ("kontalk-router", "kontalk-c2s"):
        path = node.place.short(f"{name}.ctl")
        assert os.stat(path).st_mode & 0o007 == 0


def test_password_is_not_in_the_arguments(node, ctl, account, monkeypatch):
    """It waits on standard input, where ps(1) does not see it."""
    owner = account()
    command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "user", "passwd",
               owner.jid]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        wait.until(lambda: "passwd" in place.read(f"/proc/{process.pid}/cmdline"))
        process.stdin.write(NEW.encode() + b"\n")
        process.stdin.close()
        assert NEW not in place.read(f"/proc/{process.pid}/cmdline")
        assert process.wait(20) == 0


@pytest.mark.parametrize("verb", ["add", "passwd"])
def test_no_password_in_an_argument(ctl, raw, account, verb):
    owner = account()
    done = ctl("ask", "c2s", "user", verb, owner.jid, NEW)
    assert_refused(done, "no password in an argument")
    assert can_login(raw, owner)


def levels(ctl):
    """{(category, level): (met, features that are missing)}"""
    done = ctl("check", "features", "--json")
    assert done.returncode == 0, done.stderr
    return {(row["category"], row["level"]):
            (row["met"], [missing["feature"] for missing in row["missing"]])
            for row in json.loads(done.stdout)}


def test_check_features(ctl):
    found = levels(ctl)
    assert len(found) == 10
    assert found["Core", "server"] == (True, [])
    assert found["IM", "server"] == (False, ["Group chat", "File upload"])
    for (category, level), (met, missing) in found.items():
        assert not (met and missing), (category, level)
    table = ctl("check", "features").stdout
    assert "Core    server    met\n" in table
    assert "IM      server    not met: Group chat (XEP-0045, XEP-0249); File upload" in table


def test_check_features_wants_the_daemons(ctl, while_c2s_is):
    assert_refused(while_c2s_is(False)(lambda: ctl("check", "features")),
                   "kontalk-c2s is not running")


def test_show_tls(ctl, node):
    """What is in memory, by its fingerprint."""
    said = ctl("show", "tls").stdout
    pem = place.read(f"{node.place.tls}/{node.network}.pem")
    certificate = ssl.PEM_cert_to_DER_cert(pem)
    assert f"{node.network} until 20" in said
    assert hashlib.sha256(certificate).hexdigest() in said


def test_import_from_a_pipe(ctl, node, raw):
    """Not a byte of it is lost by looking what it is."""
    jid = f"piped@{node.network}"
    done = ctl("user", "import", "/dev/stdin", password=f"{jid}\t{NEW}\n")
    assert done.returncode == 0, done.stderr
    assert can_login(raw, Account(jid, NEW))


def test_output_that_is_lost(node):
    """Whoever reads it would take what is missing for all there is."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([node.place.program("kontalkctl"), "-c", node.place.configuration,
                               "status"], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    assert done.returncode == 1 and "standard output: No space left on device" in done.stderr


@pytest.fixture
def forbidden(node, tmp_path):
    """run(words): kontalkctl where it may not ask the daemon that runs, as what its user may do
    has to say, though that is root."""
    directory = tmp_path / "run"
    directory.mkdir()
    place.write(f"{tmp_path}/kontalk.conf",
                re.sub("^run-directory = .*", f'run-directory = "{directory}"',
                       place.read(node.place.configuration), flags=re.MULTILINE))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(directory / "kontalk-c2s.ctl"))
    listening.listen()
    os.chmod(directory / "kontalk-c2s.ctl", 0)
    limited = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]

    def run(*words):
        command = [node.place.program("kontalkctl"), "-c", str(tmp_path / "kontalk.conf"), *words]
        return subprocess.run((limited if os.geteuid() == 0 else []) + command, text=True,
                              capture_output=True, timeout=60, check=False, input="a password\n")
    yield run
    listening.close()


@pytest.mark.parametrize("words", [["status"], ["user", "add", "not-behind@example.test"],
                                   ["trace", "a@example.test"], ["show", "sessions"]])
def test_what_may_not_be_asked_is_not_down(forbidden, words):
    """So nothing is done behind its back either."""
    done = forbidden(*words)
    assert done.returncode == 1 and "kontalk-c2s.ctl: Permission denied" in done.stderr, done
