# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Each file <spec>/<section>-<rule>.scs is a test. Conversations between several actors are played
# twice: with the short cut between accounts of one worker ("direct") and by way of the router
# ("router"), with the same result; the core of them (conversations/ways.py) also on a node with two
# workers ("workers"), and in a network where nobody connects to the own home ("fronts",
# docs/FRONTS.md), some by WebSocket and BOSH. They share a node for each way, several at a time:
# their accounts are their own.

import contextlib
import glob
import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conversations.play import Cast, Mismatch
from tests.conversations.script import parse
from tests.conversations.ways import WAYS
from tests.node.place import NETWORK

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 6
# The first test waits for all nodes to start, and each for those before it in the pool.
SECONDS = 500


def scripts():
    for path in sorted(glob.glob(f"{HERE}/*/*.scs")):
        with open(path, encoding="utf-8") as file:
            yield parse(os.path.relpath(path, HERE), file.read())


def pytest_generate_tests(metafunc):
    metafunc.parametrize("way, script", [
        pytest.param(way, script, id=f"{script.path}-{way}",
                     marks=[pytest.mark.long] if made.is_long(script) else [])
        for script in scripts() for way, made in WAYS.items() if made.plays(script)])


class Stage:
    """All conversations that are asked for, on their nodes, begun at once."""

    def __init__(self, wanted, scratch, stack):
        self.secret = secrets.token_hex(16)
        self.secret_file = f"{scratch}/component"
        with open(os.open(self.secret_file, os.O_WRONLY | os.O_CREAT, 0o600), "w",
                  encoding="utf-8") as file:
            file.write(self.secret + "\n")
        self.pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        self.results = {}
        for way in WAYS:
            chosen = [script for other, script in wanted if other == way]
            if chosen:
                self._begin(way, chosen, stack)
        stack.callback(self._cancel)

    def _begin(self, way, chosen, stack):
        names = iter([f"part{n}.{way}.test" for n in
                      range(sum(len(script.components) for script in chosen))])
        components = {script.path: [next(names) for _ in script.components] for script in chosen}
        casts = {script.path: Cast(script, NETWORK, components[script.path])
                 for script in chosen}
        place = stack.enter_context(WAYS[way]().running(self._sections(components), casts))
        for script in chosen:
            play = place.play(script, casts[script.path], self.secret)
            self.results[way, script.path] = self.pool.submit(play.run)

    def _services(self):
        """XEP-0215."""
        turn = {"type": "turn", "host": "turn.example", "secret-file": self.secret_file}
        return {
            'external-service "stun"': {"type": "stun", "host": "stun.example", "port": 3478,
                                        "transport": "udp"},
            'external-service "turn"': {**turn, "port": 3478, "transport": "udp",
                                        "label": "Relay"},
            'external-service "turn-tcp"': {**turn, "port": 5349, "transport": "tcp"},
            'external-service "ftp"': {"type": "ftp", "host": "ftp.example", "username": "guest",
                                       "password-file": self.secret_file},
        }

    def _sections(self, components):
        own = {f'component "{name}"': {"secret-file": self.secret_file}
               for names in components.values() for name in names}
        return {**self._services(), **own}

    def _cancel(self):
        for result in self.results.values():
            result.cancel()


@pytest.fixture(scope="session")
def stage(request, tmp_path_factory):
    wanted = [(item.callspec.params["way"], item.callspec.params["script"])
              for item in request.session.items
              if getattr(item, "callspec", None) and "script" in item.callspec.params]
    with contextlib.ExitStack() as stack:
        yield Stage(wanted, tmp_path_factory.mktemp("stage"), stack)


@pytest.mark.seconds(600)
def test_conversation(stage, way, script):
    problem = stage.results[way, script.path].exception(SECONDS)
    if isinstance(problem, Mismatch):
        pytest.fail(str(problem), pytrace=False)
    if problem:
        raise problem
