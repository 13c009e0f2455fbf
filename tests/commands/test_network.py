# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl network: the document from the first key to its changes, all on files; and the page of
# docs/NETWORK.md on joining nodes, to the letter.

import itertools
import os
import re
import subprocess
import tempfile

import pytest

from tests.harness import wait
from tests.node import place, ports

NETWORK = "example.net"
HOSTS = ("alpha", "beta", "gamma")
PAGE = "Joining nodes of different operators"


class Operators:
    """Each has a directory with a configuration; files go from one to another by hand."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        for host in HOSTS:
            (directory / host).mkdir()
            (directory / host / "kontalk.conf").write_text(
                f"[node]\nhost = {host}.{NETWORK}\nnetwork = {NETWORK}\n"
                "document = network.conf\n")

    def run(self, host, *words):
        return subprocess.run([self.program, "-c", f"{host}/kontalk.conf", "network", *words],
                              cwd=self.directory, capture_output=True, text=True, timeout=60,
                              check=False)

    def do(self, host, *words):
        done = self.run(host, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, host, *words):
        done = self.run(host, *words)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def request(self, host, *words):
        done = self.run(host, "request", f"{host}/keys", f"192.0.2.{HOSTS.index(host) + 1}:5271",
                        *words)
        assert done.returncode == 0, done.stderr
        (self.directory / f"{host}.request").write_text(done.stdout)
        return re.search("fingerprint: ([0-9a-f ]+)", done.stderr).group(1)

    def text(self, name):
        return (self.directory / name).read_text()

    def change(self, name, old, new):
        before = self.text(name)
        assert old in before
        (self.directory / name).write_text(before.replace(old, new))


@pytest.fixture
def operators(node, tmp_path):
    return Operators(node.place.program("kontalkctl"), tmp_path)


@pytest.fixture
def two(operators):
    """alpha and beta are a network; ada.key signs."""
    for host in ("alpha", "beta"):
        operators.request(host)
    operators.do("alpha", "init", "ada", "ada.key", "alpha.request")
    operators.do("alpha", "add", "beta.request", "active")
    operators.do("alpha", "sign", "ada.key")
    operators.do("beta", "install", "alpha/network.conf")
    return operators


def test_two_nodes(two):
    for host in ("alpha", "beta"):
        shown = two.do(host, "show")
        assert f"network {NETWORK} serial 2" in shown and "signed by 1 of 1\n" in shown
        assert f"member 1 alpha.{NETWORK} active front,home,s2s,registrar 192.0.2.1:5271" in shown
        assert f"member 2 beta.{NETWORK} active front,home,s2s 192.0.2.2:5271" in shown
        assert f"home beta epoch 1 at beta.{NETWORK}" in shown
    assert two.text("alpha/network.conf") == two.text("beta/network.conf")
    assert not (two.directory / "alpha/network.conf.next").exists()


def test_keys_are_kept_and_secret(operators):
    """Whoever asks twice asks with the same keys."""
    first = operators.request("alpha")
    assert operators.request("alpha") == first
    for name in ("node.key", "signing.key"):
        assert os.stat(operators.directory / "alpha/keys" / name).st_mode & 0o777 == 0o600


def test_fingerprints_are_the_same_on_both_ends(two):
    fingerprint = two.request("gamma")
    assert f"fingerprint: {fingerprint}\n" in two.do("alpha", "add", "gamma.request")
    assert f"fingerprint={fingerprint}\n" in two.do("alpha", "show", "alpha/network.conf.next")


def test_changes_wait_for_signatures(two):
    two.request("gamma", "operator=mailto:ops@gamma.example")
    two.do("alpha", "add", "gamma.request", "front")
    two.do("alpha", "drain", f"beta.{NETWORK}")
    assert "serial 2" in two.do("alpha", "show")
    pending = two.do("alpha", "show", "alpha/network.conf.next")
    assert "signed by 0 of 1: it is not good yet" in pending
    assert f"member 3 gamma.{NETWORK} joining front 192.0.2.3:5271 operator=mailto:ops" in pending
    assert f"beta.{NETWORK} draining" in pending and "home gamma" not in pending
    two.do("alpha", "sign", "ada.key")
    assert "serial 3" in two.do("alpha", "show")
    assert "nothing waits" in two.refused("alpha", "sign", "ada.key")
    two.do("alpha", "activate", f"gamma.{NETWORK}")
    two.do("alpha", "sign", "ada.key")
    assert f"gamma.{NETWORK} active" in two.do("alpha", "show")


def test_numbers_are_never_used_again(two):
    two.do("alpha", "remove", f"beta.{NETWORK}", "with-homes")
    two.do("alpha", "sign", "ada.key")
    two.request("gamma")
    two.do("alpha", "add", "gamma.request")
    assert f"member 3 gamma.{NETWORK}" in two.do("alpha", "show", "alpha/network.conf.next")


def test_two_keyholders(two):
    """Bea becomes keyholder by ada's hand and her own; from then on it takes both."""
    two.request("gamma")
    two.do("gamma", "init", "bea", "bea.key", "gamma.request")
    bea = re.search(r'\[keyholder "bea"\]\nkey = \S+\n', two.text("gamma/network.conf")).group()
    two.do("alpha", "next")
    two.change("alpha/network.conf.next", '[keyholder "ada"]', f'{bea}\n[keyholder "ada"]')
    two.change("alpha/network.conf.next", "required-signatures = 1", "required-signatures = 2")
    assert "signed by 1 of 2" in two.do("alpha", "sign", "ada.key")
    assert "has signed it already" in two.refused("alpha", "sign", "ada.key")
    assert "serial 3 is in force" in two.do("alpha", "sign", "bea.key")
    two.do("alpha", "renew", "2040-01-01T00:00:00Z")
    two.do("alpha", "sign", "bea.key")
    assert "serial 3" in two.do("alpha", "show")
    two.do("beta", "install", "alpha/network.conf")
    two.do("beta", "sign", "ada.key", "alpha/network.conf.next")
    assert "serial 4 expires 2040-01-01T00:00:00Z" in two.do("beta", "show")


def test_suspension(two):
    """One keyholder, at once, not for longer than a day, and only once under one serial."""
    beta = f"beta.{NETWORK}"
    assert "not a duration" in two.refused("alpha", "suspend", beta, "ada.key", "25h")
    two.do("alpha", "suspend", beta, "ada.key", "1h")
    shown = two.do("alpha", "show")
    assert f"{beta} suspended" in shown and f"suspension of {beta} until" in shown
    assert "serial 2 " in shown and "signed by 1 of 1\n" in shown
    assert "only a new document" in two.refused("alpha", "suspend", beta, "ada.key")
    assert f"suspension of {beta} ends" in two.do("alpha", "suspend", beta)
    two.do("alpha", "sign", "ada.key")
    assert f"{beta} suspended" in two.do("alpha", "show")


REFUSALS = (
    ("a stranger's key", ("sign", "eve.key"), "key of none of the keyholders"),
    ("no such key", ("sign", "nobody.key"), "there is no such file"),
    ("a member twice", ("add", "beta.request"), "it is a member already"),
    ("a document as request", ("add", "alpha/network.conf"), "not the request of a node"),
    ("no file", ("add", "nothing"), "cannot read the file"),
    ("no role", ("add", "gamma.request", "hoem"), "neither a role nor a state"),
    ("another network", ("add", "eve.request"), "it is for another network"),
    ("a forged request", ("add", "forged.request"), "0 of the keyholders"),
    ("a home that is there", ("add", "twin.request"), "[home] is there already"),
    ("no member", ("remove", "omega.example.net"), "is no member"),
    ("homes", ("remove", "beta.example.net"), "say with-homes"),
    ("the registrar", ("remove", "alpha.example.net", "with-homes"), "serves the registrar"),
    ("no time", ("renew", "tomorrow"), "is not a time"),
    ("an old document", ("install", "old.conf"), "its serial is 1"),
    ("begun already", ("init", "ada", "ada.key", "alpha.request"), "is there already"),
    ("suspended by a stranger", ("suspend", "beta.example.net", "eve.key"), "key of none"),
)


def test_refusals(two):
    """What does not work says why, and changes nothing."""
    two.request("gamma")
    (two.directory / "eve").mkdir()
    for host, network, name in (("eve", "example.org", "eve"), ("twin", NETWORK, "gamma")):
        conf = f"[node]\nhost = {host}.{network}\nnetwork = {network}\ndocument = {host}.conf\n"
        conf += "home = beta\n" if host == "twin" else ""
        (two.directory / name / "kontalk.conf").write_text(conf)
        done = two.do(name, "request", f"{name}/others", "192.0.2.9:5271")
        (two.directory / f"{host}.request").write_text(done)
    two.do("eve", "init", "eve", "eve.key", "eve.request")
    forged = two.text("gamma.request").replace("192.0.2.3", "192.0.2.66")
    (two.directory / "forged.request").write_text(forged)
    first = two.text("alpha/network.conf").replace("serial = 2", "serial = 1")
    (two.directory / "old.conf").write_text(first)
    two.do("alpha", "next")
    before = two.text("alpha/network.conf"), two.text("alpha/network.conf.next")
    for name, words, reason in REFUSALS:
        assert reason in two.refused("alpha", *words), name
    assert before == (two.text("alpha/network.conf"), two.text("alpha/network.conf.next"))


# --- the page ---

def page():
    """Its commands, as (host, command), and what it adds to the configuration."""
    with open("docs/NETWORK.md", encoding="utf-8") as file:
        text = file.read()
    section = re.search(rf"## {PAGE}\n(.*?)\n## ", text, re.S).group(1)
    block = [line[4:] for line in section.splitlines() if line.startswith("    ") or not line]
    commands = [line.split("$ ", 1) for line in block if "$ " in line]
    settings = "\n".join(line for line in block if "$ " not in line)
    return commands, settings


# Copies to the home directory of another host, which is a folder here.
SCP = """#!/bin/sh
cp "$1" "$HOSTS/${2%%.*}/"
"""


@pytest.fixture
def addresses():
    """{address in the page: one that can be listened on}"""
    reservation = ports.Reservation()
    taken = itertools.islice((port for port in ports.OTHERS if reservation.take(port)), 2)
    yield {f"192.0.2.{i}:5271": f"{ports.ADDRESS}:{port}" for i, port in enumerate(taken, 1)}
    reservation.release()


@pytest.fixture
def sockets():
    """Short paths for sockets, by host."""
    with tempfile.TemporaryDirectory(prefix="kontalk-", dir="/tmp") as directory:
        yield {host: f"{directory}/{host}" for host in ("alpha", "beta")}


@pytest.fixture
def started(node):
    """started(program, configuration): runs until the end of the test."""
    running = []

    def start(program, configuration):
        running.append(subprocess.Popen([node.place.program(program), "-c", configuration],
                                        stderr=subprocess.DEVNULL))
    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=60)


def prepare(tmp_path, program, sockets, addresses):
    """What each operator has before he begins; the environment of the commands."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "scp").write_text(SCP)
    (tools / "kontalkctl").write_text(
        f'#!/bin/sh\nexec {program} -c ./etc/kontalk/kontalk.conf "$@"\n')
    for tool in ("scp", "kontalkctl"):
        (tools / tool).chmod(0o755)
    for (host, short), listen in zip(sockets.items(), addresses.values()):
        for folder in ("etc/kontalk", "var/lib/kontalk/network"):
            (tmp_path / host / folder).mkdir(parents=True)
        os.mkdir(short)
        (tmp_path / host / "etc/kontalk/kontalk.conf").write_text(
            f"[net]\nlisten = {listen}\nretry-min = 50ms\n[node]\nhost = {host}.{NETWORK}\n"
            f"network = {NETWORK}\nrun-directory = {short}\n")
    return {"PATH": f"{tools}:/usr/bin:/bin", "HOSTS": str(tmp_path)}


def test_the_page_on_joining(node, tmp_path, addresses, sockets, started):
    """Its commands one after the other, with paths below a directory for each host and addresses
    on the loopback interface; then the two nodes are linked."""
    commands, settings = page()
    environment = prepare(tmp_path, node.place.program("kontalkctl"), sockets, addresses)

    def run(host, command):
        here = tmp_path / host
        command = re.sub(r"(?<= )/(etc|var)/", rf"{here}/\1/", command)
        for written, real in addresses.items():
            command = command.replace(written, real)
        done = subprocess.run(["sh", "-ec", command], cwd=here, capture_output=True, text=True,
                              env=environment, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout
    begun = False
    for host, command in commands:
        if not begun and "network request" not in command:
            add_settings(tmp_path, settings)
            begun = True
        run(host, command)
    documents = {place.read(str(tmp_path / host / "var/lib/kontalk/network/network.conf"))
                 for host in sockets}
    assert len(documents) == 1 and f'[member "beta.{NETWORK}"]' in documents.pop()
    for host, short in sockets.items():
        for program in ("kontalk-router", "kontalk-net"):
            started(program, str(tmp_path / host / "etc/kontalk/kontalk.conf"))
        wait.until(lambda: os.path.exists(f"{short}/kontalk-net.ctl"), what="kontalk-net")
    wait.until(lambda: f"beta.{NETWORK} up " in run("alpha", "kontalkctl network status"),
               what="a link at alpha")
    wait.until(lambda: f"alpha.{NETWORK} up " in run("beta", "kontalkctl network status"),
               what="a link at beta")


def add_settings(directory, settings):
    for host in ("alpha", "beta"):
        here = directory / host
        with open(here / "etc/kontalk/kontalk.conf", "a", encoding="utf-8") as file:
            file.write(known(settings).replace(" = /", f" = {here}/"))


def known(settings):
    """[node] is there already, above."""
    return settings.replace("[node]\n", "", 1)
