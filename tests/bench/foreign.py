# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What running another server takes: Debian's package, never its service; files of its own in a
# directory of its own.

import os
import shutil
import signal
import socket
import subprocess
import time

from tests.bench import accounts as bench_accounts
from tests.bench import processes
from tests.node import ports
from tests.node.ports import ADDRESS

START_SECONDS = 120
STOP_SECONDS = 30


class Foreign:
    """name, package and program are of the class; configure() writes what it needs."""

    def __init__(self, directory, accounts, authority):
        self.directory = directory
        self.accounts = accounts
        self.verifier = bench_accounts.verifier(accounts)
        self.ca = authority.certificate
        self.certificate, self.key = authority.issue_server(f"{directory}/{accounts.domain}",
                                                            [accounts.domain])
        self.log = f"{directory}/output"
        self.port = None
        self._process = None

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.program) is not None

    @property
    def version(self):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.name],
                              capture_output=True, text=True, check=False)
        return done.stdout.strip()

    @property
    def conference(self):
        return f"conference.{self.accounts.domain}"

    @property
    def address(self):
        return f"{ADDRESS}:{self.port}"

    def start(self):
        reservation = ports.Reservation()
        try:
            self.choose_ports(reservation)
            self.configure()
            self.start_again()
        finally:
            reservation.release()

    def choose_ports(self, reservation):
        self.port = ports.first_free([], reservation)

    def start_again(self):
        """With the files and the port it had."""
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.directory, env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._wait_until_ready()

    def kill(self):
        """SIGKILL for all of its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def environment(self):
        return {}

    def is_ready(self):
        with socket.socket() as probe:
            return probe.connect_ex((ADDRESS, self.port)) == 0

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"{self.name} does not start:\n{log.read()[-4000:]}")
            time.sleep(0.1)

    def stop(self):
        if not self._process:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def parts(self):
        return {self.name: processes.with_children(self._process.pid)}

    def database(self):
        return []

    def write(self, name, text):
        path = f"{self.directory}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path
