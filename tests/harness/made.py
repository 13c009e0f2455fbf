# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What make builds only when a test asks. Groups that run side by side may ask for the same.

import fcntl
import os
import subprocess

SECONDS = 300
OBJ = os.environ.get("OBJ", "build/obj")


def made(name):
    """The absolute path of OBJ/<name>, up to date."""
    target = f"{OBJ}/{name}"
    with open(f"{OBJ}/made.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", target], check=True, timeout=SECONDS)
    return os.path.abspath(target)
