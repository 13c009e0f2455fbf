# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Processes that go on when we are gone, and finding them again. A process is ours if its command
# line names our program and our own file or directory; a number from a file alone is never
# believed, because numbers are used again.

import os
import select
import signal
import socket
import subprocess
import time

from tests.node import place

READY_SECONDS = 60
STOP_SECONDS = 60
LOG_LINES = 30
# What daemons get of our environment.
ENVIRONMENT = ("PATH", "HOME", "TZ", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
               "TSAN_OPTIONS")


class Process:
    """A program of the node: `mark` is the argument that no other node's process has."""

    def __init__(self, name, command, mark, log, user=None):
        self.name = name
        self.command = command
        self.mark = mark
        self.log = log
        self.user = user  # None: ours
        self._child = None

    def start(self, notify_path, seconds=READY_SECONDS):
        """Returns the pid once the program has said READY=1 (sd_notify(3))."""
        with Notification(notify_path) as notification:
            self._spawn(notify_path)
            deadline = time.monotonic() + seconds
            while not notification.ready(0.1):
                if self._child.poll() is not None:
                    raise place.Error(f"{self.name} ended {self.ending()} before it was ready\n"
                                      f"{self.log_tail()}")
                if time.monotonic() > deadline:
                    raise place.Error(f"{self.name} was not ready after {seconds} s\n"
                                      f"{self.log_tail()}")
        return self._child.pid

    def _spawn(self, notify_path):
        env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        env.update(LC_ALL="C.UTF-8", NOTIFY_SOCKET=notify_path)
        identity = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        try:
            with open(self.log, "ab") as log:
                self._child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                               stderr=log, env=env, cwd="/",
                                               start_new_session=True, **identity)
        except FileNotFoundError as problem:
            raise place.Error(f"{self.command[0]} is not there: has it been built?") from problem

    def pids(self):
        return [pid for pid in all_pids() if self.is_ours(pid)]

    def runs(self):
        """The child that was started here is seen at once; others have to be looked for."""
        return bool(self._child and self._child.poll() is None or self.pids())

    def is_ours(self, pid):
        words = command_line(pid)
        # Under valgrind our program is not the first word.
        return self.mark in words and any(os.path.basename(word) == self.name for word in words)

    def send(self, number):
        for pid in self.pids():
            with Handle(pid) as handle:
                if self.is_ours(pid):
                    handle.send(number)

    def kill(self):
        """At once, and gone when this returns."""
        return self.stop(signal.SIGKILL)

    def stop(self, number=signal.SIGTERM, seconds=STOP_SECONDS):
        """In order, after `seconds` by force. Returns whether it went in order."""
        orderly = True
        for pid in self.pids():
            with Handle(pid) as handle:
                if not self.is_ours(pid):
                    continue
                # First: a process that is paused would not hear; and behind SIGTERM it can disturb
                # the search for leaks with which a sanitized program ends.
                if number != signal.SIGKILL:
                    handle.send(signal.SIGCONT)
                handle.send(number)
                if not handle.wait(seconds):
                    orderly = False
                    handle.send(signal.SIGKILL)
                    handle.wait(STOP_SECONDS)
        self.ending()
        return orderly

    def ending(self):
        """How our own child ended, as text; nothing if it runs or was started by another."""
        status = self._child.poll() if self._child else None
        if status is None:
            return ""
        return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"

    def log_tail(self, lines=LOG_LINES):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                tail = file.readlines()[-lines:]
        except FileNotFoundError:
            tail = []
        return "".join(f"    {line}" for line in tail) or "    (its log is empty)"


class Notification:
    """The receiving end of sd_notify(3)."""

    def __init__(self, path):
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def __enter__(self):
        remove(self._path)
        self._socket.bind(self._path)
        os.chmod(self._path, 0o777)
        return self

    def __exit__(self, *_):
        self._socket.close()
        remove(self._path)

    def ready(self, seconds):
        self._socket.settimeout(seconds)
        try:
            return b"READY=1" in self._socket.recv(4096).split(b"\n")
        except TimeoutError:
            return False


class Handle:
    """A process that stays the same one whatever becomes of its number (pidfd_open(2))."""

    def __init__(self, pid):
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._fd = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._fd is not None:
            os.close(self._fd)

    def send(self, number):
        try:
            if self._fd is not None:
                signal.pidfd_send_signal(self._fd, number)
        except ProcessLookupError:
            pass

    def wait(self, seconds):
        """Whether it has ended by then."""
        if self._fd is None:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid):
    """Words; none for what is gone, a zombie, or not for us to see."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsdecode(file.read()).split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
