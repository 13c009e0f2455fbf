# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Accounts of Debian's Prosody and ejabberd, exported by themselves (XEP-0227) and taken over: with
# the passwords they had.

import glob
import hashlib
import hmac
import os
import re
import shutil
import subprocess

import pytest

from tests.harness import archive
from tests.harness.node import Account
from tests.harness.pubsub import Desk, item_ids
from tests.peers.ejabberd import binaries

PASSWORD = "wonderland"
SECONDS = 200

EJABBERD = """
hosts: ["example.test"]
auth_method: [internal]
auth_password_format: scram
auth_scram_hash: {hash}
listen: []
modules:
  mod_admin_extra: {{}}
  mod_disco: {{}}
  mod_offline: {{}}
  mod_roster: {{}}
  mod_private: {{}}
  mod_privacy: {{}}
  mod_vcard: {{}}
"""
FILL = """
{{ok, _}} = application:ensure_all_started(ejabberd), H = <<"example.test">>,
[ok = ejabberd_auth:try_register(U, H, <<"{password}">>) || U <- [{users}]],
ok = mod_admin_extra:add_rosteritem(<<"{user}">>, H, <<"eve">>, H, <<"Eve <3">>, <<"Friends">>,
                                    <<"both">>),
ok = mod_admin_extra:set_vcard(<<"{user}">>, H, <<"FN">>, <<"Bob">>),
ok = mod_admin_extra:private_set(<<"{user}">>, H,
                                 <<"<prefs xmlns=\\"urn:example:prefs\\"><a/></prefs>">>),
ok = mod_admin_extra:send_message(<<"chat">>, <<"eve@example.test">>, <<"{user}@example.test">>,
                                  <<>>, <<"while away">>),
Wait = fun(F, 0) -> F; (F, N) -> case mod_offline:count_offline_messages(<<"{user}">>, H) of
    1 -> ok; _ -> receive after 50 -> F(F, N - 1) end end end,
Wait(Wait, 2000),
ok = ejabberd_piefxis:export_server(<<"{out}">>), halt().
"""


def export_ejabberd(directory, user, scram):
    out = directory / "out"
    out.mkdir()
    (directory / "ejabberd.yml").write_text(EJABBERD.format(hash=scram))
    environment = {**os.environ, "ERL_CRASH_DUMP": str(directory / "crash"),
                   "ERL_LIBS": os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*")[0]),
                   "EJABBERD_CONFIG_PATH": str(directory / "ejabberd.yml"),
                   "EJABBERD_LOG_PATH": str(directory / "ejabberd.log")}
    fill = FILL.format(password=PASSWORD, user=user, users=binaries([user]), out=out)
    subprocess.run(["erl", "-noinput", "-mnesia", "dir", f'"{directory / "spool"}"', "-s",
                    "ejabberd", "-eval", fill], env=environment, timeout=SECONDS, check=True,
                   stdout=subprocess.DEVNULL)
    [main] = [path for path in out.iterdir() if "example_test" not in path.name]
    return main


# A copy, since it has the place where it writes in itself.
MIGRATOR = "/usr/bin/prosody-migrator"
STORES = """
local stores = {{ "accounts", "roster", "private", "vcard", "pep-pubsub", "archive-archive" }}
from_store {{ hosts = {{ ["example.test"] = stores }}; type = "internal"; path = "{data}" }}
to_store {{ hosts = {{ ["example.test"] = stores }}; type = "xep0227"; path = "{out}" }}
"""


def credentials():
    salt = "0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), salt.encode(), 10000)
    client, server = (hmac.new(salted, f"{name} Key".encode(), "sha1") for name in
                      ("Client", "Server"))
    return (f'return {{ ["iteration_count"] = 10000; ["salt"] = "{salt}"; ["stored_key"] = '
            f'"{hashlib.sha1(client.digest()).hexdigest()}"; '
            f'["server_key"] = "{server.hexdigest()}"; }};')


# As Prosody's own storage has it, by store.
DATA = {
    "roster": 'return {{ [false] = {{ ["pending"] = {{ ["mallory@example.net"] = true }} }};'
              ' ["eve@example.test"] = {{ ["subscription"] = "both"; ["name"] = "Eve <3";'
              ' ["groups"] = {{ ["Friends"] = true }} }}; }};',
    "vcard": 'return {{ ["name"] = "vCard"; ["attr"] = {{ ["xmlns"] = "vcard-temp" }};'
             ' {{ ["name"] = "FN"; ["attr"] = {{}}; "Bob" }}; }};',
    "private": 'return {{ ["prefs:urn:example:prefs"] = {{ ["name"] = "prefs"; ["attr"] ='
               ' {{ ["xmlns"] = "urn:example:prefs" }}; {{ ["name"] = "a"; ["attr"] = {{}} }}; }};'
               ' }};',
    "pep": 'return {{ ["urn:example:n"] = {{ ["name"] = "urn:example:n"; ["config"] ='
           ' {{ ["access_model"] = "open"; ["max_items"] = "max" }}; ["subscribers"] = {{}};'
           ' ["affiliations"] = {{ ["eve@example.test"] = "publisher" }}; }}; }};',
}
LISTS = {
    "pep_urn%3aexample%3an": 'item({{ ["key"] = "i1"; ["when"] = 1700000000; ["with"] ='
                             ' "{jid}"; ["name"] = "item"; ["attr"] = {{ ["id"] = "i1";'
                             ' ["xmlns"] = "http://jabber.org/protocol/pubsub" }};'
                             ' {{ ["name"] = "x"; ["attr"] = {{ ["xmlns"] = "urn:example" }}; }};'
                             ' }});\n',
    "archive": 'item({{ ["key"] = "k1"; ["when"] = 1700000000; ["with"] = "eve@example.test";'
               ' ["name"] = "message"; ["attr"] = {{ ["from"] = "eve@example.test/r"; ["to"] ='
               ' "{jid}"; ["type"] = "chat"; ["id"] = "m1" }};'
               ' {{ ["name"] = "body"; ["attr"] = {{}}; "archived" }}; }});\n',
}


def export_prosody(directory, user, _scram):
    data, out = directory / "data", directory / "out"
    out.mkdir()
    jid = f"{user}@example.test"
    files = {"accounts": credentials(), **{store: text.format(jid=jid)
                                           for store, text in DATA.items()}}
    for store, text in files.items():
        path = data / "example%2etest" / store
        path.mkdir(parents=True)
        (path / f"{user}.dat").write_text(text)
    for store, text in LISTS.items():
        path = data / "example%2etest" / store
        path.mkdir(parents=True)
        (path / f"{user}.list").write_text(text.format(jid=jid))
    (directory / "migrator.cfg.lua").write_text(STORES.format(data=data, out=out))
    with open(MIGRATOR, encoding="utf-8") as script:
        text = re.sub(r"(?m)^CFG_DATADIR=.*$", f"CFG_DATADIR='{out}'", script.read())
    (directory / "migrator.lua").write_text(text.replace("startup.switch_user();", ""))
    subprocess.run([shutil.which("lua5.4"), str(directory / "migrator.lua"), "--config",
                    str(directory / "migrator.cfg.lua"), "from_store", "to_store"],
                   timeout=SECONDS, check=True, stdout=subprocess.DEVNULL)
    return out / f"{jid}.xml"


SERVERS = {"ejabberd-sha1": (export_ejabberd, "sha", "SCRAM-SHA-1"),
           "ejabberd-sha256": (export_ejabberd, "sha256", "SCRAM-SHA-256"),
           "prosody": (export_prosody, None, "SCRAM-SHA-1")}


@pytest.mark.parametrize("name", SERVERS)
def test_taken_over(node, raw, tmp_path, name):
    export, scram, mechanism = SERVERS[name]
    user = "pie" + name.replace("-", "")
    path = export(tmp_path, user, scram)
    assert "1 of 1 accounts added" in node.control("user", "import", str(path))
    owner = Account(f"{user}@example.test", PASSWORD)
    client = raw(owner)
    client.login(mechanism)
    [item] = client.ask("get", "<query xmlns='jabber:iq:roster'/>")[0]
    assert (item.get("jid"), item.get("name"), item.get("subscription"),
            [group.text for group in item]) == ("eve@example.test", "Eve <3", "both", ["Friends"])
    vcard = client.ask("get", "<vCard xmlns='vcard-temp'/>")
    assert vcard.findtext(".//{vcard-temp}FN") == "Bob"
    stored = client.ask("get", "<query xmlns='jabber:iq:private'><prefs "
                               "xmlns='urn:example:prefs'/></query>")
    assert stored.find(".//{urn:example:prefs}prefs")[0].tag.endswith("a")
    if name == "prosody":
        check_prosody(client)
    else:
        client.send("<presence/>")
        delay = client.wait_message("while away").find("{urn:xmpp:delay}delay")
        assert delay.get("stamp")


def check_prosody(client):
    desk = Desk(client)
    assert item_ids(desk.items("urn:example:n")) == ["i1"]
    assert desk.items("urn:example:n").find(".//{urn:example}x") is not None
    assert desk.config("urn:example:n")["pubsub#access_model"] == ["open"]
    assert desk.affiliations("urn:example:n")["eve@example.test"] == "publisher"
    assert archive.query(client).bodies == ["archived"]
    client.send("<presence/>")
    request = client.wait_for(lambda e: e.get("type") == "subscribe")
    assert request.get("from") == "mallory@example.net"
