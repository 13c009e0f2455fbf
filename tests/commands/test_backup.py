# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl backup and restore: a node that lives is backed up, lost with its database and all its
# files, and made again; a backup that is not whole is refused. As root, with the rights of the
# package: tests/systemd.

import contextlib
import glob
import hashlib
import io
import os
import shutil
import signal
import stat
import subprocess
import tarfile

import pytest

from tests.files import upload
from tests.harness import archive, wait
from tests.harness.node import SOURCES
from tests.harness.pubsub import Desk, befriend, item_ids, sees
from tests.harness.stream import RawStream
from tests.muc.rooms import Room
from tests.node import place
from tests.node.node import MUC_ROLE
from tests.node.postgres import DATABASE

NOTES = "urn:example:notes"


@pytest.fixture(scope="module")
def node(make_node):
    return make_node(files=True, muc=True)


class Life:
    """What people have left on the server."""

    def __init__(self, node, login, room="old"):
        self.alice, self.bob = node.add_account(), node.add_account()
        one, other = login(self.alice), login(self.bob)
        befriend(one, other)
        Desk(one).publish(NOTES, "first", f"<note xmlns='{NOTES}'/>", access_model="open")
        self.room = Room(node, lambda: login(self.alice, resource="room"), room,
                         {"persistentroom": "1"})
        self.room.say(self.room.owner, "said in the room")
        self.room.hears(self.room.owner, "said in the room")
        self.slot = upload.slot(one, node)
        assert upload.put(node, self.slot).status == 201
        other.send_presence()
        one.send_message(other.bare, "read at once")
        other.wait_message("read at once")
        other.logout()
        one.send_message(self.bob.jid, "while away")
        one.settle()
        one.logout()
        self.room.owner.logout()

    def is_here(self, node, login):
        one, other = login(self.alice), login(self.bob)  # with the passwords they had
        other.send("<presence/>")
        assert other.wait_message("while away").find("{urn:xmpp:delay}delay") is not None
        assert sees(one, other.bare) and sees(other, one.bare)
        assert item_ids(Desk(other, one.bare).items(NOTES)) == ["first"]
        assert archive.query(one).bodies == ["read at once", "while away"]
        assert upload.get(node, self.slot).body == upload.CONTENT
        found = archive.query(one, to=self.room.jid)
        assert "said in the room" in found.bodies


@pytest.fixture(scope="module")
def made(node, tmp_path_factory):
    """What a life has left, in a backup."""
    logins = []

    def login(owner=None, **options):
        logins.append(RawStream(node, owner or node.add_account(), source=next(SOURCES),
                                **options).login())
        return logins[-1]
    life = Life(node, login)
    for one in logins:
        one.close()
    directory = str(tmp_path_factory.mktemp("backup") / "made")
    assert "pieces" in node.control("backup", directory)
    return life, directory


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made[1], tmp_path / "copy", symlinks=True)


def check(node, directory):
    """What is wrong with a backup: None, or the text."""
    try:
        node.control("restore", "--check", str(directory))
    except place.Error as problem:
        return str(problem)
    return None


def manifest(directory):
    return place.read(f"{directory}/manifest").splitlines()


def test_nobody_else_reads_it(made):
    for parent, directories, names in os.walk(made[1]):
        for name in (*directories, *names):
            assert stat.S_IMODE(os.lstat(f"{parent}/{name}").st_mode) & 0o077 == 0, name


def test_secrets_are_not_in_the_manifest(node, made):
    """They are in pieces of their own."""
    text = place.read(f"{made[1]}/manifest")
    secrets = {place.read(path).strip() for path in glob.glob(f"{node.place.secrets}/*")}
    kept = {place.read(path).strip() for path in glob.glob(f"{made[1]}/system/**/secrets/*",
                                                           recursive=True)}
    assert secrets and secrets <= kept
    assert not [one for one in secrets if one in text]


def test_check(node, made):
    assert check(node, made[1]) is None


def test_archive(node, made):
    command = [node.place.program("kontalkctl"), "-c", node.place.configuration, "backup", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        names = {name.removeprefix("./") for name in tar.getnames()}
    assert {line.split()[-1] for line in manifest(made[1]) if line.startswith("file")} <= names


def test_existing_directory(node, made, tmp_path):
    with pytest.raises(place.Error, match="is there already"):
        node.control("backup", made[1])
    (tmp_path / "empty").mkdir()
    node.control("backup", str(tmp_path / "empty"))


def truncate(path):
    os.truncate(path, os.path.getsize(path) - 1)


def alter(path):
    with open(path, "r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))


HARM = {"truncated": truncate, "altered": alter, "missing": os.unlink}


@pytest.mark.parametrize("how", HARM)
def test_each_piece(node, copy, how):
    """Every kind of piece, all at once: each is named."""
    pieces = [line.split()[-1] for line in manifest(copy) if line.startswith("file")]
    hurt = ["accounts.dump", "rooms.dump", "files/index.sqlite", "configuration/kontalk.conf"]
    hurt += [next(name for name in pieces if name.startswith(kind))
             for kind in ("files/content/", "system/")]
    for name in hurt:
        HARM[how](copy / name)
    problem = check(node, copy)
    for name in hurt:
        assert f"{name}: it " in problem and how in problem
    assert problem.count(": it ") == len(hurt)


def drop_line(path):
    lines = place.read(path).splitlines(keepends=True)
    place.write(path, "".join(lines[:5] + lines[6:]))


def drop_end(path):
    lines = place.read(path).splitlines(keepends=True)
    place.write(path, "".join(lines[:-1]))


@pytest.mark.parametrize("harm, text", [(drop_line, "manifest: it has been altered"),
                                        (drop_end, "manifest: it is truncated"),
                                        (os.unlink, "manifest: No such file")])
def test_manifest(node, copy, harm, text):
    harm(str(copy / "manifest"))
    assert text in check(node, copy)


def test_running_server(node, made):
    with pytest.raises(place.Error, match="kontalk-router runs: stop everything"):
        node.control("restore", "--force", made[1])


def stop(node):
    for name in reversed(node.daemons):
        node.daemon(name.removeprefix("kontalk-")).stop()


def start(node):
    for name, process in node.daemons.items():
        if not process.runs():
            node.daemon(name.removeprefix("kontalk-")).start()


def lose(node):
    """All but the programs."""
    node.postgres.query("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")
    node.postgres.create(DATABASE)
    node.postgres.create_role(MUC_ROLE)
    for directory in (node.place.files, node.place.tls, node.place.secrets):
        shutil.rmtree(directory)
    os.unlink(node.place.configuration)
    os.unlink(node.ca)


def version(node):
    return int(node.postgres.query(
        DATABASE, "SELECT version FROM schema_version WHERE name = 'c2s'"))


@pytest.fixture
def stopped(node):
    stop(node)
    yield node
    start(node)


def test_everything_is_lost(stopped, made, login):
    life, directory = made
    modes = {path: stat.S_IMODE(os.stat(path).st_mode)
             for path in glob.glob(f"{stopped.place.secrets}/*") + [stopped.place.configuration]}
    lose(stopped)
    assert "Restored" in stopped.control("restore", directory)
    assert {path: stat.S_IMODE(os.stat(path).st_mode) for path in modes} == modes
    start(stopped)
    life.is_here(stopped, login)


def test_other_release(stopped, tmp_path):
    """Tables of a release before this one are brought up to date; those of a later one are
    refused, before anything is changed."""
    now = version(stopped)
    kept = "kept@example.test"
    stopped.control("user", "add", kept, password="a password\n")
    for by in (-1, 1):
        stopped.postgres.query(
            DATABASE, f"UPDATE schema_version SET version = {now + by} WHERE name = 'c2s'")
        stopped.control("backup", str(tmp_path / f"{by}"))
    refused = "accounts.dump: its tables have version"
    assert refused in check(stopped, tmp_path / "1")
    with pytest.raises(place.Error, match=refused):
        stopped.control("restore", "--force", str(tmp_path / "1"))
    stopped.control("restore", "--force", str(tmp_path / "-1"))
    assert version(stopped) == now
    with pytest.raises(place.Error, match="exists"):
        stopped.control("user", "add", kept, password="a password\n")


FURTHER = (
    # (what the next release does, how it is undone)
    ("ALTER TABLE account ADD COLUMN of_the_next text",
     "ALTER TABLE account DROP COLUMN of_the_next"),
    (f"ALTER TABLE {MUC_ROLE}.room ADD COLUMN of_the_next text",
     f"ALTER TABLE {MUC_ROLE}.room DROP COLUMN of_the_next"),
    ("CREATE TABLE of_the_next (owner bigint)", "DROP TABLE of_the_next"),
    ("UPDATE schema_version SET version = version + 1",
     "UPDATE schema_version SET version = version - 1"),
    (f"UPDATE {MUC_ROLE}.schema_version SET version = version + 1",
     f"UPDATE {MUC_ROLE}.schema_version SET version = version - 1"),
)


def test_tables_of_the_next_release(stopped, login):
    """Releases change tables by adding to them (docs/SCHEMA.md), so one can go back to these
    programs and leave the tables as they are."""
    for done, _ in FURTHER:
        stopped.postgres.query(DATABASE, done)
    try:
        start(stopped)
        Life(stopped, login, "later").is_here(stopped, login)
        stop(stopped)
    finally:
        for _, undone in FURTHER:
            stopped.postgres.query(DATABASE, undone)


def test_somebody_is_here(stopped, made):
    """What would be replaced is told, and nothing is."""
    with pytest.raises(place.Error, match="there are files .--force removes them"):
        stopped.control("restore", made[1])
    os.rename(stopped.place.files, f"{stopped.place.files}.aside")
    with pytest.raises(place.Error, match="there are accounts in the database"):
        stopped.control("restore", made[1])
    assert not os.path.exists(stopped.place.files)
    os.rename(f"{stopped.place.files}.aside", stopped.place.files)
    site = f"{stopped.place.node}/conf.d"
    os.mkdir(site)
    place.write(f"{site}/site.conf", "")
    with pytest.raises(place.Error, match="site.conf is there: this server has been set up"):
        stopped.control("restore", made[1])
    shutil.rmtree(site)


def test_what_is_replaced_is_kept(stopped, made):
    with open(stopped.place.configuration, "a",
              encoding="utf-8") as file:
        file.write("# mine\n")
    stopped.control("restore", "--force", "--keep-configuration", made[1])
    assert "# mine" in place.read(stopped.place.configuration)
    stopped.control("restore", "--force", made[1])
    assert "# mine" not in place.read(stopped.place.configuration)
    assert "# mine" in place.read(f"{stopped.place.configuration}.before-restore")


@contextlib.contextmanager
def password_needed(node):
    """By the owner of the tables."""
    rules = f"{node.postgres.data}/pg_hba.conf"
    before = place.read(rules)
    node.postgres.query("postgres", "ALTER ROLE kontalk PASSWORD 'of the owner'")
    with open(rules, "w", encoding="utf-8") as text:
        text.write(f"local all kontalk scram-sha-256\n{before}")
    node.postgres.query("postgres", "SELECT pg_reload_conf()")
    yield
    with open(rules, "w", encoding="utf-8") as text:
        text.write(before)
    node.postgres.query("postgres", "SELECT pg_reload_conf()")


def test_passwords_of_the_database(stopped, tmp_path):
    """They are put back before it is asked, unless there are some that are this machine's."""
    passwords, line = f"{stopped.place.secrets}/pgpass", "*:*:*:*:of the owner\n"
    configuration = place.read(stopped.place.configuration)
    with password_needed(stopped):
        place.write(passwords, line)
        os.chmod(passwords, 0o600)
        with open(stopped.place.configuration, "a", encoding="utf-8") as file:
            file.write("[database]\nowner-conninfo = "
                       f"{stopped.postgres.conninfo} passfile={passwords}\n")
        stopped.control("backup", str(tmp_path / "made"))
        os.unlink(passwords)
        with pytest.raises(place.Error, match="the database cannot be reached"):
            stopped.control("db", "migrate")
        stopped.control("restore", "--force", str(tmp_path / "made"))
        assert place.read(passwords) == line
        place.write(passwords, f"{line}# here\n")
        stopped.control("restore", "--force", str(tmp_path / "made"))
        assert "# here" in place.read(passwords)
    place.write(stopped.place.configuration, configuration)


@contextlib.contextmanager
def begun(node, tmp_path, target):
    """A backup that has come to the database, and stays there: its process."""
    tmp_path = tmp_path / "begun"
    tmp_path.mkdir()
    (tmp_path / "tmp").mkdir()
    place.write(f"{tmp_path}/pg_dump", f"#!/bin/sh\necho $$ > {tmp_path}/pid.new\n"
                f"mv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 1000\n")
    os.chmod(tmp_path / "pg_dump", 0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
                   "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen([node.place.program("kontalkctl"), "-c", node.place.configuration,
                           "backup", target], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        wait.until((tmp_path / "pid").exists, what="the database to be dumped")
        process.dumping = int(place.read(tmp_path / "pid"))
        process.temporary = tmp_path / "tmp"
        yield process
        process.kill()


def is_over(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().split()[2] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_archive", [False, True])
def test_interrupted(node, tmp_path, number, to_archive):
    """Neither half a backup stays nor anything that still works on it."""
    target = "-" if to_archive else str(tmp_path / "target")
    with begun(node, tmp_path, target) as process:
        process.send_signal(number)
        assert process.wait(60) == -number
        wait.until(lambda: is_over(process.dumping), what="the end of pg_dump")
        assert not os.path.exists(target) and not os.listdir(process.temporary)
        assert process.stdout.read() == b""


def test_two_at_once(node, tmp_path):
    """The second one leaves the first alone."""
    target = tmp_path / "target"
    target.mkdir()
    with begun(node, tmp_path, str(target)) as process:
        with pytest.raises(place.Error, match="another backup is made there"):
            node.control("backup", str(target))
        assert os.listdir(target) == ["accounts.dump"]
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def sealed(directory, change):
    """A manifest that somebody has written, and not only damaged."""
    lines = change(manifest(directory)[:-1])
    text = "".join(f"{line}\n" for line in lines)
    place.write(f"{directory}/manifest",
                f"{text}end {hashlib.sha256(text.encode()).hexdigest()}\n")


def outside(lines):
    return [line.replace("main-file ", "main-file ../system/../../") for line in lines]


def twice(lines):
    return lines + lines[-1:]


@pytest.mark.parametrize("change, text", [
    (lambda lines: ["kontalk-backup 2", *lines[1:]], "a later release has made it"),
    (lambda lines: [*lines, "file 0644 root root 0 00 ../../etc/evil"], "it is truncated, or no"),
    (outside, "the manifest names no configuration/../system"),
    (twice, "it is truncated, or no manifest")])
def test_forged_manifest(node, copy, change, text):
    sealed(copy, change)
    assert text in check(node, copy)


def test_a_pipe_is_no_piece(node, copy):
    """Nobody waits for who would write into it."""
    os.unlink(copy / "files/index.sqlite")
    os.mkfifo(copy / "files/index.sqlite")
    assert "index.sqlite: it is no regular file" in check(node, copy)
