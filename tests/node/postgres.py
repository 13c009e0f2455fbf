# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A PostgreSQL cluster for one node: on a unix socket only, run by the calling user, or by
# `postgres` if that is root (PostgreSQL refuses root), whose data then may have to live elsewhere.

import contextlib
import glob
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

from tests.node import place
from tests.node.process import Process

ROLE = "kontalk"
DATABASE = "kontalk"
ADMINISTRATOR = "postgres"
INITDB = ("-U", ADMINISTRATOR, "--auth=trust", "--encoding=UTF8", "--locale=C")
ATTEMPTS = 10
ATTEMPT_SECONDS = 0.5


class Postgres:
    def __init__(self, where, durable=True):
        self.place = where
        self.user = ADMINISTRATOR if os.getuid() == 0 else None
        self.durable = durable
        self.before = []  # words in front of its command
        self._process = None

    @property
    def data(self):
        return os.path.realpath(self.place.database)

    @property
    def sockets(self):
        return self.place.short("postgresql")

    @property
    def conninfo(self):
        return self.conninfo_of(DATABASE)

    def conninfo_of(self, database, role=ROLE):
        return f"host={self.sockets} dbname={database} user={role}"

    @property
    def process(self):
        return self._process or self._make_process()

    def _make_process(self):
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.sockets,
            "unix_socket_permissions": "0700",
            "fsync": "on" if self.durable else "off",
            "log_line_prefix": "%m [%p] ",
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return Process("postgres", [*self.before, program("postgres"), "-D", self.data, *words],
                       self.data, f"{self.place.log}/postgresql.log", self.user)

    def start(self):
        if not os.path.exists(f"{self.data}/PG_VERSION"):
            self._initialise()
        os.makedirs(self.sockets, mode=0o700, exist_ok=True)
        self._give(self.sockets)
        self._process = self._make_process()
        self._start_patiently()
        if not self.query("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
            self.query("postgres", f"CREATE ROLE {ROLE} LOGIN")
        self.create(DATABASE)

    def create(self, database):
        """Unless it is there."""
        if not self.query("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
            self.query("postgres", f"CREATE DATABASE {database} OWNER {ROLE}")

    def create_role(self, role, database=DATABASE):
        """With a schema of its own, which has its name, unless it is there."""
        if not self.query("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            self.query("postgres", f"CREATE ROLE {role} LOGIN")
        self.query(database, f"CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role}")

    def _start_patiently(self):
        """After a crash the processes of the old one may still be there for a moment."""
        for attempt in range(ATTEMPTS):
            try:
                self._process.start(self.place.short("notify-postgres"))
                return
            except place.Error:
                if attempt == ATTEMPTS - 1 or self._process.pids():
                    raise
                time.sleep(ATTEMPT_SECONDS)

    def stop(self):
        # SIGINT is its "fast": sessions are ended, data are written.
        return self.process.stop(signal.SIGINT)

    def query(self, database, sql):
        """As the administrator of the cluster; rows as text, one line each."""
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-U",
                         ADMINISTRATOR, "-d", database, "-c", sql).strip()

    @contextlib.contextmanager
    def locked(self, table):
        """Whoever wants to read or to write the table waits."""
        shell = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-U", ADMINISTRATOR,
             "-d", DATABASE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            shell.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'locked';\n")
            shell.stdin.flush()
            assert shell.stdout.readline() == "locked\n"
            yield
        finally:
            shell.communicate("COMMIT;\n")

    def waiting(self):
        """How many sessions wait for a lock."""
        return int(self.query(DATABASE, "SELECT count(*) FROM pg_locks WHERE NOT granted"))

    def _initialise(self):
        if os.path.islink(self.place.database):
            os.unlink(self.place.database)
        directory = self._choose_directory()
        new = f"{directory}.new"
        shutil.rmtree(new, ignore_errors=True)
        if self.durable:
            self._make_cluster(new, INITDB)
        else:
            self._copy_cluster(new, [*INITDB, "--no-sync"])
        os.rename(new, directory)
        if directory != self.place.database:
            os.symlink(directory, self.place.database)

    def _make_cluster(self, new, words):
        os.mkdir(new, 0o700)
        self._give(new)
        self._run("initdb", "-D", new, *words)

    def _copy_cluster(self, new, words):
        """For tests: an empty cluster is made once and kept in BUILD, since that takes longer than
        all the rest of a node's start."""
        name = hashlib.sha256(repr((program("initdb"), os.getuid(), words)).encode()).hexdigest()
        template = f"{os.environ.get('BUILD', 'build')}/postgresql-{name[:16]}"
        if not os.path.exists(template):
            self._make_cluster(new, words)
            keep(new, template)
        else:
            copy(template, new)

    def _choose_directory(self):
        memory = None if self.durable else os.environ.get("TEST_CLUSTERS")
        if not memory and (self.user is None or self._can_reach(self.place.node)):
            return self.place.database
        outside = tempfile.mkdtemp(prefix="kontalk-", dir=memory or "/var/tmp")
        os.chmod(outside, 0o711)
        return f"{outside}/database"

    def _can_reach(self, directory):
        return self._call(["test", "-x", directory]).returncode == 0

    def _give(self, directory):
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)

    def _run(self, name, *arguments):
        done = self._call([program(name), *arguments])
        if done.returncode != 0:
            raise place.Error(f"{name} failed:\n{done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def _call(self, command):
        identity = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, cwd="/", env={"PATH": os.environ["PATH"],
                                                         "LC_ALL": "C.UTF-8"},
                              check=False, **identity)

    def remove(self):
        """The data, for ever."""
        directory = self.data
        shutil.rmtree(directory, ignore_errors=True)
        if os.path.islink(self.place.database):
            os.unlink(self.place.database)
            os.rmdir(os.path.dirname(directory))


def keep(directory, template):
    """Whoever is the first of several who do it has his way."""
    mine = f"{template}.{os.getpid()}"
    os.makedirs(os.path.dirname(template) or ".", exist_ok=True)
    copy(directory, mine)
    try:
        os.rename(mine, template)
    except OSError:
        shutil.rmtree(mine)


def copy(directory, to):
    """With its owner; what is empty in its files takes no space."""
    subprocess.run(["cp", "-a", "--sparse=always", "--", directory, to], check=True, timeout=120)


def program(name):
    """Debian keeps each version's programs apart; the newest is taken."""
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    if not found:
        raise place.Error(f"{name} is missing (Debian package postgresql)")
    return max(found, key=lambda path: int(re.search(r"/(\d+)/bin/", path)[1]))
