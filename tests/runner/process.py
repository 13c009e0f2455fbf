# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Programs under a hard time limit: what is still there at its end is killed with all of its
# process group. Several threads may run some at a time.

import os
import signal
import subprocess
import threading


class Stopped(Exception):
    """Nothing more is to be begun."""


class Running:
    """The programs that run, so that all of them can be ended at once."""

    def __init__(self):
        self._lock = threading.Lock()
        self._processes = set()
        self._stopped = False

    def begin(self, command, extra, even_if_stopped):
        with self._lock:
            if self._stopped and not even_if_stopped:
                raise Stopped
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env=environment(**extra),
                                       text=True, errors="replace", start_new_session=True)
            self._processes.add(process)
        return process

    def end(self, process):
        with self._lock:
            self._processes.discard(process)

    def stop(self):
        """All are killed, and whoever wants to begin another gets Stopped."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                if process.poll() is None:
                    kill_group(process)


RUNNING = Running()


def environment(**extra):
    """Ours without what make tells only its own children; variables given to make stay."""
    env = dict(os.environ, **extra)
    _, _, assignments = env.pop("MAKEFLAGS", "").partition("-- ")
    for name in ("MFLAGS", "MAKELEVEL"):
        env.pop(name, None)
    if assignments:
        env["MAKEFLAGS"] = "-- " + assignments
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def run(command, seconds, even_if_stopped=False, **extra):
    """Returns (status, output); status is None if the time was up. `extra` goes into the
    environment."""
    process = RUNNING.begin(command, extra, even_if_stopped)
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        kill_group(process)
        output, _ = process.communicate()
        return None, f"{output}\nkilled after {seconds} s"
    except BaseException:
        kill_group(process)
        process.wait()
        raise
    finally:
        RUNNING.end(process)


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def make(*targets, seconds=1800, nice=0):
    jobs = os.environ.get("JOBS") or str(os.cpu_count())
    before = ["nice", "-n", str(nice)] if nice else []
    return run([*before, "make", "--no-print-directory", f"-j{jobs}", *targets], seconds)


def describe(status):
    if status is None:
        return "no end"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"status {status}"
