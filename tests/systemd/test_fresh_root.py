# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The long forms of make check-systemd, in a fresh small Debian: from nothing to the first message,
# certificates swapped and the server upgraded while many clients talk. What they measure goes into
# the file figures beside the root.

import os
import re
import secrets
import shutil
import subprocess
import time

import pytest

from tests.files import upload
from tests.harness import wait
from tests.harness.node import Account
from tests.muc.rooms import Room
from tests.systemd import document
from tests.systemd import root as roots
from tests.systemd.conftest import booted
from tests.systemd.server import DAEMONS, NETWORK, TLS, Server, build
from tests.systemd.talkers import Talker, talk_while
from tests.systemd.test_boot import EXPOSURE, expected_certificate, session, shown_certificate

pytestmark = [pytest.mark.long, pytest.mark.seconds(1800)]
WORKING = f"{os.environ.get('BUILD', 'build')}/systemd"
FIGURES = f"{WORKING}/figures"
CLIENTS = int(os.environ.get("CLIENTS", "1000"))
SWAPS = 50
NEXT = "0.1+next"
PASSWORD = secrets.token_urlsafe(12)
# A step as a release would add one.
STEP = '    {.sql = "ALTER TABLE account ADD COLUMN IF NOT EXISTS of_the_next text"},\n'


def note(text):
    with open(FIGURES, "a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@pytest.fixture(scope="module")
def fresh(package, tmp_path_factory):
    """Made by the commands of docs/INSTALL.md."""
    try:
        root = roots.make(WORKING, package)
    except (roots.Unavailable, subprocess.TimeoutExpired) as problem:
        pytest.skip(f"no fresh Debian: {problem}")
    machine = booted(root)
    server = Server(machine, str(tmp_path_factory.mktemp("authority")))
    server.put_certificate("first")
    server.begun = time.monotonic()
    server.typed, server.found = document.follow(machine, package, PASSWORD)
    server.lift_limits()
    machine.run("kontalkctl", "reload")
    yield server
    machine.end()


@pytest.fixture(scope="module")
def next_package(package):
    """Of the same tree, with a higher version and one more step of the tables."""
    tree = f"{WORKING}/next"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    for name in os.listdir("."):
        if os.path.isdir(name) and not name.startswith(".") and name not in ("build", "run"):
            shutil.copytree(name, f"{tree}/{name}", symlinks=True)
        elif os.path.isfile(name):
            shutil.copy2(name, f"{tree}/{name}")
    # What is compiled already is as good there, but for what changes.
    shutil.copytree(os.environ.get("BUILD", "build") + "/obj", f"{tree}/build/obj",
                    copy_function=shutil.copy2)
    steps = f"{tree}/c2s/schema_steps.c"
    text = open(steps, encoding="utf-8").read()
    with open(steps, "w", encoding="utf-8") as file:
        file.write(text.replace("};\n\nconst size_t schema", f"{STEP}}};\n\nconst size_t schema"))
    return build(tree, NEXT, BUILD="build", BIN="build", OBJ="build/obj")


def named(name):
    return Account(f"{name}@{NETWORK}", PASSWORD)


def test_first_message(fresh):
    """Behind the commands of docs/INSTALL.md two people talk, in a room too, and share a file."""
    with fresh.machine.network():
        alice, bob = (session(fresh, named(name)) for name in ("alice", "bob"))
        alice.send_message(bob.bare, "first")
        bob.wait_message("first")
        note(f"from a fresh root with the package to the first message: {fresh.typed} commands, "
             f"{time.monotonic() - fresh.begun:.0f} s")
        room = Room(fresh, lambda: session(fresh, named("alice")), "all")
        room.say(room.owner, "in the room")
        room.hears(room.owner, "in the room")
        slot = upload.slot(alice, fresh)
        assert slot.put.startswith(f"https://upload.{NETWORK}:5443/")
        assert upload.put(fresh, slot).status == 201
        assert upload.get(fresh, slot).body == upload.CONTENT
        for client in (alice, bob, room.owner):
            client.close()


def test_findings(fresh):
    """What `kontalkctl check` calls an error is that this machine has no DNS."""
    errors = re.findall(r"^error +(\w+) ", fresh.found, re.MULTILINE)
    assert set(errors) == {"dns", "upload"}, fresh.found


@pytest.mark.parametrize("unit", EXPOSURE)
def test_exposure(fresh, unit):
    said = fresh.machine.run("systemd-analyze", "security", f"--threshold={EXPOSURE[unit]}",
                             f"{unit}.service")
    note(re.search(r"Overall exposure level.*?: [\d.]+", said)[0])


def test_package_is_clean(package):
    done = subprocess.run(["lintian", "--fail-on", "error,warning", package],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_certificates_are_swapped_under_load(fresh):
    """Many times, and no session is lost: nobody even has to resume."""
    def swap():
        for number in range(SWAPS):
            assert fresh.take_certificate(f"swap-{number}").returncode == 0
            assert shown_certificate(fresh) == expected_certificate(fresh, f"swap-{number}")

    with fresh.machine.network():
        talkers = [Talker(fresh, fresh.add_account()) for _ in range(20)]
        talk_while(talkers, swap)
        assert sum(talker.resumed for talker in talkers) == 0
        fresh.machine.write(f"{TLS}/fullchain.pem", "no certificate", "640", "kontalk-tls")
        assert fresh.machine.call("kontalkctl", "reload").returncode != 0
        assert shown_certificate(fresh) == expected_certificate(fresh, f"swap-{SWAPS - 1}")
        assert fresh.take_certificate("behind").returncode == 0
        for talker in talkers:
            talker.stream.close()


@pytest.mark.parametrize("unit", DAEMONS)
def test_watchdog(fresh, unit):
    """A daemon that hangs is killed, and there is another one."""
    before = fresh.property(unit, "MainPID")
    fresh.machine.run("kill", "-STOP", before)
    fresh.wait_other(unit, before, 90)
    assert "watchdog" in fresh.machine.run("journalctl", "-u", unit, "--no-pager").lower()


def test_upgrade_under_load(fresh, next_package):
    """Nothing that was acknowledged is lost, every session is resumed, and with the sockets of
    systemd nobody finds the port closed."""
    fresh.machine.run("systemctl", "stop", "kontalk-c2s@1")
    fresh.machine.run("systemctl", "enable", "--now", "kontalk-c2s.socket")
    fresh.machine.run("systemctl", "start", "kontalk-c2s@1")
    with fresh.machine.network():
        accounts = fresh.add_accounts(CLIENTS)
        talkers = [Talker(fresh, account) for account in accounts]
        here = time.process_time()
        talk_while(talkers, lambda: fresh.install_with_apt(next_package))
        here = time.process_time() - here
        worker = fresh.machine.run("ps", "-o", "cputimes=", "-p",
                                   fresh.property("kontalk-c2s@1", "MainPID"))
        said = sum(len(talker.sent) for talker in talkers)
        assert all(talker.resumed > 0 for talker in talkers)
        assert sum(talker.refused for talker in talkers) == 0
        for talker in talkers:
            talker.stream.close()
    assert NEXT in fresh.machine.run("kontalkctl", "ask", "c2s@1", "ping")
    assert "of_the_next" in fresh.machine.run(
        "runuser", "-u", "kontalk", "--", "psql", "-XAtd", "kontalk", "-c", r"\d account")
    told = fresh.machine.run("journalctl", "-u", "kontalk-*", "-o", "short-monotonic", "--no-pager",
                             "-g", "event=service_(stopping|stopped|ready)")
    note(told)
    note(f"upgrade with {CLIENTS} clients: {said} messages acknowledged, none lost, longest pause "
         f"{max(talker.longest for talker in talkers):.1f} s; of the processor these clients took "
         f"{here:.0f} s, the new kontalk-c2s {worker} s")


def test_files_at_443(fresh):
    """Where only systemd can listen (docs/FILES.md)."""
    machine = fresh.machine
    machine.run("sed", "-i", r"s/\[::\]:5443/[::]:443/; s/:5443$//",
                "/etc/kontalk/conf.d/site.conf")
    machine.run("mkdir", "-p", "/etc/systemd/system/kontalk-files.socket.d")
    machine.write("/etc/systemd/system/kontalk-files.socket.d/override.conf",
                  document.block("socket", "FILES.md"))
    machine.run("systemctl", "daemon-reload")
    machine.run("sh", "-ec", document.block("enable", "FILES.md"))
    wait.until(lambda: fresh.is_active("kontalk-files"), 60, "kontalk-files")
    fresh.ports["FILES"] = 443
    with machine.network():
        alice = session(fresh, named("alice"))
        slot = upload.slot(alice, fresh)
        assert slot.put.startswith(f"https://upload.{NETWORK}/")
        assert upload.put(fresh, slot).status == 201
        alice.close()


def test_database_elsewhere(fresh):
    """By TCP and with passwords, as docs/INSTALL.md has it."""
    machine = fresh.machine
    machine.run("systemctl", "stop", "kontalk.target", "kontalk-c2s.socket")
    machine.run("runuser", "-u", "postgres", "--", "dropdb", "kontalk")
    for role in ("kontalk", "kontalk-c2s", "kontalk-muc"):
        machine.run("runuser", "-u", "postgres", "--", "dropuser", role)
    machine.run("rm", "/etc/kontalk/conf.d/site.conf")
    machine.run("runuser", "-u", "postgres", "--", "psql", "-Xv", "ON_ERROR_STOP=1",
                data=document.block("sql").encode())
    machine.run("sh", "-ec", document.block("passfiles"))
    setup = document.block("setup").replace("db.example.net", "localhost").replace(
        "192.0.2.7", "127.0.0.1").replace(
        "verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt", "prefer")
    machine.run("sh", "-ec", setup.replace("example.net", NETWORK),
                data=f"{PASSWORD}\n".encode())
    with machine.network():
        client = session(fresh, named("admin"))
        Room(fresh, lambda: session(fresh, named("admin")), "elsewhere").owner.close()
        client.close()
    machine.run("kontalkctl", "backup", "/root/elsewhere")
    machine.run("systemctl", "restart", "kontalk-migrate")


def test_removed_and_purged(fresh):
    machine = fresh.machine
    machine.run("apt-get", "remove", "-q", "-y", "kontalk", seconds=300)
    machine.run("apt-get", "purge", "-q", "-y", "kontalk", seconds=300)
    assert not machine.run("sh", "-c", "ps -eo comm= | grep ^kontalk || :")
    left = machine.run("find", "/etc/kontalk", "-type", "f").splitlines()
    assert set(left) == {"/etc/kontalk/conf.d/limits.conf", f"{TLS}/fullchain.pem",
                         f"{TLS}/privkey.pem", *(f"/etc/kontalk/pgpass-{user}" for user in (
                             "owner", "c2s", "muc"))}
    assert machine.run("runuser", "-u", "postgres", "--", "psql", "-XAtd", "kontalk", "-c",
                       "SELECT count(*) FROM account") != "0"
