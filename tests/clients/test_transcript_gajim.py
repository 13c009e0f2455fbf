# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Gajim with nbxmpp, as its DOAP file and the public source of both have it:
# SASL2 for the proof alone, binding and stream management as RFC 6120 and XEP-0198 have it, and
# what it keeps at the server: bookmarks and notes in private storage, OMEMO keys, its archive.

import pytest

from tests.harness import transcript
from tests.harness.transcript import NAMES, Ask, disco, element, form, mechanisms, need

PEP = "http://jabber.org/protocol/pubsub"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
BUNDLE = "eu.siacs.conversations.axolotl.bundles:23"
WAYS = {"sasl2": ("SCRAM-SHA-512", "sasl2:authentication/sasl2"),
        "classic": ("SCRAM-SHA-256", "sasl:mechanisms/sasl")}
CAPS = element("caps", "c", hash="sha-1", node="https://gajim.org",
               ver="Mmzmc3S9o4kXvMlqjXbVDxDXYdU=")


@pytest.fixture
def desktop(node, source):
    """desktop(owner, way): connected, and proven to be that account."""
    streams = []

    def connect(owner, way="sasl2"):
        stream, player = transcript.connect(node, owner, source())
        streams.append(stream)
        stream.secure()
        mechanism, place = WAYS[way]
        assert mechanism in mechanisms(stream, place)
        if way == "sasl2":
            transcript.with_password(stream, mechanism)  # without a user agent, nothing inline
            assert need(stream.success, "sasl2:authorization-identifier").text == owner.jid
        else:
            transcript.classic(stream, mechanism)
        return player
    yield connect
    for stream in streams:
        stream.close()


def bind(player):
    """On the same stream, the features of which came behind the success."""
    stream = player.stream
    need(stream.features, "bind:bind")
    need(stream.features, "session:session/session:optional")  # else it would ask for one
    need(stream.features, "sm:sm")
    need(stream.features, "rosterver:ver")
    answer = player.ask(Ask("set", element("bind", "bind", "<resource>gajim.4R7QZ2VB</resource>"),
                            "bind:bind/bind:jid"))[0]
    stream.full = need(answer, "bind:bind/bind:jid").text
    assert stream.full == f"{stream.bare}/gajim.4R7QZ2VB"


def discover(player):
    """At once behind <enable/>, whose answer it does not wait for."""
    stream = player.stream
    stream.counts, stream.handled = True, 0
    player.say(element("sm", "enable", resume="true"))
    player.ask(
        Ask("get", element("info", "query"),
            *disco(NAMES["carbons"], NAMES["blocking"], "vcard-temp", identities=["server/im"]),
            to="{domain}"),
        Ask("get", element("info", "query"),
            *disco(NAMES["mam"], f"{PEP}#publish-options", f"{PEP}#config-node-max",
                   identities=["pubsub/pep"]), to="{bare}"),
        Ask("get", element("items", "query"), "items:query", to="{domain}"))
    enabled = next(one for one in player.others if one.tag == f"{{{NAMES['sm']}}}enabled")
    assert enabled.get("resume") in ("true", "1") and enabled.get("id")
    stream.id = enabled.get("id")


def private(kind, storage, *needs):
    return Ask(kind, element("private", "query", storage), *needs)


def items(node, *needs, **options):
    return Ask("get", element("pubsub", "pubsub", f'<items node="{node}"/>'), *needs, **options)


def publish(node, item, payload):
    return Ask("set", element("pubsub", "pubsub", f'<publish node="{node}"><item id="{item}">'
                              f"{payload}</item></publish><publish-options>"
                              + form(f"{PEP}#publish-options", pubsub__persist_items="true",
                                     pubsub__access_model="open") + "</publish-options>"),
               f"pubsub:pubsub/pubsub:publish[@node='{node}']/pubsub:item[@id='{item}']")


def archive(queryid, *needs, start=None, rsm="<max>70</max>"):
    fields = {"start": start} if start else {}
    query = element("mam", "query", form(NAMES["mam"], **fields) + element("rsm", "set", rsm),
                    queryid=queryid)
    return Ask("set", query, "mam:fin/rsm:set", *needs, to="{bare}")


WEEK = "2020-01-01T00:00:00Z"  # of a first start it asks for the last week


def sign_in(player):
    """Roster and copies, and when the roster is there presence and all that it keeps here."""
    player.ask(Ask("set", element("carbons", "enable")),
               Ask("get", element("roster", "query", ver=""), "roster:query[@ver]"))
    player.say(f"<presence><priority>50</priority>{CAPS}</presence>")
    vcard = '<subscribe node="urn:xmpp:vcard4" jid="{bare}"/>'
    player.ask(
        private("get", element("bookmarks", "storage"), "private:query/bookmarks:storage"),
        private("get", element("notes", "storage"), "private:query/notes:storage"),
        Ask("get", element("blocking", "blocklist"), "blocking:blocklist"),
        Ask("set", element("pubsub", "pubsub", vcard), to="{bare}", error="item-not-found"),
        items("urn:xmpp:vcard4", to="{bare}", error="item-not-found"),
        publish(BUNDLE, "current", element("omemo", "bundle", "<identityKey>AQ==</identityKey>")),
        items(DEVICES, error="item-not-found"))
    player.ask(publish(DEVICES, "current", element("omemo", "list", '<device id="23"/>')))


def online(desktop, owner, way="sasl2"):
    player = desktop(owner, way)
    bind(player)
    discover(player)
    sign_in(player)
    return player


@pytest.mark.parametrize("way", WAYS)
def test_login(desktop, account, way):
    player = online(desktop, account(), way)
    fin = player.ask(archive("first", start=WEEK))[0]
    assert need(fin, "mam:fin").get("complete") == "true"
    player.stream.settle()


def test_archive(desktop, account, login):
    """Page by page, each behind the last id of the one before; the end says that it is complete.
    What comes live later has the id of the archive, which it goes on from next time."""
    owner, friend = account(), login()
    for body in "abc":
        friend.send_message(owner.jid, body)
    friend.settle()
    player = online(desktop, owner)
    bodies, rsm, complete = [], "<max>2</max>", None
    while complete != "true":
        assert len(bodies) < 3
        name = f"page{len(bodies)}"
        fin = player.ask(archive(name, start=WEEK, rsm=rsm))[0]
        bodies += [one.findtext("c:body", namespaces=NAMES) for one in player.results(name)]
        complete = need(fin, "mam:fin").get("complete")
        last = need(fin, "mam:fin/rsm:set/rsm:last").text
        rsm = f"<max>2</max><after>{last}</after>"
    assert bodies == ["a", "b", "c"]
    friend.send_message(player.stream.full, "live")
    live = player.wait("c:body[.='live']")
    last = need(live, f"sid:stanza-id[@by='{owner.jid}'][@id]").get("id")
    player.ask(archive("none", rsm=f"<max>70</max><after>{last}</after>"))
    assert not player.results("none")


def test_private_storage(desktop, account):
    """Bookmarks and notes that it stored are there when it comes next."""
    owner = account()
    room = ('<conference jid="room@muc.example.test" autojoin="true" name="Room">'
            "<nick>me</nick></conference>")
    note = ('<note jid="friend@example.test" cdate="2026-01-01T00:00:00Z" '
            'mdate="2026-01-01T00:00:00Z">tall</note>')
    player = online(desktop, owner)
    player.ask(private("set", element("bookmarks", "storage", room)),
               private("set", element("notes", "storage", note)))
    player.say('<presence type="unavailable"/>')
    player.stream.logout()
    again = desktop(owner)
    bind(again)
    again.ask(private("get", element("bookmarks", "storage"),
                      "private:query/bookmarks:storage/bookmarks:conference"
                      "[@jid='room@muc.example.test'][@autojoin='true']/bookmarks:nick[.='me']"),
              private("get", element("notes", "storage"),
                      "private:query/notes:storage/notes:note[@jid='friend@example.test'][.='tall']"
                      ))


def test_copies(desktop, account, login):
    """What another device of the account sends comes as a copy, from the account itself."""
    owner, friend = account(), login()
    player, other = online(desktop, owner), login(owner)
    other.send_message(friend.bare, "from the phone")
    sent = player.wait("carbons:sent/forward:forwarded/c:message/c:body[.='from the phone']")
    assert sent.get("from") == owner.jid


@pytest.mark.parametrize("known", [True, False])
def test_resume(desktop, account, login, known):
    """In place of binding, behind the features; where it fails it binds on the same stream."""
    owner, friend = account(), login()
    first = online(desktop, owner).stream
    first.settle()
    if known:
        first.cut()
        friend.send_message(owner.jid, "meanwhile")
    else:
        first.logout()
    again = desktop(owner)
    stream = again.stream
    if known:
        assert stream.resume(first) > 0
        again.wait("c:body[.='meanwhile']")
    else:
        assert stream.try_resume(first.id, first.handled).tag == f"{{{NAMES['sm']}}}failed"
        bind(again)
        discover(again)
    stream.settle()
