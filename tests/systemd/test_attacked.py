# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a daemon gets at that has been taken over: a program in its place, with its user and its
# sandbox, beside the real one. The table is docs/INSTALL.md, "The units".

import subprocess

import pytest

from tests.systemd.server import NETWORK, TLS

pytestmark = pytest.mark.seconds(1200)
PROGRAM = "/usr/lib/kontalk/probe"
UNITS = {"router": "kontalk-router", "c2s": "kontalk-c2s@1", "s2s": "kontalk-s2s",
         "net": "kontalk-net", "files": "kontalk-files", "muc": "kontalk-muc"}
DATABASE = "connect=/run/postgresql/.s.PGSQL.5432"
KEY = f"read={TLS}/privkey.pem"
# What it is there for: these are done, by each unit itself and no other.
MAY = {
    DATABASE: ("c2s", "muc"),
    KEY: ("c2s", "s2s", "files"),
    "socket=inet": ("c2s", "s2s", "net", "files", "muc"),
    "list=/var/lib/kontalk/files": ("files",),
    "connect=/run/kontalk/router/c2s.sock": ("c2s", "router"),
    "connect=/run/kontalk/router/s2s.sock": ("s2s", "router"),
    "connect=/run/kontalk/router/net.sock": ("net", "router"),
    **{f"write=/run/kontalk/{name}/probe": (name,) for name in UNITS},
    "read=/etc/kontalk/kontalk.conf": tuple(UNITS),
}
NOBODY = (
    *(f"read=/etc/kontalk/secrets/{name}" for name in ("c2s/decoy", "s2s/dialback",
                                                       "components/upload")),
    "read=/etc/shadow", "read=/root/live/privkey.pem", "list=/root",
    "list=/etc/kontalk/secrets",
    "write=/etc/kontalk/conf.d/mine.conf", "write=/usr/lib/kontalk/mine", "write=/etc/mine",
    "write=/var/lib/kontalk/mine", "write=/run/kontalk/mine", "write=/run/systemd/system/mine",
    "execute=/bin/sh", "execute=/usr/bin/env", "own=/tmp/mine",
    "socket=raw", "socket=netlink", "socket=packet",
    "call=setuid", "call=mount", "call=unshare", "call=chroot", "call=code",
)
CHANGED = ("Type=", "ExecStart=", "ExecReload=", "WatchdogSec=", "Restart", "PartOf=", "WantedBy=",
           "[Install]", "After=", "Wants=", "TimeoutStartSec=", "Documentation=", "Sockets=")


def of_others(server, me):
    """What belongs to the other daemons."""
    for name, unit in UNITS.items():
        if name == me:
            continue
        yield f"connect=/run/kontalk/{name}/kontalk-{unit.removeprefix('kontalk-')}.ctl"
        pid = server.property(unit, "MainPID")
        if pid != "0":
            yield f"trace={pid}"
            yield f"read=/proc/{pid}/environ"
            yield f"list=/proc/{pid}/fd"
    for kind, owner in (("c2s_decoy", "c2s"), ("s2s_dialback", "s2s"),
                        ("components_upload", "router"), ("components_upload", "files")):
        if owner != me:
            yield f"read=/run/credentials/{UNITS[owner]}.service/{kind}"


def attempts(server, me):
    state = ["own=/var/lib/kontalk/files/mine"] if me == "files" else []
    return [*MAY, *NOBODY, *of_others(server, me), f"own=/run/kontalk/{me}/mine", *state]


def put_in_place(server, name):
    """The same unit with another program."""
    machine, unit = server.machine, UNITS[name]
    stem = unit.partition("@")[0] + ("@" if "@" in unit else "")
    text = machine.run("cat", f"/lib/systemd/system/{stem}.service").replace("%i", "1")
    kept = [line for line in text.splitlines() if not line.startswith(CHANGED)]
    begin = kept.index("[Service]") + 1
    kept[begin:begin] = ["Type=oneshot", f"ExecStart={PROGRAM} {' '.join(attempts(server, name))}",
                         f"StandardOutput=truncate:/run/probe.{name}"]
    machine.write(f"/run/systemd/system/probe-{name}.service", "\n".join(kept) + "\n")


@pytest.fixture(scope="module")
def answers(server, tmp_path_factory):
    """{daemon: {attempt: whether it was done}}"""
    program = str(tmp_path_factory.mktemp("probe") / "probe")
    subprocess.run(["cc", "-O1", "-static", "-o", program, "tests/systemd/probe.c"], check=True,
                   timeout=60)
    machine = server.machine
    machine.write(PROGRAM, open(program, "rb").read(), "755")
    for name in UNITS:
        put_in_place(server, name)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", *(f"probe-{name}" for name in UNITS))
    found = {}
    for name in UNITS:
        lines = machine.run("cat", f"/run/probe.{name}").splitlines()
        found[name] = {line.split()[0]: line.split()[1] == "done" for line in lines}
    machine.run("sh", "-c", f"rm -f {PROGRAM} /run/systemd/system/probe-* /run/probe.* "
                "/run/kontalk/*/probe; systemctl daemon-reload")
    return found


@pytest.mark.parametrize("name", UNITS)
def test_what_it_gets_at(answers, name):
    tried = answers[name]
    done = {attempt for attempt, is_done in tried.items() if is_done}
    assert set(MAY) | set(NOBODY) <= set(tried)
    assert done == {attempt for attempt, owners in MAY.items() if name in owners}
