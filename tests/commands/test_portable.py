# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Accounts as portable data (XEP-0227): out of this server and back, and what other servers write.

import os
import stat
import xml.etree.ElementTree as ElementTree

import pytest

from tests.harness import archive, pubsub, wait
from tests.harness.pubsub import Desk, befriend, item_ids, sees, what
from tests.node import place
from tests.harness.node import Account

PIE = "{urn:xmpp:pie:0}"
NOTES = "urn:example:notes"
PHOTO = "<PHOTO><TYPE>image/png</TYPE><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO>"


def export(node, path, *jids):
    node.control("user", "export", str(path), *jids)
    return path.read_text()


def import_file(node, path):
    """(ended well, all that was printed)"""
    try:
        return True, node.control("user", "import", str(path))
    except place.Error as problem:
        return False, str(problem)


def fill(alice, bob, stranger):
    """All that an account may have, of two that see each other."""
    befriend(alice, bob)
    alice.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}' name='Bob &lt;3'>"
                     "<group>Friends</group><group>Chess</group></item></query>")
    alice.ask("set", "<query xmlns='jabber:iq:roster'><item jid='nobody@elsewhere.example'/>"
                     "</query>")
    stranger.send(f"<presence type='subscribe' to='{alice.bare}'><status>me?</status></presence>")
    stranger.settle()
    alice.settle()
    alice.ask("set", "<query xmlns='jabber:iq:private'><prefs xmlns='urn:example:prefs'>"
                     "<colour>red</colour></prefs></query>")
    alice.ask("set", f"<vCard xmlns='vcard-temp'><FN>Alice</FN>{PHOTO}</vCard>")
    alice.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='spam.example'/></block>")
    desk = Desk(alice)
    for name in ("a", "b"):
        desk.publish(NOTES, name, f"<note xmlns='{NOTES}'>{name} &amp; more</note>",
                     access_model="whitelist", max_items="7")
    desk.affiliate(NOTES, member=[bob.bare])
    desk.create("urn:example:empty", access_model="open")
    Desk(bob, alice.bare).subscribe("urn:example:empty")
    bob.send_presence()
    alice.send_message(bob.bare, "read at once")
    bob.wait_message("read at once")
    bob.send("<presence type='unavailable'/>")
    bob.settle()


@pytest.fixture
def pair(account, login):
    owners = account(), account()
    alice, bob = (login(one) for one in owners)
    fill(alice, bob, login())
    bob.logout()
    alice.send_message(bob.bare, "while away")
    alice.settle()
    wait.until(lambda: len(archive.query(alice).messages) == 2)
    alice.logout()
    return owners


def pick(text, *jids):
    """The users in an export that these are, as text."""
    tree = ElementTree.fromstring(text)
    return [ElementTree.canonicalize(ElementTree.tostring(user)) for host in tree.iter(f"{PIE}host")
            for user in host if f"{user.get('name')}@{host.get('jid')}" in jids]


def test_round_trip(node, pair, login, tmp_path):
    """What was exported, deleted and imported is exported the same, and its owners can use it."""
    jids = [one.jid for one in pair]
    first = pick(export(node, tmp_path / "first.xml"), *jids)
    assert len(first) == 2
    wanted = {jid: tmp_path / f"{jid}.xml" for jid in jids}
    for jid, path in wanted.items():
        export(node, path, jid)
    for jid in jids:
        node.control("user", "del", jid)
    for path in wanted.values():
        assert import_file(node, path) == (True, "1 of 1 accounts added\n")
    assert pick(export(node, tmp_path / "second.xml"), *jids) == first

    alice, bob = (login(one) for one in pair)  # with the passwords they had
    assert sees(alice, bob.bare) and sees(bob, alice.bare)
    assert item_ids(Desk(bob, alice.bare).items(NOTES)) == ["b", "a"]
    assert Desk(alice).config(NOTES)["pubsub#max_items"] == ["7"]
    assert what(Desk(login(), alice.bare).items(NOTES)) == "not-allowed closed-node"
    assert [one.findtext(".//{jabber:client}body") for one in archive.query(alice).messages] \
        == ["read at once", "while away"]
    bob.send("<presence/>")
    assert bob.wait_message("while away").find("{urn:xmpp:delay}delay") is not None
    alice.send("<presence/>")
    request = alice.wait_for(lambda e: e.get("type") == "subscribe")
    assert request.findtext("{jabber:client}status") == "me?"
    vcard = alice.ask("get", "<vCard xmlns='vcard-temp'/>")
    assert vcard.findtext(".//{vcard-temp}FN") == "Alice"
    blocked = alice.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    assert [one.get("jid") for one in blocked[0]] == ["spam.example"]


def test_nobody_else_reads_it(node, account, tmp_path):
    path = tmp_path / "one.xml"
    owner = account()
    export(node, path, owner.jid)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with pytest.raises(place.Error, match="File exists"):
        export(node, path, owner.jid)
    assert owner.password not in path.read_text()


def test_existing_accounts_are_left_alone(node, account, tmp_path):
    path = tmp_path / "one.xml"
    export(node, path, account().jid)
    well, text = import_file(node, path)
    assert not well and "exists already" in text and "0 of 1 accounts added" in text


def write(path, users, host="example.test", root="server-data"):
    path.write_text(f"<?xml version='1.0'?>\n<{root} xmlns='urn:xmpp:pie:0'>"
                    f"<host jid='{host}'>{users}</host></{root}>")
    return path


def test_password(node, login, tmp_path):
    path = write(tmp_path / "a.xml", "<user name='pieuser' password='wonderland'/>")
    assert import_file(node, path)[0]
    login(Account("pieuser@example.test", "wonderland"))


BAD = {
    "no credentials": ("<user name='pie1'/>", "neither a password nor credentials"),
    "a name": ("<user name='Pie One' password='x'/>", "name cannot be registered|not the address"),
    "an unknown mechanism": (
        "<user name='pie2'><scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-MD5'>"
        "<iter-count>1</iter-count><salt>AAAA</salt><server-key>AAAA</server-key><stored-key>AAAA"
        "</stored-key></scram-credentials></user>", "mechanism that is not known"),
    "no XML": ("<user name='pie3' password='x'>", "no well-formed XML"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(node, tmp_path, name):
    users, wanted = BAD[name]
    well, text = import_file(node, write(tmp_path / "bad.xml", users))
    assert not well
    assert any(one in text for one in wanted.split("|"))


def test_domain_of_others(node, tmp_path):
    path = write(tmp_path / "a.xml", "<user name='pie4' password='x'/>", host="other.example")
    well, text = import_file(node, path)
    assert not well and "not at a domain of this node" in text


def test_what_is_not_taken_is_told(node, login, tmp_path):
    path = write(tmp_path / "a.xml", "<user name='pie5' password='wonderland'>"
                 "<x xmlns='urn:example:unknown'/>"
                 "<query xmlns='jabber:iq:privacy'><default name='d'/><list name='d'>"
                 "<item type='jid' value='spam.example' action='deny' order='1'/>"
                 "<item action='allow' order='2'/></list><list name='e'/></query></user>")
    well, text = import_file(node, path)
    assert well
    client = login(Account("pie5@example.test", "wonderland"))
    blocked = client.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    assert [one.get("jid") for one in blocked[0]] == ["spam.example"]


def test_files_in_files(node, login, tmp_path):
    """As XEP-0227 §5.1 lays them out; nothing outside of their directory is read."""
    include = "<include xmlns='http://www.w3.org/2001/XInclude' href='{}'/>"
    ns = "xmlns='urn:xmpp:pie:0'"
    (tmp_path / "example.test").mkdir()
    (tmp_path / "main.xml").write_text(
        f"<server-data {ns}>{include.format('example.test.xml')}</server-data>")
    (tmp_path / "example.test.xml").write_text(
        f"<host {ns} jid='example.test'>{include.format('example.test/pie6.xml')}</host>")
    (tmp_path / "example.test" / "pie6.xml").write_text(
        f"<user {ns} name='pie6' password='wonderland'/>")
    assert import_file(node, tmp_path / "main.xml") == (True, "1 of 1 accounts added\n")
    login(Account("pie6@example.test", "wonderland"))
    (tmp_path / "evil.xml").write_text(
        f"<server-data {ns}>{include.format('../etc/passwd')}</server-data>")
    well, text = import_file(node, tmp_path / "evil.xml")
    assert not well and "only files beside this one" in text


def test_document_types_are_refused(node, tmp_path):
    (tmp_path / "a.xml").write_text("<!DOCTYPE a [<!ENTITY b SYSTEM '/etc/passwd'>]>"
                                    "<server-data xmlns='urn:xmpp:pie:0'/>")
    well, text = import_file(node, tmp_path / "a.xml")
    assert not well and "without a document type" in text
