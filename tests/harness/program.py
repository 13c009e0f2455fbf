# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Programs of others, run for a test: in a home of their own, ended with it.

import contextlib
import os
import re
import shutil
import subprocess
import tempfile

from tests.harness import wait
from tests.node import place

# No program outlives this, whatever becomes of us, nor SIGTERM for long.
SECONDS = 300


def limited(seconds=SECONDS):
    """What comes before a command."""
    return ["timeout", "--foreground", "--kill-after=2", str(seconds)]


class Home:
    """An empty home directory, and the environment of what runs there."""

    def __init__(self, ca):
        """ca: the only authority that programs trust (OpenSSL, Go)."""
        self.path = tempfile.mkdtemp(prefix="kontalk-home-", dir="/tmp")
        self.environment = {
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm", "HOME": self.path,
            "XDG_CONFIG_HOME": f"{self.path}/config", "XDG_DATA_HOME": f"{self.path}/data",
            "XDG_CACHE_HOME": f"{self.path}/cache", "XDG_RUNTIME_DIR": self.path,
            "SSL_CERT_FILE": ca, "SSL_CERT_DIR": "/nonexistent",
        }

    def write(self, name, text):
        """A file only for its owner; returns its path."""
        path = f"{self.path}/{name}"
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        place.write(path, text)
        return path

    def read(self, name):
        try:
            return place.read(f"{self.path}/{name}")
        except FileNotFoundError:
            return ""


@contextlib.contextmanager
def home(ca):
    directory = Home(ca)
    try:
        yield directory
    finally:
        shutil.rmtree(directory.path, ignore_errors=True)


class Program:
    """A process; what it prints can be waited for. No secrets into the command."""

    def __init__(self, where, *command, environment=None, seconds=SECONDS):
        self._out = open(os.open(f"{where.path}/output", os.O_RDWR | os.O_CREAT | os.O_APPEND,
                                 0o600), "rb")
        self._process = subprocess.Popen(
            [*limited(seconds), *command], stdin=subprocess.PIPE, stdout=self._out,
            stderr=self._out, cwd=where.path, env={**where.environment, **(environment or {})})

    def output(self):
        return os.pread(self._out.fileno(), 1 << 24, 0).decode(errors="replace")

    def wait_output(self, pattern, seconds=wait.SECONDS):
        return wait.until(lambda: re.search(pattern, self.output(), re.MULTILINE), seconds,
                          f"{pattern!r} in {self.output()!r}")

    def say(self, line):
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def hush(self):
        """The end of its standard input."""
        self._process.stdin.close()

    def signal(self, number):
        """To the program itself, and not to what limits its time."""
        pid = self._process.pid
        for child in place.read(f"/proc/{pid}/task/{pid}/children").split():
            os.kill(int(child), number)

    def wait(self, seconds=wait.SECONDS):
        """Its exit status."""
        return self._process.wait(seconds)

    def end(self):
        self._process.terminate()
        self._process.wait(wait.SECONDS)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._out.close()


@contextlib.contextmanager
def running(where, *command):
    program = Program(where, *command)
    try:
        yield program
    finally:
        program.end()
