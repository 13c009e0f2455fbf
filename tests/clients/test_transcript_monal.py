# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Monal for iOS, as its DOAP file and public source have it: SASL2, resumption or binding on the
# features behind it, everything of its start in one go, push with a module, sleep and return. Bind
# 2 and tokens, which its DOAP file has as planned, are played as XEP-0386 and XEP-0484 say.

import uuid

import pytest

from tests.harness import transcript
from tests.harness.push import PUBSUB, AppServer
from tests.harness.transcript import NAMES, Ask, disco, element, form, mechanisms, need
from tests.node import place

PASSWORD = "SCRAM-SHA-512-PLUS"
TOKEN = "HT-SHA-256-ENDP"
PEP = "http://jabber.org/protocol/pubsub"
OPTIONS = f"{PEP}#publish-options"
COMMANDS = "http://jabber.org/protocol/commands"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
DISPLAYED = NAMES["mds"]
APNS = "0123456789abcdef" * 4
BIND = element("bind2", "bind", "<tag>Monal</tag>" + element("carbons", "enable")
               + element("csi", "inactive") + element("sm", "enable", resume="true"))
# Without all of these at the account it does not use PEP at all.
NEEDED = [f"{PEP}#{name}" for name in (
    "filtered-notifications", "publish-options", "publish", "subscribe", "create-nodes",
    "delete-items", "delete-nodes", "persistent-items", "retrieve-items", "auto-create")]
# And without these neither bookmarks (XEP-0402) nor displayed states (XEP-0490).
MODERN = [f"{PEP}#{name}" for name in ("item-ids", "multi-items", "config-node-max")]


@pytest.fixture
def phone(node, source):
    """phone(owner): a secured stream of the one device that it is."""
    streams, device = [], str(uuid.uuid4()).upper()

    def connect(owner):
        stream, player = transcript.connect(node, owner, source(), device=device)
        streams.append(stream)
        stream.secure()
        # It takes no SASL2 without XEP-0440.
        need(stream.features, "cb:sasl-channel-binding/cb:channel-binding[@type]")
        assert PASSWORD in mechanisms(stream)
        return stream, player
    yield connect
    for stream in streams:
        stream.close()


@pytest.fixture
def app_server(node):
    server = AppServer(node)
    yield server
    server.close()


def agent(stream):
    return stream.agent("<software>Monal IM</software><device>iPhone</device>")


def log_in(phone, owner, inside=""):
    stream, player = phone(owner)
    transcript.with_password(stream, PASSWORD, agent(stream) + inside)
    return stream, player


def bind(player):
    stream = player.stream
    need(stream.features, "sm:sm")
    need(stream.features, "csi:csi")
    need(stream.features, "rosterver:ver")
    need(stream.features, "caps:c[@node]")
    resource = "Monal-iOS.3f2a9b1c"
    answer = player.ask(Ask("set", element("bind", "bind", f"<resource>{resource}</resource>"),
                            "bind:bind/bind:jid"))[0]
    stream.full = need(answer, "bind:bind/bind:jid").text
    assert stream.full == f"{stream.bare}/{resource}"
    assert stream.enable().get("id")


def presence():
    return "<presence>" + element("caps", "c", hash="sha-1", node="http://monal-im.org/",
                                  ver="V0U6SN+n+jqUQM2B4ZzVGXg2YDk=") + "</presence>"


def begin(player, state="active"):
    """All at once, presence behind discovery; of XEP-0013 it takes an error."""
    player.ask(
        Ask("get", element("roster", "query"), "roster:query[@ver]"),
        Ask("get", element("info", "query"),
            *disco(NAMES["carbons"], NAMES["blocking"], NAMES["extdisco"]), to="{domain}"),
        Ask("get", element("items", "query"), "items:query", to="{domain}"),
        Ask("get", element("info", "query"),
            *disco(*NEEDED, *MODERN, NAMES["mam"], NAMES["push"], identities=["pubsub/pep"]),
            to="{bare}"),
        Ask("get", element("items", "query", node=COMMANDS), f"items:query[@node='{COMMANDS}']",
            to="{domain}"),
        Ask("get", element("version", "query"), "version:query/version:name",
            "version:query/version:version", to="{domain}"),
        Ask("set", '<offline xmlns="http://jabber.org/protocol/offline"><purge/></offline>',
            error="service-unavailable"),
        Ask("set", element("mam", "prefs", default="always"), "mam:prefs[@default='always']"),
        behind=presence() + element("csi", state))


def services():
    return (Ask("get", element("blocking", "blocklist"), "blocking:blocklist"),
            Ask("get", element("extdisco", "services"), "extdisco:services", to="{domain}"))


def push():
    """The name of the module is what its app server tells apps by."""
    return Ask("set", element("push", "enable", form(OPTIONS, pushModule="monalProdiOS"),
                              jid=place.COMPONENT, node=APNS))


def query(queryid, rsm, **fields):
    inside = form(NAMES["mam"], **fields) + element("rsm", "set", rsm)
    return Ask("set", element("mam", "query", inside, queryid=queryid), "mam:fin/rsm:set")


def latest_id(player):
    """Of an archive that it has never seen it wants the last id only."""
    fin = player.ask(query("MLignore:1", "<max>1</max><before/>", end="2100-01-01T00:00:00Z"))[0]
    return fin.findtext("mam:fin/rsm:set/rsm:last", namespaces=NAMES)


def items(node, *needs, **options):
    return Ask("get", element("pubsub", "pubsub", f'<items node="{node}"/>'), *needs, **options)


def publish(node, item, payload, **config):
    """Events of retracted items and deleted nodes are what it asks for with every item."""
    fields = {**config, "notify_retract": "true", "notify_delete": "true"}
    return Ask("set", element("pubsub", "pubsub", f'<publish node="{node}"><item id="{item}">'
                              f"{payload}</item></publish><publish-options>" + form(
                                  OPTIONS, **{f"pubsub__{key}": value
                                              for key, value in fields.items()})
                              + "</publish-options>"))


def keep(player):
    """OMEMO keys for everybody, displayed states for itself."""
    bare = player.stream.bare
    keys = {"persist_items": "true", "access_model": "open"}
    displayed = element("mds", "displayed", element("sid", "stanza-id", by=bare, id="1"))
    player.ask(items(DISPLAYED, to="{bare}", error="item-not-found"),
               items(DEVICES, to="{bare}", error="item-not-found"),
               publish("eu.siacs.conversations.axolotl.bundles:9", "current",
                       element("omemo", "bundle", "<identityKey>AQ==</identityKey>"), **keys),
               publish(DEVICES, "current", element("omemo", "list", '<device id="9"/>'), **keys),
               publish(DISPLAYED, "friend@example.test", displayed, persist_items="true",
                       access_model="whitelist", max_items="max",
                       send_last_published_item="never"))
    player.ask(items(DISPLAYED, "pubsub:pubsub/pubsub:items/pubsub:item[@id='friend@example.test']",
                     to="{bare}"))


def online(phone, owner):
    _, player = log_in(phone, owner)
    bind(player)
    begin(player)
    player.ask(Ask("set", element("carbons", "enable")), *services(), push())
    player.stream.settle()
    return player


def test_login(phone, account):
    player = online(phone, account())
    assert latest_id(player) is None
    keep(player)


def test_catch_up(phone, account, login):
    """After a login anew everything behind the last id, also what came while it was away."""
    owner, friend = account(), login()
    friend.send_message(owner.jid, "seen")
    friend.settle()
    player = online(phone, owner)
    last = latest_id(player)
    assert last
    player.stream.logout()
    for body in ("one", "two"):
        friend.send_message(owner.jid, body)
    friend.settle()
    player = online(phone, owner)
    fin = player.ask(query("MLcatchup:1", f"<max>50</max><after>{last}</after>"))[0]
    assert need(fin, "mam:fin").get("complete") == "true"
    bodies = [one.findtext("c:body", namespaces=NAMES) for one in player.results("MLcatchup:1")]
    assert bodies == ["one", "two"]


def test_sleep(phone, account, login, app_server):
    """Inactive, an acknowledgement, then iOS stops it. It is woken, and resumes."""
    owner, friend = account(), login()
    player = online(phone, owner)
    first = player.stream
    player.say(element("csi", "inactive"))
    first.acknowledge()
    first.settle()
    friend.send_message(owner.jid, "wake up")
    iq, name, _ = app_server.notified()
    texts = {field.get("var"): field.findtext("data:value", namespaces=NAMES) for field in
             iq.find(f"{PUBSUB}pubsub/{PUBSUB}publish-options").iter(f"{{{NAMES['data']}}}field")}
    assert name == APNS and texts["pushModule"] == "monalProdiOS"
    app_server.answer(iq)
    first.cut()
    second, again = log_in(phone, owner)
    assert need(second.success, "sasl2:authorization-identifier").text == owner.jid
    second.resume(first)
    again.wait("c:body[.='wake up']")
    again.say(element("csi", "active"), element("sm", "r"))
    second.settle()


def test_token(phone, account):
    """Bind 2 with all that may be in it, and a token for the next time."""
    owner = account()
    stream, player = log_in(phone, owner, BIND + element("fast", "request-token", mechanism=TOKEN))
    assert stream.full.startswith(f"{owner.jid}/Monal")
    need(stream.success, "fast:token[@token][@expiry]")
    need(stream.success, "bind2:bound/sm:enabled[@id]")
    begin(player, "inactive")
    player.ask(*services(), push())
    stream.settle()
    token, first = stream.token, stream
    first.cut()
    stream, player = phone(owner)
    outcome = stream.with_token(token, BIND + stream.resume_of(first), TOKEN,
                                agent=agent(stream))
    stream.accept(outcome)
    need(stream.success, f"sm:resumed[@previd='{first.id}'][@h]")
    assert stream.full in (None, first.full)
    stream.settle()
