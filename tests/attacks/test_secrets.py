# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What nobody finds afterwards (row F18 of docs/ATTACKS.md): passwords, tokens and keys, what proves
# them, and what people say to each other, in logs of the most talkative level, in arguments and
# environments, in what kontalkctl and the daemons tell, and in the list of a backup. That of links
# between nodes: tests/network/test_secrets.py.

import base64
import contextlib
import os
import re
import subprocess

import pytest

from tests.attacks.sasl import auth
from tests.files import upload
from tests.harness.node import SOURCES, Account
from tests.harness.plugin import running
from tests.harness.sasl2 import Sasl2Stream, request_token
from tests.harness.stream import RawStream
from tests.muc.rooms import Room
from tests.node import place
from tests.router.router import Component

SAID = "planted-7d1f-in-a-message"
STATUS = "planted-c03a-in-presence"
NAME = "planted-55ee-in-the-roster"
PRIVATE = "planted-90b2-in-private-storage"
WRONG = "planted-14ac-wrong-password"
NEW = "planted-e8d7-new-password"
LOST = "planted-3b60-to-nobody"
ROOM = "planted-2f9d-password-of-a-room"
INVITED = "planted-6c13-of-the-invited"
DATABASE = "planted-0be4-of-the-database"


@pytest.fixture(scope="module")
def node():
    with running(settings={"node": {"log-level": "debug"}}, files=True, muc=True) as made:
        made.streams = []
        yield made
        for stream in made.streams:
            stream.close()


def connect(node, account, kind=RawStream, **options):
    node.streams.append(kind(node, account, source=next(SOURCES), **options))
    return node.streams[-1]


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


def database_password(node, tmp_path):
    """The role of c2s has one, in a file; the first time it is a wrong one."""
    file = str(tmp_path / "pgpass")
    rules = f"{node.postgres.data}/pg_hba.conf"
    before = place.read(rules)
    node.postgres.query("postgres", f"ALTER ROLE kontalk PASSWORD '{DATABASE}'")
    owner = os.stat(rules)
    with open(rules, "w", encoding="utf-8") as text:
        text.write(f"local all kontalk scram-sha-256\n{before}")
    assert os.stat(rules).st_uid == owner.st_uid
    node.postgres.query("postgres", "SELECT pg_reload_conf()")
    place.write(file, f"*:*:*:*:{WRONG}\n")
    node.reconfigure({"database": {"conninfo": f"{node.postgres.conninfo} passfile={file}"}})
    c2s = node.daemon("c2s")
    c2s.stop()
    with contextlib.suppress(place.Error):
        node.control("user", "list")
    place.write(file, f"*:*:*:*:{DATABASE}\n")
    c2s.start()
    return [DATABASE]


def token(node):
    """One that is good for login, used and wrong (XEP-0484)."""
    def modern(owner, device=None):
        stream = connect(node, owner, Sasl2Stream, device=device)
        stream.secure()
        return stream

    owner = node.add_account()
    first = modern(owner)
    first.accept(first.with_password(request_token()))
    modern(owner, first.device).with_token(WRONG)
    second = modern(owner, first.device)
    second.accept(second.with_token(first.token, request_token()))
    return [owner.password, first.token] + ([second.token] if second.token else [])


def invitation(node):
    """One that is used, behind one that is wrong."""
    link = node.control("invite", "create")
    found = re.search(r"preauth=([0-9a-f]+)", link)[1]
    for preauth in (WRONG, found):
        stranger = connect(node, Account(f"new@{node.network}", INVITED))
        stranger.secure()
        answer = stranger.ask("set", f"<preauth xmlns='urn:xmpp:pars:0' token='{preauth}'/>",
                              to=node.network)
        assert (answer.get("type") == "result") == (preauth == found)
    answer = stranger.ask("set", "<query xmlns='jabber:iq:register'><username>new</username>"
                                 f"<password>{INVITED}</password></query>")
    assert answer.get("type") == "result"
    return [found, INVITED]


def services(node, alice):
    """Files and rooms, with what goes wrong there."""
    client = connect(node, alice).login()
    slot = upload.slot(client, node)
    refused = upload.send(node, "PUT", slot.put, upload.CONTENT,
                          {"Authorization": f"Bearer {WRONG}"})
    assert refused.status in (401, 403)
    assert upload.put(node, slot).status == 201
    room = Room(node, lambda: client, "planted",
                {"passwordprotectedroom": "1", "roomsecret": ROOM})
    stranger = connect(node, node.add_account()).login()
    room.join(stranger, "wrong", f"<password>{WRONG}</password>")
    room.join(stranger, "right", f"<password>{ROOM}</password>")
    room.say(stranger, SAID)
    room.hears(stranger, SAID)
    return [ROOM, *(value for name, value in slot.headers.items() if name == "Authorization")]


TOLD = (
    ("conf", "show"), ("conf", "show", "--effective", "--origin"), ("conf", "diff"),
    ("conf", "explain", "database.conninfo"), ("conf", "check"), ("status",), ("show", "tls"),
    ("check", "features"), ("check",),
    ("s2s", "show"), ("invite", "list"), ("user", "list"), ("home", "show"),
    *(("ask", daemon, word) for daemon in ("router", "c2s", "s2s", "files", "muc")
      for word in ("config", "metrics", "health", "features", "help")),
    *(("ask", *words) for words in (
        ("c2s", "show", "sessions"), ("c2s", "show", "waiting"), ("c2s", "show", "counts"),
        ("c2s", "counters"), ("router", "show", "routes"), ("router", "show", "components"),
        ("router", "show", "counters"), ("files", "show", "counts"), ("muc", "show", "counts"))),
)


def told(node, tmp_path):
    """{what was asked: all that was answered}"""
    texts = {}
    for words in TOLD:
        done = subprocess.run(
            [node.place.program("kontalkctl"), "-c", node.place.configuration, *words], text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        assert done.stdout or words[:2] in (("conf", "diff"), ("conf", "check"), ("s2s", "show"),
                                            ("invite", "list"), ("ask", "c2s")), words
        texts[" ".join(words)] = done.stdout + done.stderr
    texts["backup"] = node.control("backup", str(tmp_path / "backup"))
    texts["manifest"] = place.read(str(tmp_path / "backup" / "manifest"))
    return texts


def processes(node):
    for name in node.daemons:
        yield node.daemon(name.removeprefix("kontalk-")).pid


def check_nowhere(node, secrets, texts):
    texts |= {name: place.read(f"{node.place.log}/{name}") for name in os.listdir(node.place.log)}
    for pid in processes(node):
        for name in ("cmdline", "environ"):
            texts[f"{name} of {pid}"] = place.read(f"/proc/{pid}/{name}")
    assert re.search("^debug ", texts["kontalk-c2s.log"], re.MULTILINE)
    assert len(secrets) > 30 and all(len(secret) > 10 for secret in secrets)
    found = [(where, secret) for where, text in texts.items() for secret in secrets
             if secret in text]
    assert not found, found


def test_F18_nothing_is_found(node, tmp_path):
    secrets = database_password(node, tmp_path)
    alice, bob = node.add_account(), node.add_account()
    secrets += [SAID, STATUS, NAME, PRIVATE, LOST, NEW, WRONG, alice.password, bob.password]
    secrets += live(node, alice, bob) + guess(node, alice) + component(node)
    secrets += token(node) + invitation(node) + services(node, alice)
    node.control("user", "passwd", alice.jid, password=f"{NEW}\n")
    node.control("user", "del", bob.jid)
    secrets += [plain(alice, NEW), *stored_secrets(node)]
    check_nowhere(node, [*secrets, *verifiers(node)], told(node, tmp_path))


def verifiers(node):
    """StoredKey and ServerKey of everybody."""
    rows = node.postgres.query("kontalk", "SELECT * FROM verifier")
    found = re.findall(r"[A-Za-z0-9+/]{27,}=*", rows)
    assert found
    return found
