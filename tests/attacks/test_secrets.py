# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What nobody finds afterwards (row F18 of docs/ATTACKS.md): passwords, what proves them, and what
# people say to each other, in logs of the most talkative level, in arguments and environments.

import base64
import os
import re

import pytest

from tests.attacks.sasl import auth
from tests.harness.node import SOURCES
from tests.harness.plugin import running
from tests.harness.stream import RawStream
from tests.node import place
from tests.router.router import Component

SAID = "planted-7d1f-in-a-message"
STATUS = "planted-c03a-in-presence"
NAME = "planted-55ee-in-the-roster"
PRIVATE = "planted-90b2-in-private-storage"
WRONG = "planted-14ac-wrong-password"
NEW = "planted-e8d7-new-password"
LOST = "planted-3b60-to-nobody"


@pytest.fixture(scope="module")
def node():
    with running(settings={"node": {"log-level": "debug"}}) as made:
        yield made


def connect(node, account):
    return RawStream(node, account, source=next(SOURCES))


def plain(account, password=None):
    message = f"\0{account.user}\0{password or account.password}".encode()
    return base64.b64encode(message).decode()


def live(node, alice, bob):
    """A day of two people. Returns what they would not like to be found."""
    first = connect(node, alice).login()
    second = connect(node, bob)
    second.secure()
    message = plain(bob)
    auth(second, "PLAIN", message)
    second.begin()
    second.bind()
    second.send(f"<presence><status>{STATUS}</status></presence>")
    first.ask("set", "<query xmlns='jabber:iq:roster'>"
                     f"<item jid='{bob.jid}' name='{NAME}'/></query>")
    first.ask("set", "<query xmlns='jabber:iq:private'>"
                     f"<x xmlns='test:private'>{PRIVATE}</x></query>")
    first.send_message(second.full, SAID)
    second.wait_message(SAID)
    first.send_message("x@far.example", LOST)
    for to in (f"nobody@{node.network}", "a@@b", f"bot@{place.COMPONENT}"):
        first.send_message(to, LOST)
        first.wait_message(LOST)
    first.exchange(f"<message><body>{SAID}</body><oops></message>")
    second.exchange(f"<message from='{alice.jid}'><body>{SAID}</body></message>")
    return [message, base64.b64encode(message.encode()).decode()]


def guess(node, account):
    stranger = connect(node, account)
    stranger.secure()
    auth(stranger, "PLAIN", plain(account, WRONG))
    auth(stranger, WRONG, "=")
    stranger.exchange(f"<{WRONG}/>")
    return [plain(account, WRONG)]


def component(node):
    """One that is let in, and one that is not."""
    part = Component(node.address("COMPONENT"))
    part.begin(place.COMPONENT)
    part.prove(node.component_secret())
    part.close()
    part = Component(node.address("COMPONENT"))
    part.begin(place.COMPONENT)
    part.send(f"<handshake>{WRONG}</handshake>")
    assert part.condition() == "not-authorized"
    return [node.component_secret()]


def stored_secrets(node):
    secrets = [place.read(f"{node.place.secrets}/{name}").strip()
               for name in os.listdir(node.place.secrets)]
    for path in (f"{node.place.tls}/{node.network}.key",):
        secrets += [line for line in place.read(path).splitlines() if len(line) > 40]
    return secrets


def processes(node):
    for name in ("router", "c2s", "s2s"):
        yield node.daemon(name).pid


def check_nowhere(node, secrets):
    texts = {name: place.read(f"{node.place.log}/{name}") for name in os.listdir(node.place.log)}
    for pid in processes(node):
        for name in ("cmdline", "environ"):
            texts[f"{name} of {pid}"] = place.read(f"/proc/{pid}/{name}")
    assert re.search("^debug ", texts["kontalk-c2s.log"], re.MULTILINE)
    found = [(where, secret) for where, text in texts.items() for secret in secrets
             if secret in text]
    assert not found, found


def test_F18_nothing_is_found(node):
    alice, bob = node.add_account(), node.add_account()
    secrets = [SAID, STATUS, NAME, PRIVATE, LOST, NEW, alice.password, bob.password]
    secrets += live(node, alice, bob) + guess(node, alice) + component(node)
    node.control("user", "passwd", alice.jid, password=f"{NEW}\n")
    node.control("user", "del", bob.jid)
    secrets += [plain(alice, NEW), *stored_secrets(node)]
    check_nowhere(node, [*secrets, *verifiers(node)])


def verifiers(node):
    """StoredKey and ServerKey of everybody."""
    rows = node.postgres.query("kontalk", "SELECT * FROM verifier")
    found = re.findall(r"[A-Za-z0-9+/]{27,}=*", rows)
    assert found
    return found
