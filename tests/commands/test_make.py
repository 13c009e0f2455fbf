# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What `make run`, `make start` and `make stop` promise (README.md), by the program they call.

import glob
import os
import shlex
import signal
import stat
import subprocess
import sys

import pytest

from tests.harness import wait
from tests.node import accounts, place
from tests.node.node import DAEMONS, FILES, MUC, POSTGRES, Node
from tests.node.process import all_pids, command_line

SECONDS = 120
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STARTED = (*DAEMONS, FILES, MUC)


class Instance:
    """A RUN directory of its own."""

    def __init__(self, directory, programs):
        self.run = directory
        self.node = Node(place.Place(directory, programs), files=True, muc=True)
        self.environment = dict(os.environ, RUN=directory, BIN=programs)

    def command(self, *words):
        return [sys.executable, "-m", "tests.node", *words]

    def call(self, *words):
        return subprocess.run(self.command(*words), cwd=ROOT, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                              check=False)

    def pids(self):
        return {name: self.node.part(name).pids() for name in (POSTGRES, *STARTED)}

    def read_environment(self):
        lines = place.read(self.node.place.environment).splitlines()
        return dict(shlex.split(line)[0].split("=", 1) for line in lines)


def programs():
    return os.path.abspath(os.path.join(ROOT, os.environ.get("BIN", "build")))


@pytest.fixture
def make_instance(tmp_path_factory):
    made = []

    def make(name="run", binaries=None):
        directory = tmp_path_factory.mktemp(name)
        made.append(Instance(str(directory / "run"), binaries or programs()))
        return made[-1]
    yield make
    for instance in made:
        instance.call("stop")
        instance.node.postgres.remove()


@pytest.fixture
def instance(make_instance):
    return make_instance()


def assert_started(done):
    assert done.returncode == 0, done.stdout + done.stderr


def assert_nothing_left(instance):
    assert not any(instance.pids().values())
    assert not os.path.lexists(instance.node.place.sockets)


def test_start_twice_and_stop_twice(instance):
    assert_started(instance.call("start"))
    before = instance.pids()
    assert all(before.values())
    again = instance.call("start")
    assert again.returncode == 0 and "already running" in again.stdout
    assert instance.pids() == before
    assert instance.call("stop").returncode == 0
    assert_nothing_left(instance)
    assert instance.call("stop").returncode == 0


def test_stop_without_anything(instance):
    assert instance.call("stop").returncode == 0
    assert not os.path.exists(instance.run)


def test_what_start_leaves_for_others(instance):
    assert_started(instance.call("start"))
    values = instance.read_environment()
    assert values["HOST"] == "alpha.example.test" and values["NETWORK"] == "example.test"
    assert set(values) == {"HOST", "NETWORK", "CA", "DATABASE", "CONF", "PIDS", "C2S", "C2S_TLS",
                           "S2S", "S2S_TLS", "COMPONENT", "HTTP", "HTTPS", "FILES"}
    pids = {name: [int(place.read(f"{values['PIDS']}/{name}.pid"))] for name in STARTED}
    assert pids == {name: instance.node.part(name).pids() for name in STARTED}
    assert sorted(os.listdir(values["PIDS"])) == sorted(f"{name}.pid" for name in STARTED)
    file = f"{instance.run}/accounts"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert list(accounts.read(file)) == ["alice@example.test", "bob@example.test"]
    assert os.path.exists(f"{instance.run}/secrets/test.example.test")


def test_accounts_stay(instance):
    assert_started(instance.call("start"))
    before = place.read(f"{instance.run}/accounts")
    assert instance.call("stop").returncode == 0
    assert_started(instance.call("start"))
    assert place.read(f"{instance.run}/accounts") == before


def test_start_keeps_no_descriptor(instance):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    done = subprocess.run(instance.command("start"), cwd=ROOT, env=instance.environment,
                          stdin=subprocess.DEVNULL, stdout=writing, stderr=writing,
                          pass_fds=[writing], timeout=SECONDS, check=False)
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        text = output.read()  # ends only when nobody has the other end any more
    assert done.returncode == 0, text
    assert all(instance.pids().values())


def test_side_by_side(make_instance):
    one, two = make_instance("one"), make_instance("two")
    assert_started(one.call("start"))
    assert_started(two.call("start"))
    first, second = one.read_environment(), two.read_environment()
    for service in ("C2S", "C2S_TLS", "COMPONENT"):
        assert first[service] != second[service]
    assert two.call("stop").returncode == 0
    assert all(one.pids().values())


def test_start_after_a_crash(instance):
    assert_started(instance.call("start"))
    for pids in instance.pids().values():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    assert_started(instance.call("start"))
    assert all(instance.pids().values())


def test_half_a_node_is_not_running(instance):
    assert_started(instance.call("start"))
    os.kill(instance.pids()["kontalk-router"][0], signal.SIGKILL)
    wait.until(lambda: not instance.pids()["kontalk-router"])
    done = instance.call("start")
    assert_started(done)
    assert "already running" not in done.stdout
    assert all(len(pids) == 1 for pids in instance.pids().values())


def test_a_number_in_a_file_is_not_believed(instance):
    assert_started(instance.call("start"))
    instance.call("stop")
    other = subprocess.Popen(["sleep", "60"])
    try:
        for name in STARTED:
            place.write(f"{instance.node.place.pids}/{name}.pid", f"{other.pid}\n")
        assert instance.call("stop").returncode == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_failed_start_tells_why_and_stops(make_instance, tmp_path):
    for name in (*STARTED, "kontalkctl"):
        (tmp_path / name).symlink_to(f"{programs()}/{name}")
    broken = tmp_path / STARTED[-1]
    broken.unlink()
    broken.write_text("#!/bin/sh\necho the last words\nexit 3\n")
    broken.chmod(0o755)
    instance = make_instance(binaries=str(tmp_path))
    done = instance.call("start")
    assert done.returncode == 1
    assert f"{STARTED[-1]} ended with status 3" in done.stderr
    assert "the last words" in done.stderr
    assert_nothing_left(instance)


def test_several_workers(instance):
    assert_started(instance.call("start", "--workers", "2"))
    conf = instance.node.place.configuration_of("c2s-2")
    second = [pid for pid in all_pids() if conf in command_line(pid)]
    values = instance.read_environment()
    assert second == [int(place.read(f"{values['PIDS']}/kontalk-c2s@c2s-2.pid"))]
    assert instance.node.control("ask", "c2s", "ping").count("kontalk-c2s") == 2
    assert instance.call("stop").returncode == 0
    assert_nothing_left(instance)
    assert not any(conf in command_line(pid) for pid in all_pids())
    assert not os.listdir(values["PIDS"])


def test_run_may_be_interrupted_while_it_starts(instance):
    with subprocess.Popen(instance.command("run"), cwd=ROOT, env=instance.environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        wait.until(lambda: instance.node.postgres.process.pids())
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)
    assert_nothing_left(instance)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_ends_with_a_signal(instance, number):
    process = subprocess.Popen(instance.command("run"), cwd=ROOT, env=instance.environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    with process:
        lines = []
        while not any("Ctrl-C" in line for line in lines):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        assert any("alice sent bob a message" in line for line in lines)
        process.send_signal(number)
        assert process.wait(SECONDS) == 0
    assert_nothing_left(instance)


def test_two_nodes(instance):
    """They are linked when it returns; what follows is about both of them, however it is called."""
    assert_started(instance.call("start", "--nodes", "2"))
    environments = [place.read(f"{instance.run}/{host}.example.test/node.env")
                    for host in ("alpha", "beta")]
    assert all("\nNET=127.0.0.1:" in text for text in environments)
    again = instance.call("start")
    assert_started(again)
    assert "2 nodes is already running" in again.stdout
    assert instance.call("stop").returncode == 0
    assert not glob.glob(f"{instance.run}/*/pid/*")


def test_install_below_another_prefix(tmp_path):
    """What units and the hook of certbot start is there, and nothing is left of the usual place."""
    destination = str(tmp_path)
    subprocess.run(["make", "-C", ROOT, "--no-print-directory", "install-files",
                    f"DESTDIR={destination}", "PREFIX=/opt/kontalk"], check=True, timeout=SECONDS,
                   capture_output=True)
    units = glob.glob(f"{destination}/opt/kontalk/lib/systemd/system/kontalk*.service")
    assert len(units) == len(glob.glob(f"{ROOT}/systemd/*.service"))
    named = set()
    for name in units:
        text = place.read(name)
        assert "/usr/sbin/kontalk" not in text and "/usr/lib/kontalk" not in text
        named |= {word for line in text.splitlines() if line.startswith(("Exec", "-Exec"))
                  for word in line.partition("=")[2].split() if word.startswith("/opt/")}
    assert len(named) >= 7
    assert [path for path in named if not os.access(destination + path, os.X_OK)] == []
