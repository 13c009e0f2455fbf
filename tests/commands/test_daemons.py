# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The options of daemons: what they say about their configuration without starting.

import contextlib
import os
import socket
import struct
import subprocess

import pytest

from tests.node import place

DAEMONS = ("kontalk-router", "kontalk-c2s", "kontalk-s2s")
MISTAKES = """[node]
hots = alpha.example.test
log-level = loud
[c2s]
listen = 127.0.0.1:99999
stanza-size = 1
sasl-tries = many
[domain "example.test"]
certificate = /nonexistent.pem
"""
# Line and column of each.
PLACES = ("2:1", "3:13", "5:10", "6:15", "7:14", "8:2")


@pytest.fixture(params=DAEMONS)
def daemon(node, request):
    """daemon("--check", path): what it came to."""
    def call(*words, configuration=node.place.configuration):
        return subprocess.run([node.place.program(request.param), "-c", configuration, *words],
                              capture_output=True, text=True, timeout=60, check=False)
    return call


def test_good_configuration(daemon):
    done = daemon("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_all_mistakes_at_once(daemon, tmp_path):
    """Each with its place, and nothing but that."""
    path = tmp_path / "kontalk.conf"
    path.write_text(MISTAKES)
    done = daemon("--check", configuration=str(path))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    for where in PLACES:
        assert any(line.startswith(f"{path}:{where}: ") for line in lines), (where, lines)
    assert all(line.startswith(f"{path}:") or line.startswith("kontalk-") for line in lines), lines
    assert "did you mean \"host\"?" in done.stderr


def test_no_configuration(daemon):
    done = daemon("--check", configuration="/nonexistent")
    assert done.returncode == 1 and "/nonexistent" in done.stderr


def test_dump_is_a_configuration(daemon, node, tmp_path):
    """What is in force, defaults too, can be read again and comes to the same; secrets stay in
    their files."""
    dumped = daemon("--dump").stdout
    path = tmp_path / "kontalk.conf"
    path.write_text(dumped)
    assert daemon("--dump", configuration=str(path)).stdout == dumped
    assert f"network = {node.network}" in dumped
    assert place.read(f"{node.place.secrets}/{node.place.component}").strip() not in dumped


def test_manual_and_version(daemon):
    manual = daemon("--manual")
    assert manual.returncode == 0 and manual.stdout.startswith(".TH KONTALK.CONF 5")
    version = daemon("--version")
    assert version.returncode == 0 and version.stdout.startswith("kontalk-")


@pytest.mark.parametrize("words", (["--frobnicate"], ["start"]))
def test_usage(daemon, words):
    done = daemon(*words)
    assert done.returncode == 2 and "--check" in done.stderr


def listening(pid):
    """The addresses of TCP where a process waits for somebody."""
    sockets = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            sockets.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    for kind, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in place.read(f"/proc/{pid}/net/{kind}").splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                host, port = local.split(":")
                words = struct.pack(f"={len(host) // 8}I", *(
                    int(host[at:at + 8], 16) for at in range(0, len(host), 8)))
                yield socket.inet_ntop(family, words), int(port, 16)


def test_listens_where_it_is_configured(node):
    """And nowhere else."""
    found = [address for process in node.daemons.values() for pid in process.pids()
             for address in listening(pid)]
    assert sorted(set(found)) == sorted(
        node.address(service) for service in node.ports
        if service not in ("NET", "FILES") or service.lower() in node.daemons)
