# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A machine of our own: a system in a container, booted by its own systemd on an overlay of a root
# directory, in memory, with a loopback interface and nothing else. What it is from stays as it is.

import contextlib
import ctypes
import glob
import os
import shutil
import signal
import subprocess
import tempfile

from tests.harness import wait

START = """set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
rm -rf "$1/root/usr/sbin/policy-rc.d" "$1/root/var/log/journal" "$1/root/var/lib/man-db/auto-update"
exec systemd-nspawn --quiet --directory="$1/root" --machine="$3" --register=no --keep-unit \\
    --private-network --link-journal=no --resolv-conf=off --timezone=off --boot \\
    systemd.unit=multi-user.target $4
"""
CLONE_NEWNET = 0x40000000
# Of a whole Debian that is for something else only what every system needs is started.
ONLY_BASIC = "systemd.unit=basic.target"
PROGRAMS = ("systemd-nspawn", "unshare", "nsenter", "setpriv")


class Unavailable(Exception):
    """This machine cannot do it; the reason."""


def descendants(pid):
    for name in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in open(name, encoding="ascii").read().split():
                yield child
                yield from descendants(child)


class Machine:
    def __init__(self, root, arguments=""):
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if os.geteuid() != 0 or missing:
            raise Unavailable("only root can boot a container" if not missing
                              else f"{missing[0]} is missing")
        self._directory = tempfile.mkdtemp(prefix="kontalk-machine-", dir="/tmp")
        self._console = f"{self._directory}/console"
        mount = f"{self._directory}/mount"
        os.mkdir(mount)
        with open(self._console, "wb") as console:
            self._holder = subprocess.Popen(
                # All is in a namespace of processes, which ends with the one that began it.
                ["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation",
                 "private", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", START,
                 "sh", mount, root, f"kontalk{os.getpid()}", arguments],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            self._leader = wait.until(self._find_leader, 180, "the container")
            wait.until(self._is_booted, 300, "the start of the system")
        except (TimeoutError, Unavailable) as problem:
            reason = f"{problem}\n{self.console()}"
            self.end()
            raise Unavailable(reason) from problem

    def _find_leader(self):
        """The process that is number 1 inside."""
        if self._holder.poll() is not None:
            raise Unavailable("systemd-nspawn has ended")
        for pid in descendants(self._holder.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = open(f"/proc/{pid}/status", encoding="ascii").read()
                outside, *inside = status.partition("NSpid:")[2].split("\n")[0].split()
                if len(inside) == 2 and inside[-1] == "1":
                    return outside
        return None

    def _is_booted(self):
        if self._holder.poll() is not None:
            raise Unavailable("the system has ended")
        state = self.call("systemctl", "is-system-running").stdout.strip()
        return state in (b"running", b"degraded")

    def console(self):
        return open(self._console, encoding="utf-8", errors="replace").read()[-4000:]

    def call(self, *command, data=b"", seconds=300):
        """What it came to, in bytes."""
        return subprocess.run(
            ["nsenter", "-t", self._leader, "-m", "-u", "-i", "-n", "-p", "--", *command],
            input=data, capture_output=True, timeout=seconds, check=False, cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""})

    def run(self, *command, data=b"", seconds=300):
        """Its output; it has to succeed."""
        done = self.call(*command, data=data, seconds=seconds)
        assert done.returncode == 0, (command, done.stdout.decode(errors="replace"),
                                      done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace").strip()

    def write(self, path, data, mode="644", group="root"):
        data = data if isinstance(data, bytes) else data.encode()
        self.run("sh", "-c", 'umask 077; cat >"$1.new"; chgrp "$3" "$1.new"; chmod "$2" "$1.new";'
                 'mv "$1.new" "$1"', "sh", path, mode, group, data=data)

    @contextlib.contextmanager
    def network(self):
        """Sockets that are made in this block are inside."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as ours, \
                open(f"/proc/{self._leader}/ns/net", "rb") as theirs:
            assert libc.setns(theirs.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(ours.fileno(), CLONE_NEWNET) == 0

    def end(self):
        if self._holder.poll() is None:
            self._holder.send_signal(signal.SIGKILL)
        self._holder.wait()
        shutil.rmtree(self._directory, ignore_errors=True)
