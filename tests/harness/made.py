# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What make builds only when a test asks. Groups that run side by side may ask for the same.

import fcntl
import os
import subprocess

SECONDS = 1000  # others compile too, and all of it waits its turn
OBJ = os.environ.get("OBJ", "build/obj")


def made(name):
    """The absolute path of OBJ/<name>, up to date."""
    target = f"{OBJ}/{name}"
    _make(target)
    return os.path.abspath(target)


def made_programs(variant, **variables):
    """The directory of the programs that make builds with these variables, up to date; variant:
    what the name of their objects' folder has behind the usual one."""
    _make("programs", *(f"{name}={value}" for name, value in variables.items()))
    return os.path.abspath(f"{OBJ}-{variant}/bin")


def _make(*words):
    with open(f"{OBJ}/made.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", f"-j{os.cpu_count()}", *words], check=True, timeout=SECONDS)
