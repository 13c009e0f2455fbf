# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A small Debian 12 with what the package depends on and PostgreSQL, but without the package. It is
# made from where this machine has its own packages, once for each list of packages.

import glob
import hashlib
import os
import re
import shutil
import subprocess

CODENAME = "bookworm"
# What boots, the database, and what the tests look with.
BESIDE = ("systemd", "systemd-sysv", "dbus", "postgresql", "certbot", "procps", "apt")
SECONDS = 900


class Unavailable(Exception):
    """It cannot be made here; the reason."""


def dependencies(package):
    done = subprocess.run(["dpkg-deb", "--field", package, "Depends"], capture_output=True,
                          text=True, check=True)
    return [re.split(r"[ (|]", each.strip())[0] for each in done.stdout.split(",")]


def sources():
    """The files that name where packages of this Debian come from."""
    files = ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*.list")),
             *sorted(glob.glob("/etc/apt/sources.list.d/*.sources"))]
    return [name for name in files if os.path.exists(name)
            and re.search(rf"^(deb|Suites:).*\b{CODENAME}\b", open(name, encoding="utf-8").read(),
                          re.MULTILINE)]


def make(directory, package):
    """The path of the root, below `directory`."""
    if not shutil.which("mmdebstrap"):
        raise Unavailable("mmdebstrap is missing")
    if not sources():
        raise Unavailable(f"no source of packages of {CODENAME}")
    packages = sorted({*dependencies(package), *BESIDE})
    name = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    root = os.path.abspath(f"{directory}/root-{name}")
    if os.path.exists(root):
        return root
    for old in glob.glob(f"{directory}/root-*"):
        shutil.rmtree(old)
    os.makedirs(directory, exist_ok=True)
    done = subprocess.run(
        ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", CODENAME,
         f"{root}.new", *sources()], capture_output=True, text=True, timeout=SECONDS, check=False,
        stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        shutil.rmtree(f"{root}.new", ignore_errors=True)
        raise Unavailable(f"mmdebstrap: {done.stderr.strip()[-500:]}")
    os.rename(f"{root}.new", root)
    return root
