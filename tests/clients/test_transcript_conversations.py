# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Conversations for Android, as its DOAP file and public source have it: SASL2 with Bind 2 and
# a token, or the classic login where that is not offered; then its start in the order in which it
# says things, and the return of a device that was woken.

import uuid

import pytest

from tests.harness import transcript
from tests.harness.push import PUBSUB, AppServer
from tests.harness.transcript import NAMES, Ask, disco, element, form, mechanisms, need
from tests.node import place

PASSWORD = "SCRAM-SHA-512-PLUS"
TOKEN = "HT-SHA-512-ENDP"
PEP = "http://jabber.org/protocol/pubsub"
OPTIONS = f"{PEP}#publish-options"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
BUNDLE = "eu.siacs.conversations.axolotl.bundles:17"
SECRET = "kJ0bZ1hQ"
BIND = element("bind2", "bind", "<tag>Conversations</tag>" + element("carbons", "enable")
               + element("sm", "enable", resume="true"))
PRESENCE = ("<presence><priority>0</priority>"
            + element("caps", "c", hash="sha-1", node="https://conversations.im",
                      ver="jLZxgNKGmPxK2Y4+0HhDNnzUPbs=") + "</presence>")


@pytest.fixture
def phone(node, source):
    """phone(owner): a connection of its app, the device being the same each time."""
    streams, device = [], str(uuid.uuid4())

    def connect(owner, **options):
        stream, player = transcript.connect(node, owner, source(), device=device, **options)
        streams.append(stream)
        return stream, player
    yield connect
    for stream in streams:
        stream.close()


def agent(stream):
    return stream.agent("<software>Conversations 2.19.5</software><device>Fairphone 5</device>")


def log_in(phone, owner):
    """The first time, with the password: it asks for a token beside."""
    stream, player = phone(owner)
    stream.secure()
    assert PASSWORD in mechanisms(stream)
    inline = need(stream.features, "sasl2:authentication/sasl2:inline")
    need(inline, "sm:sm")
    need(inline, f"fast:fast/fast:mechanism[.='{TOKEN}']")
    for feature in ("carbons", "sm"):  # both, else it will not start quickly later
        need(inline, f"bind2:bind/bind2:inline/bind2:feature[@var='{NAMES[feature]}']")
    need(stream.features, "cb:sasl-channel-binding/cb:channel-binding[@type]")
    transcript.with_password(stream, PASSWORD, agent(stream) + BIND + element(
        "fast", "request-token", mechanism=TOKEN))
    assert stream.full.startswith(f"{stream.bare}/Conversations")
    need(stream.success, "bind2:bound/sm:enabled[@id]")
    need(stream.success, "fast:token[@token][@expiry]")
    assert stream.success.find("sm:resumed", NAMES) is None
    return stream, player


def begin(player):
    """What it says behind binding: <r/>, discovery, and as soon as that is answered the rest."""
    stream = player.stream
    caps = need(stream.features, "caps:c[@hash='sha-1']")
    node = f"{caps.get('node')}#{caps.get('ver')}"
    player.say(element("sm", "r"))
    player.ask(
        Ask("get", element("info", "query", node=node), f"info:query[@node='{node}']",
            *disco(*(NAMES[name] for name in ("carbons", "blocking", "extdisco")),
                   "http://jabber.org/protocol/commands", identities=["server/im"]),
            to="{domain}"),
        Ask("get", element("info", "query"),
            *disco(NAMES["mam"], NAMES["push"], f"{PEP}#publish-options", f"{PEP}#config-node-max",
                   f"{PEP}#persistent-items", identities=["account/registered", "pubsub/pep"]),
            to="{bare}"),
        Ask("get", element("items", "query"), "items:query", to="{domain}"))
    return player


def list_and_bookmarks():
    """Bookmarks by XEP-0049: those by XEP-0402 only where the server says that it converts."""
    return (Ask("get", element("roster", "query", ver=""), "roster:query[@ver]"),
            Ask("get", element("private", "query", element("bookmarks", "storage")),
                "private:query/bookmarks:storage"))


def push():
    return Ask("set", element("push", "enable", form(OPTIONS, secret=SECRET),
                              jid=place.COMPONENT, node="conv-node"))


def advanced():
    """What it asks for once it knows the features."""
    commands = "http://jabber.org/protocol/commands"
    return (Ask("get", element("blocking", "blocklist"), "blocking:blocklist"),
            Ask("get", element("items", "query", node=commands),
                f"items:query[@node='{commands}']", to="{domain}"))


def catch_up(player, queryid, start):
    """From the time of the last message that it has."""
    query = element("mam", "query", form(NAMES["mam"], start=start) + element(
        "rsm", "set", "<max>50</max>"), queryid=queryid)
    fin = player.ask(Ask("set", query, "mam:fin/rsm:set", to="{bare}"))[0]
    assert need(fin, "mam:fin").get("complete") == "true"
    return [message.findtext("c:body", namespaces=NAMES) for message in player.results(queryid)]


def publish(node, payload):
    return Ask("set", element("pubsub", "pubsub", f'<publish node="{node}"><item id="current">'
                              f"{payload}</item></publish><publish-options>"
                              + form(OPTIONS, pubsub__persist_items="true",
                                     pubsub__access_model="open") + "</publish-options>"))


def items(node, *needs, **options):
    """It sets `to` for its own nodes too."""
    return Ask("get", element("pubsub", "pubsub", f'<items node="{node}"/>'), *needs, **options)


def start_omemo(player):
    """No list yet; then a bundle, and a list with this device in it."""
    player.ask(items(DEVICES, to="{bare}", error="item-not-found"))
    bundle = element("omemo", "bundle", '<signedPreKeyPublic signedPreKeyId="1">AQ==</'
                     "signedPreKeyPublic><signedPreKeySignature>AQ==</signedPreKeySignature>"
                     "<identityKey>AQ==</identityKey><prekeys><preKeyPublic preKeyId=\"1\">AQ==</"
                     "preKeyPublic></prekeys>")
    player.ask(publish(BUNDLE, bundle))
    player.ask(publish(DEVICES, element("omemo", "list", '<device id="17"/>')))
    player.ask(items(DEVICES, "pubsub:pubsub/pubsub:items/pubsub:item[@id='current']/omemo:list/"
                     "omemo:device[@id='17']", to="{bare}"),
               items(BUNDLE, "pubsub:pubsub/pubsub:items/pubsub:item/omemo:bundle", to="{bare}"))


def online(phone, owner):
    """A phone with everything up, in the foreground."""
    _, player = log_in(phone, owner)
    begin(player)
    player.ask(*advanced())
    player.ask(*list_and_bookmarks(), push(), behind=PRESENCE)
    player.say(element("csi", "active"))
    player.stream.settle()
    return player


@pytest.fixture
def app_server(node):
    server = AppServer(node)
    yield server
    server.close()


def encrypted(to):
    return (f'<message type="chat" to="{to}" id="m1">'
            + element("omemo", "encrypted", '<header sid="5"/><payload>AQ==</payload>')
            + "<body>I sent you an OMEMO encrypted message</body>"
            '<store xmlns="urn:xmpp:hints"/></message>')


def check_woken(server):
    """XEP-0357 §6: with the secret that the device gave."""
    iq, node, _ = server.notified()
    assert node == "conv-node"
    fields = iq.find(f"{PUBSUB}pubsub/{PUBSUB}publish-options")
    texts = {field.get("var"): field.findtext("data:value", namespaces=NAMES)
             for field in fields.iter(f"{{{NAMES['data']}}}field")}
    assert texts["secret"] == SECRET and texts["FORM_TYPE"] == OPTIONS
    server.answer(iq)


def test_first_login(phone, account):
    player = online(phone, account())
    start_omemo(player)
    assert not catch_up(player, "first", "2020-01-01T00:00:00Z")


def test_copies(phone, account, login):
    """Bound with them: nothing else was sent to switch them on."""
    owner, friend = account(), login()
    player, other = online(phone, owner), login(owner)
    other.send_message(friend.bare, "from elsewhere")
    sent = player.wait("carbons:sent/forward:forwarded/c:message/c:body[.='from elsewhere']")
    assert sent.get("from") == owner.jid


def test_contact_reads_the_bundle(phone, account, login):
    """A stranger can begin an encrypted chat."""
    player = online(phone, account())
    start_omemo(player)
    stranger = transcript.Player(login())
    for node, path in ((DEVICES, "omemo:list"), (BUNDLE, "omemo:bundle")):
        stranger.ask(items(node, f"pubsub:pubsub/pubsub:items/pubsub:item/{path}",
                           to=player.stream.bare))


def test_other_access_model(phone, account):
    """Where a node is there with another access model it gets precondition-not-met, fetches the
    configuration, sets it, and publishes again."""
    player = online(phone, account())
    devices = publish(DEVICES, element("omemo", "list", '<device id="17"/>'))
    player.ask(Ask("set", element("pubsub", "pubsub", f'<create node="{DEVICES}"/><configure>'
               + form(f"{PEP}#node_config", pubsub__access_model="whitelist") + "</configure>")))
    refused = Ask(devices.kind, devices.payload, "c:error/wrong:precondition-not-met",
                  error="conflict")
    player.ask(refused)
    player.ask(Ask("get", element("owner", "pubsub", f'<configure node="{DEVICES}"/>'),
                   "owner:pubsub/owner:configure/data:x[@type='form']/"
                   "data:field[@var='pubsub#access_model']"))
    player.ask(Ask("set", element("owner", "pubsub", f'<configure node="{DEVICES}">'
               + form(f"{PEP}#node_config", pubsub__persist_items="true",
                      pubsub__access_model="open") + "</configure>")))
    player.ask(devices)


def test_woken(phone, account, login, app_server):
    """In the background it is woken; it comes with its token in the first packet, and resumes."""
    owner, friend = account(), login()
    player = online(phone, owner)
    first = player.stream
    player.say(element("csi", "inactive"))
    first.settle()
    friend.send(encrypted(first.bare))
    check_woken(app_server)
    first.cut()
    second, again = phone(owner, service="C2S_TLS")
    resume = second.resume_of(first)
    transcript.quick_start(second, first.token, TOKEN, agent(second) + BIND + resume)
    need(second.success, f"sm:resumed[@previd='{first.id}'][@h]")
    assert second.success.find("bind2:bound", NAMES) is None
    again.say(element("sm", "r"))
    need(again.wait("omemo:encrypted/omemo:payload"), f"sid:stanza-id[@by='{first.bare}'][@id]")
    second.settle()


def test_resumption_too_late(phone, account, login):
    """Then the same message has bound a new resource, and the archive has what was missed."""
    owner, friend = account(), login()
    first = online(phone, owner).stream
    first.logout()
    friend.send(encrypted(first.bare))
    friend.settle()
    second, again = phone(owner, service="C2S_TLS")
    transcript.quick_start(second, first.token, TOKEN, agent(second) + BIND + element(
        "sm", "resume", previd=first.id, h="9"))
    need(second.success, "sm:failed")
    need(second.success, "bind2:bound/sm:enabled[@id]")
    begin(again)
    again.ask(*advanced())
    assert catch_up(again, "later", "2020-01-01T00:00:00Z") == [
        "I sent you an OMEMO encrypted message"]


def test_classic(phone, account):
    """What it does where SASL2 is not offered: the server must have gone on offering it."""
    owner = account()
    stream, player = phone(owner)
    stream.secure()
    assert PASSWORD in mechanisms(stream, "sasl:mechanisms/sasl")
    transcript.classic(stream, PASSWORD)
    need(stream.features, "session:session/session:optional")  # so none is asked for
    need(stream.features, "sm:sm")
    answer = player.ask(Ask("set", element("bind", "bind", "<resource>Conversations.aBc1</resource>"
                                           ), "bind:bind/bind:jid"))[0]
    stream.full = answer.findtext("bind:bind/bind:jid", namespaces=NAMES)
    assert stream.full == f"{owner.jid}/Conversations.aBc1"
    stream.enable()
    player.ask(Ask("get", element("mam", "prefs"), "mam:prefs[@default]"))
    begin(player)
    player.ask(Ask("set", element("carbons", "enable")), *advanced())
    player.ask(*list_and_bookmarks(), push(), behind=PRESENCE)
    start_omemo(player)
    assert not catch_up(player, "classic", "2020-01-01T00:00:00Z")
