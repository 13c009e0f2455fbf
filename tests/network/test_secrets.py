# SPDX-License-Identifier: AGPL-3.0-or-later
#
# As attacks/test_secrets.py, of links between nodes and between domains: keys and passwords are in
# no log of the most talkative level, argument or environment, whatever goes wrong.

import contextlib
import glob
import os

from tests.harness import wait
from tests.network.test_directory import talk
from tests.node import place

SAID = "planted-b7a1-between-nodes"
WRONG = "planted-51fe-wrong-password"


@contextlib.contextmanager
def talkative(node):
    names = [name.removeprefix("kontalk-") for name in node.daemons]
    for name in names:
        node.daemon(name).mark_log()
        node.control("ask", name, "log-level", "debug")
    yield [node.daemon(name) for name in names]
    for name in names:
        node.control("ask", name, "log-level", "info")


def keys(node):
    """Lines of every private key, and the secrets of one line."""
    for path in glob.glob(f"{node.place.run}/**", recursive=True):
        if os.path.isfile(path) and (path.endswith(".key") or "/secrets/" in path):
            yield from (line for line in place.read(path).splitlines()
                        if len(line) > 20 and not line.startswith("-----"))


def live(network, login):
    """Links that break, a domain that is not there, a stranger. Returns passwords."""
    alice, gamma = network.alpha.add_account(), network.gamma
    first, second = login(alice, where=gamma), login(where=network.beta)
    first.send_message(second.full, SAID)
    second.wait_message(SAID)
    network.reset("alpha", "beta")
    network.wait_linked(("alpha", "beta"))
    talk(first, second)
    first.send_message("x@far.example", SAID)
    with contextlib.suppress(AssertionError, OSError):
        login(type(alice)(alice.jid, WRONG), where=gamma)
    gamma.control("user", "passwd", gamma.add_account().jid, password=f"{SAID}\n")
    return [alice.password, SAID, WRONG]


def test_nothing_is_found(network, login):
    with contextlib.ExitStack() as stack:
        daemons = [one for node in network for one in stack.enter_context(talkative(node))]
        secrets = live(network, login)
        wait.until(lambda: any("debug " in one.log() for one in daemons), what="talkative logs")
        secrets += {key for node in network for key in keys(node)}
        assert len(secrets) > 10
        texts = {f"log of {one.name} {one.pid}": one.log() for one in daemons}
        for one in daemons:
            for name in ("cmdline", "environ"):
                texts[f"{name} of {one.name}"] = place.read(f"/proc/{one.pid}/{name}")
    for node in network:
        texts[f"status of {node.title}"] = node.control("network", "status")
        texts[f"configuration of {node.title}"] = node.control("ask", "net", "config")
        texts[f"metrics of {node.title}"] = node.control("ask", "net", "metrics")
    found = [(where, secret) for where, text in texts.items() for secret in secrets
             if secret in text]
    assert not found, found
