# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The package on a machine with systemd: installed, set up, running in its sandboxes, restarted,
# reloaded. The long forms are in test_fresh_root.py.

import dataclasses
import glob
import hashlib
import json
import ssl

import pytest

from tests.harness import slix, wait
from tests.harness.smacks import SmStream
from tests.systemd.server import DAEMONS, NETWORK, SECRETS, TLS

# Fixtures included: the first test builds the package and boots.
pytestmark = pytest.mark.seconds(1200)
# What systemd-analyze security may come to, times ten.
EXPOSURE = {"kontalk-router": 10, "kontalk-c2s@1": 16, "kontalk-s2s": 16, "kontalk-net": 16,
            "kontalk-files": 16, "kontalk-muc": 16, "kontalk-migrate": 16}


def session(server, account=None):
    client = SmStream(server, account or server.add_account()).login()
    client.send_presence()
    client.settle()
    return client


def shown_certificate(server):
    """What a new connection with TLS from the beginning is shown."""
    stream = SmStream(server, service="C2S_TLS")
    stream.start_tls(server.ca, NETWORK)
    shown = stream.socket.getpeercert(binary_form=True)
    stream.close()
    return shown


def expected_certificate(server, name):
    chain = server.issue(name)[0].decode()
    return ssl.PEM_cert_to_DER_cert(chain)


def sandbox(path):
    """The lines behind the comment that says so, up to an empty one."""
    lines = open(path, encoding="utf-8").read().split("# The sandbox: the same in every unit")[1]
    return lines.split("\n\n")[0].strip()


def test_one_sandbox():
    units = glob.glob("systemd/*.service")
    assert len(units) > 5 and len({sandbox(unit) for unit in units}) == 1


def test_is_installed_stopped(installed):
    """Nothing runs and nothing is enabled, and all of it is valid."""
    assert set(installed.states.values()) == {("inactive", "disabled")}
    for daemon in ("router", "c2s", "s2s", "net", "files", "muc"):
        installed.machine.run(f"/usr/sbin/kontalk-{daemon}", "--check")
    units = [f"{name}.service" for name in EXPOSURE] + [
        f"kontalk-{name}.socket" for name in ("c2s", "s2s", "net", "files")]
    done = installed.machine.call("systemd-analyze", "verify", "kontalk.target", *units)
    about_us = [line for line in done.stderr.decode().splitlines() if "kontalk" in line]
    assert not about_us


@pytest.mark.parametrize("unit", EXPOSURE)
def test_exposure(installed, unit):
    """Not more than so much is left open (systemd-analyze security)."""
    installed.machine.run("systemd-analyze", "security", f"--threshold={EXPOSURE[unit]}",
                          f"{unit}.service")


def test_users_and_rights(server):
    """Each daemon is somebody else, and secrets are nobody's but root's."""
    machine = server.machine
    users = [machine.run("ps", "-o", "user:20=", "-p", server.property(unit, "MainPID"))
             for unit in DAEMONS]
    assert len(set(users)) == len(DAEMONS) and "root" not in users
    for user in users:
        for path in SECRETS:
            assert machine.call("runuser", "-u", user, "--", "cat", path).returncode != 0
    # Only the worker for clients gets at the database, and not at the shape of it.
    for user in ("kontalk-router", "kontalk-s2s", "kontalk-files"):
        assert machine.call("runuser", "-u", user, "--", "psql", "-d", "kontalk", "-c",
                            "SELECT 1").returncode != 0
    for text in ("DROP TABLE message", "TRUNCATE message", "CREATE TABLE mine (a int)"):
        assert machine.call("runuser", "-u", "kontalk-c2s", "--", "psql", "-d", "kontalk", "-c",
                            text).returncode != 0
    # The socket of a kind of daemon is for that kind.
    for kind in ("c2s", "net", "s2s"):
        assert machine.run("stat", "-c", "%G %a", f"/run/kontalk/router/{kind}.sock") == (
            f"kontalk-{kind} 660")


def test_files_of_others(server):
    """Whoever is a daemon's user reads what is kept for that daemon, even without its sandbox: no
    file of users, no key, no secret of another."""
    machine = server.machine
    own = {"kontalk-files": "/var/lib/kontalk/files/"}
    groups = {"kontalk-c2s", "kontalk-s2s", "kontalk-files"}  # SupplementaryGroups=kontalk-tls
    users = {machine.run("ps", "-o", "user:20=", "-p", server.property(unit, "MainPID"))
             for unit in DAEMONS} | {"kontalk-net", "kontalk", "nobody"}
    secret = set(machine.run(
        "find", "/var/lib/kontalk", "/etc/kontalk/secrets", "/etc/kontalk/tls", "-type",
        "f").splitlines())
    assert set(SECRETS) <= secret and any(path.startswith(own["kontalk-files"]) for path in secret)
    for user in users:
        group = ("-G", "kontalk-tls") if user in groups else ()
        done = machine.call("runuser", "-u", user, *group, "--", "find", "/var/lib/kontalk",
                            "/etc/kontalk", "-type", "f", "-readable")
        found = set(done.stdout.decode().splitlines())
        assert "/etc/kontalk/kontalk.conf" in found, (user, done.stderr)
        mine = {path for path in secret if path.startswith(own.get(user, " ")) or
                path.startswith("/etc/kontalk/tls/") and group}
        assert found & secret == mine, user


def test_slixmpp_talks(server):
    @slix.in_loop
    async def talk():
        one, other = server.add_account(), server.add_account()
        async with slix.connected(server, one) as alice, slix.connected(server, other) as bob:
            bob.send_presence()
            await bob.next("presence")
            alice.send_message(bob.boundjid.bare, "hello", mtype="chat")
            assert (await bob.next("message"))["body"] == "hello"

    with server.machine.network():
        talk()


def refused_login(server, account):
    """The address that it came from."""
    stream = SmStream(server, dataclasses.replace(account, password="wrong"))
    stream.secure()
    with pytest.raises(Exception, match="not-authorized"):
        stream.authenticate()
    address = stream.socket.getsockname()[0]
    stream.close()
    return address


def test_journal_knows_fields(server):
    """A failed login is found by what it was and by whose it was, with the address it came from.
    While the journal cannot keep up a line comes without its fields, so there may be several."""
    account = server.add_account()

    def entries():
        with server.machine.network():
            address = refused_login(server, account)
        return server.machine.run("journalctl", "-o", "json", "XMPP_EVENT=login_failed",
                                  f"XMPP_USER={account.user}", f"XMPP_ADDR={address}")

    found = json.loads(wait.until(entries, 60, "the entry").splitlines()[0])
    assert found["XMPP_CONDITION"] == "not-authorized"
    assert found["SYSLOG_IDENTIFIER"] == "kontalk-c2s" and found["PRIORITY"] == "6"
    assert found["_SYSTEMD_UNIT"] == "kontalk-c2s@1.service"
    assert found["MESSAGE"].startswith("info event=login_failed ")


def test_kontalkctl_finds_all(server):
    said = server.machine.run("kontalkctl", "status")
    assert "not running" not in said
    assert "kontalk-c2s" in server.machine.run("kontalkctl", "ask", "c2s@1", "ping")
    # On the database root is the owner of the tables.
    assert "epoch 1" in server.machine.run("kontalkctl", "home", "show")
    server.add_accounts(2)
    assert f"upload.{NETWORK}" in wait.until(
        lambda: [line for line in server.machine.run("kontalkctl", "ask", "router", "show",
                                                     "routes").splitlines()
                 if "upload" in line], what="the component for files")[0]


@pytest.mark.parametrize("unit", DAEMONS)
def test_each_is_killed(server, unit):
    """Its neighbours stay, it comes back by itself, and so does the session."""
    others = {other: server.property(other, "MainPID") for other in DAEMONS if other != unit}
    with server.machine.network():
        account = server.add_account()
        client = session(server, account)
        client.enable()
        client.send_message(account.jid, "before")
        client.wait_message("before")
        server.kill(unit)
        if unit == "kontalk-c2s@1":
            resumed = SmStream(server, account).authenticated()
            resumed.resume(client)
            client = resumed
        client.send_message(account.jid, "behind")
        client.wait_message("behind")
        client.close()
    assert {other: server.property(other, "MainPID") for other in others} == others


def test_no_connect_is_refused(server):
    """With kontalk-c2s.socket: who comes while there is no worker waits for the next one, of which
    each gets the same socket."""
    machine = server.machine
    account = server.add_account()
    machine.run("systemctl", "stop", "kontalk-c2s@1")
    machine.run("systemctl", "start", "kontalk-c2s.socket")
    try:
        with machine.network():
            session(server, account).close()  # this starts it
            wait.until(lambda: server.is_active("kontalk-c2s@1"), 60, "the worker")
            before = server.property("kontalk-c2s@1", "MainPID")
            machine.run("kill", "-KILL", before)
            session(server, account).close()
            server.wait_other("kontalk-c2s@1", before)
        assert "listen_failed" not in server.journal()
    finally:
        machine.run("systemctl", "stop", "kontalk-c2s.socket", "kontalk-c2s@1")
        machine.run("systemctl", "start", "kontalk-c2s@1")


def test_socket_of_files(server):
    """kontalk-files takes over the socket that systemd has opened for it."""
    machine = server.machine
    machine.run("systemctl", "stop", "kontalk-files")
    machine.run("systemctl", "start", "kontalk-files.socket")
    try:
        machine.run("systemctl", "start", "kontalk-files")
    finally:
        machine.run("systemctl", "stop", "kontalk-files.socket", "kontalk-files")
        machine.run("systemctl", "start", "kontalk-files")


def test_starts_in_any_order(server):
    """The last one that the others need may come last."""
    server.machine.run("systemctl", "stop", "kontalk.target")
    assert not any(server.is_active(unit) for unit in DAEMONS)
    server.machine.run("systemctl", "start", "--no-block", "kontalk-files", "kontalk-s2s",
                       "kontalk-muc")
    server.machine.run("systemctl", "start", "--no-block", "kontalk-c2s@1")
    server.machine.run("systemctl", "start", "kontalk-router")
    wait.until(lambda: all(server.is_active(unit) for unit in DAEMONS), 60, "all units")
    server.start()


def test_certificate_is_swapped(server):
    """A new one is taken by reload while sessions go on; a bad one is refused, loudly."""
    with server.machine.network():
        client = session(server)
        assert server.take_certificate("second").returncode == 0
        assert shown_certificate(server) == expected_certificate(server, "second")
        server.machine.write(f"{TLS}/fullchain.pem", server.issue("third")[0], "640", "kontalk-tls")
        refused = server.machine.call("systemctl", "reload", "kontalk-c2s@1")
        assert refused.returncode != 0
        assert "certificate_refused" in server.journal()
        assert shown_certificate(server) == expected_certificate(server, "second")
        assert server.take_certificate("third").returncode == 0
        assert shown_certificate(server) == expected_certificate(server, "third")
        said = server.machine.run("kontalkctl", "show", "tls")
        assert f"{NETWORK} until " in said
        assert hashlib.sha256(shown_certificate(server)).hexdigest() in said
        client.settle()
        client.close()


def test_configuration_is_reloaded(server):
    machine = server.machine
    pids = [server.property(unit, "MainPID") for unit in DAEMONS]
    machine.write("/etc/kontalk/conf.d/zz.conf", "[node]\nlog-level = loud\n")
    for unit in DAEMONS:
        assert machine.call("systemctl", "reload", unit).returncode != 0
    machine.write("/etc/kontalk/conf.d/zz.conf", "[node]\nlog-level = debug\n")
    for unit in DAEMONS:
        machine.run("systemctl", "reload", unit)
    machine.run("rm", "/etc/kontalk/conf.d/zz.conf")
    machine.run("kontalkctl", "reload")
    assert [server.property(unit, "MainPID") for unit in DAEMONS] == pids


def test_no_secret_is_told(server):
    """In no log, environment or command line."""
    machine = server.machine
    told = server.journal()
    for unit in DAEMONS:
        pid = server.property(unit, "MainPID")
        told += machine.run("sh", "-c", f"tr '\\0' ' ' </proc/{pid}/cmdline;"
                            f"tr '\\0' ' ' </proc/{pid}/environ")
    machine_made = [machine.run("cat", path) for path in SECRETS]
    assert "event=service_ready" in told
    for secret in [*server.passwords, *machine_made]:
        assert len(secret) > 10 and secret not in told


def test_backup_and_restore(server):
    """With the rights of the package: root is the owners of the tables, and what is put back
    belongs to whom it belonged to."""
    machine = server.machine
    account = server.add_account()
    owners = "cd /etc/kontalk && find . ! -name '*.before-restore' -printf '%p %u %g %m\\n' | sort"
    before = machine.run("sh", "-c", owners)
    machine.run("kontalkctl", "backup", "/root/backup")
    machine.run("systemctl", "stop", "kontalk.target", "kontalk-files", "kontalk-muc")
    machine.run("runuser", "-u", "postgres", "--", "dropdb", "kontalk")
    machine.run("sh", "-c", "rm -rf /var/lib/kontalk/files /etc/kontalk/conf.d/* "
                "/etc/kontalk/secrets/*/* /etc/kontalk/tls/*")
    machine.run("/usr/lib/kontalk/kontalk-database")
    machine.run("kontalkctl", "restore", "/root/backup")
    assert machine.run("sh", "-c", owners) == before
    server.start()
    with machine.network():
        session(server, account).close()
    wait.until(lambda: all(server.is_active(unit) for unit in DAEMONS), 60, "all units")


def test_removed_and_purged(server):
    """The last one: behind it nothing is left but what the administrator has to decide about."""
    machine = server.machine
    machine.run("dpkg", "--remove", "kontalk", seconds=300)
    assert not machine.run("sh", "-c", "ps -eo comm= | grep ^kontalk || :")
    assert machine.run("cat", "/etc/kontalk/kontalk.conf")
    said = machine.call("dpkg", "--purge", "kontalk", seconds=300)
    assert said.returncode == 0 and b"dropdb kontalk" in said.stdout + said.stderr
    left = machine.run("sh", "-c", "find /etc /usr /lib/systemd /var/lib -name '*kontalk*' "
                       "-not -path '/var/lib/dpkg/*' -not -path '/usr/local/*'").splitlines()
    assert not [path for path in left if "/etc/kontalk" not in path], left
