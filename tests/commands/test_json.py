# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Every verb of kontalkctl takes --json, and prints JSON then that says what its lines for people
# say.

import datetime
import json
import os
import subprocess

import pytest

from tests.node import place


@pytest.fixture(scope="module")
def account(session_node):
    return session_node.add_account()


@pytest.fixture
def say(node):
    """say("user list"): status and what is printed, read as JSON."""
    def run(*words, stdin="", conf=None):
        done = subprocess.run(
            [node.place.program("kontalkctl"), "-c", conf or node.place.configuration, *words],
            input=stdin, capture_output=True, text=True, timeout=120)
        return done.returncode, json.loads(done.stdout)
    return run


# What is asked of each verb, below the name it has in the help; {jid} is an account, {dir} a
# directory of the test. Those that would change the node for others, or need a network of their
# own, are asked for what cannot be, and say so.
CALLS = {
    "user add": ["user", "add", "json-{pid}@{network}"],
    "user passwd": ["user", "passwd", "{jid}"],
    "user del": ["user", "del", "json-{pid}@{network}"],
    "user disable": ["user", "disable", "{jid}"],
    "user enable": ["user", "enable", "{jid}"],
    "user list": ["user", "list"],
    "user admin": ["user", "admin", "{jid}"],
    "user import": ["user", "import", "{dir}/lines"],
    "user export": ["user", "export", "{dir}/exported.xml", "{jid}"],
    "user show": ["user", "show", "{jid}"],
    "invite create": ["invite", "create"],
    "invite reset": ["invite", "reset", "{jid}"],
    "invite list": ["invite", "list"],
    "invite show": ["invite", "show", "{invitation}"],
    "invite revoke": ["invite", "revoke", "{invitation}"],
    "invite": ["invite", "--uses", "2"],
    "session end": ["session", "end", "{jid}"],
    "room list": ["room", "list"],
    "room claim": ["room", "claim", "no address", "none"],
    "room owner": ["room", "owner", "no address", "none"],
    "room destroy": ["room", "destroy", "no address"],
    "directory lookup": ["directory", "lookup", "{jid}"],
    "directory verify": ["directory", "verify"],
    "db migrate": ["db", "migrate"],
    "home show": ["home", "show"],
    "home raise": ["home", "raise", "nothing"],
    "status": ["status"],
    "reload": ["reload"],
    "show sessions": ["show", "sessions"],
    "show counts": ["show", "counts"],
    "show storage": ["show", "storage"],
    "show tls": ["show", "tls"],
    "ask": ["ask", "c2s", "ping"],
    "conf check": ["conf", "check"],
    "conf show": ["conf", "show", "--effective", "--origin"],
    "conf diff": ["conf", "diff"],
    "conf explain": ["conf", "explain", "c2s.stanza-size"],
    "s2s show": ["s2s", "show"],
    "s2s probe": ["s2s", "probe", "away.invalid"],
    "network request": ["network", "request", "{dir}/keys", "no address"],
    "network show": ["network", "show", "{dir}/none"],
    "network status": ["network", "status"],
    "network reload": ["network", "reload"],
    "check features": ["check", "features"],
    "check": ["check", "clock"],
    "trace": ["trace", "nobody@example.test", "--for", "1s"],
    "completion": ["completion", "bash"],
    "setup": ["setup", "--no-such-option"],
    "backup": ["backup", "-"],
    "restore": ["restore", "--check", "{dir}/none"],
    "drain": ["drain", "s2s"],
    **{f"network {verb}": ["network", verb, *words] for verb, *words in (
        ["init", "{dir}/none", "{dir}/none", "{dir}/none"], ["add", "{dir}/none"],
        ["activate", "none"], ["drain", "none"], ["remove", "none"], ["registrar", "none"],
        ["renew"], ["next"], ["sign", "{dir}/none"], ["install", "{dir}/none"],
        ["suspend", "none"])},
}
# Their complaints go to standard error alone, as before they had the option.
SILENT = {"drain", "room list"}
# An object a line, while they come.
STREAMS = {"trace"}


def test_every_verb_is_tried(node):
    done = subprocess.run([node.place.program("kontalkctl"), "--help"], capture_output=True,
                          text=True, timeout=60)
    verbs = {line for line in done.stdout.splitlines() if line.startswith("  ")}
    unknown = [line for line in verbs
               if not any(line.startswith(f"  {verb} ") for verb in CALLS)]
    assert not unknown
    assert not [verb for verb in CALLS if not any(line.startswith(f"  {verb} ") for line in verbs)]


def test_json_of_every_verb(node, account, tmp_path):
    """In the order above: some undo what others have done."""
    lines = tmp_path / "lines"
    lines.write_text("no line of an account\n")
    known = {"jid": account.jid, "network": node.network, "pid": os.getpid(), "dir": tmp_path}
    for verb, words in CALLS.items():
        words = [word.format(**known) for word in words]
        done = subprocess.run(
            [node.place.program("kontalkctl"), "-c", node.place.configuration, *words, "--json"],
            input=f"{account.password}\n", capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1, 2), (verb, done.stderr)
        if verb in SILENT:
            assert not done.stdout
        elif verb in STREAMS:
            assert all(isinstance(json.loads(line), dict) for line in done.stdout.splitlines())
        else:
            assert done.stdout, (verb, done.stderr)
            answer = json.loads(done.stdout)
            assert isinstance(answer, (dict, list)), verb
            if isinstance(answer, dict) and "invitation" in answer:
                known["invitation"] = answer["invitation"]
        assert account.password not in done.stdout + done.stderr


def test_what_verbs_show(say, account, node, login):
    """The values that stand in tables and lines for people."""
    client = login(account)
    assert say("user", "list", "--json")[1].count(
        {"account": account.jid, "disabled": False, "admin": False}) <= 1
    assert account.jid in {row["account"] for row in say("user", "list", "--json")[1]}
    shown = say("user", "show", account.jid, "--json")[1]
    assert datetime.datetime.fromisoformat(shown["created"].replace("Z", "+00:00"))
    assert shown["account"] == account.jid and shown["home"] and isinstance(shown["epoch"], int)
    states = {row["daemon"]: row["state"] for row in say("status", "--json")[1]}
    assert states["kontalk-c2s"] == states["kontalk-router"] == "ok"
    tls = [row for row in say("show", "tls", "--json")[1] if row.get("daemon") == "kontalk-c2s"]
    assert tls and all(len(row["sha256"]) >= 64 and row["end"] for row in tls)
    session, = [row for row in say("show", "sessions", "--json")[1] if row["jid"] == client.full]
    assert session["state"] == "bound" and session["tls"].startswith("TLS")
    tables = {row["what"] for row in say("show", "storage", "--json")[1]}
    assert "account" in tables
    counted = {(row["process"].partition("@")[0], row["what"]): row["value"]
               for row in say("show", "counts", "--json")[1]}
    assert counted["c2s", "clients"] >= 1 and counted["c2s", "database"] == "up"
    assert counted["c2s", "commits"].endswith(" units")
    keys = {(row["section"], row["key"]) for row in say("conf", "show", "--effective",
                                                        "--json")[1] if "key" in row}
    assert ("c2s", "stanza-size") in keys


def test_what_could_not_be_done(say):
    status, answer = say("user", "del", f"nobody-{os.getpid()}@{place.NETWORK}", "--json")
    assert status == 1 and answer["done"] is False and "account" in answer["problem"]
