# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Packages of npm, as a package-lock.json pins them, in build/npm: fetched once for each lock file.
# Nothing of them is run while they are installed. Of the lock files' "dependencies" what is not
# needed to run is taken out by hand (Converse is all in one file), so that it is not fetched;
# overrides in package.json that name files do not work with the npm of Debian 12.

import fcntl
import hashlib
import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 100


def modules(name="npm"):
    """The directory with node_modules and what else is in ours of this name; skips where npm or its
    registry is not."""
    sources = f"{HERE}/{name}"
    with open(f"{sources}/package-lock.json", "rb") as lock:
        name = hashlib.sha256(lock.read()).hexdigest()[:16]
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not installed")
    base = os.path.abspath(f"{os.environ.get('BUILD', 'build')}/npm")
    place = f"{base}/{name}"
    os.makedirs(place, exist_ok=True)
    with open(f"{base}/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.copytree(sources, place, dirs_exist_ok=True)
        if not os.path.exists(f"{place}/complete"):
            install(base, place)
            with open(f"{place}/complete", "w", encoding="utf-8"):
                pass
    return place


def install(base, place):
    command = ["npm", "ci", "--ignore-scripts", "--omit=optional", "--omit=peer", "--no-audit",
               "--no-fund", "--no-update-notifier"]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=SECONDS,
                              check=False, env={**os.environ, "npm_config_cache": f"{base}/cache"})
    except subprocess.TimeoutExpired:
        pytest.skip(f"the registry of npm did not answer within {SECONDS} s")
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), "")
        pytest.skip(f"packages of npm cannot be fetched: {reason}")
