# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Each file <spec>/<section>-<rule>.scs is a test. Conversations between several actors are played
# twice: with the short cut between accounts of one worker ("direct") and by way of the router
# ("router"), with the same result. They share a node for each way, several at a time: their
# accounts are their own.

import contextlib
import glob
import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conversations.play import Cast, Mismatch, Play
from tests.conversations.script import parse
from tests.harness.plugin import running
from tests.node.place import NETWORK

HERE = os.path.dirname(os.path.abspath(__file__))
COMMON = {f'domain "{NETWORK}"': {
    "abuse-address": [f"mailto:abuse@{NETWORK}", f"xmpp:abuse@{NETWORK}"],
    "support-address": "https://support.example/",
}}
SETTINGS = {"direct": COMMON, "router": {**COMMON, "sm": {"shortcut": "no"}}}
AT_ONCE = 6
SECONDS = 90


def scripts():
    for path in sorted(glob.glob(f"{HERE}/*/*.scs")):
        with open(path, encoding="utf-8") as file:
            yield parse(os.path.relpath(path, HERE), file.read())


def pytest_generate_tests(metafunc):
    pairs = [(way, script) for script in scripts() for way in SETTINGS
             if way == "direct" or script.is_between_actors]
    metafunc.parametrize("way, script", pairs,
                         ids=[f"{script.path}-{way}" for way, script in pairs])


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
        for way in SETTINGS:
            chosen = [script for other, script in wanted if other == way]
            if chosen:
                self._begin(way, chosen, stack)
        stack.callback(self._cancel)

    def _begin(self, way, chosen, stack):
        names = iter([f"part{n}.{way}.test" for n in
                      range(sum(len(script.components) for script in chosen))])
        components = {script.path: [next(names) for _ in script.components] for script in chosen}
        node = stack.enter_context(running(settings=self._settings(way, components)))
        casts = {script.path: Cast(script, node.network, components[script.path])
                 for script in chosen}
        add_accounts(node, casts.values())
        for script in chosen:
            play = Play(node, script, casts[script.path], self.secret)
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

    def _settings(self, way, components):
        own = {f'component "{name}"': {"secret-file": self.secret_file}
               for names in components.values() for name in names}
        return {**SETTINGS[way], **self._services(), **own}

    def _cancel(self):
        for result in self.results.values():
            result.cancel()


def add_accounts(node, casts):
    accounts = [account for cast in casts for account in cast.accounts.values()]
    path = f"{node.place.run}/imported"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{account.jid}\t{account.password}\n" for account in accounts)
    node.control("user", "import", path)
    node.passwords += [account.password for account in accounts]


@pytest.fixture(scope="session")
def stage(request, tmp_path_factory):
    wanted = [(item.callspec.params["way"], item.callspec.params["script"])
              for item in request.session.items
              if getattr(item, "callspec", None) and "script" in item.callspec.params]
    with contextlib.ExitStack() as stack:
        yield Stage(wanted, tmp_path_factory.mktemp("stage"), stack)


def test_conversation(stage, way, script):
    problem = stage.results[way, script.path].exception(SECONDS)
    if isinstance(problem, Mismatch):
        pytest.fail(str(problem), pytrace=False)
    if problem:
        raise problem
