# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Dino, as its DOAP file and public source have it: SASL2 without a user agent and with Bind 2,
# or the classic login; presence before the roster; OMEMO nodes that it opens by their form; an
# archive that it reads backwards.

import copy
from xml.etree.ElementTree import tostring

import pytest

from tests.harness import pubsub, transcript
from tests.harness.transcript import NAMES, Ask, disco, element, form, mechanisms, need

PEP = "http://jabber.org/protocol/pubsub"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
BUNDLE = "eu.siacs.conversations.axolotl.bundles:31"
WATCHED = (DEVICES, "urn:xmpp:bookmarks:1", "urn:xmpp:avatar:metadata")
BIND = element("bind2", "bind", "<tag>dino</tag>" + element("carbons", "enable")
               + element("sm", "enable", resume="true"))


@pytest.fixture
def desktop(node, source):
    """desktop(owner): a stream with TLS that it may log in on."""
    streams = []

    def connect(owner):
        stream, player = transcript.connect(node, owner, source())
        streams.append(stream)
        stream.secure()
        return stream, player
    yield connect
    for stream in streams:
        stream.close()


def log_in(desktop, owner, resume=""):
    """SCRAM-SHA-1 is all that it knows of SCRAM there. The request to bind comes with that to
    resume, which comes behind it."""
    stream, player = desktop(owner)
    assert "SCRAM-SHA-1" in mechanisms(stream)
    inline = need(stream.features, "sasl2:authentication/sasl2:inline")
    need(inline, "sm:sm")
    for name in ("carbons", "sm"):
        need(inline, f"bind2:bind/bind2:inline/bind2:feature[@var='{NAMES[name]}']")
    transcript.with_password(stream, "SCRAM-SHA-1", BIND + resume)
    return stream, player


def log_in_anew(desktop, owner):
    stream, player = log_in(desktop, owner)
    assert stream.full.startswith(f"{owner.jid}/dino")
    need(stream.success, "bind2:bound/sm:enabled[@id][@resume='true']")
    return stream, player


def log_in_classic(desktop, owner):
    stream, player = desktop(owner)
    transcript.classic(stream, "SCRAM-SHA-1")
    need(stream.features, "session:session/session:optional")  # else it would ask for one
    answer = player.ask(Ask("set", element("bind", "bind", "<resource>dino.1a2b3c4d</resource>"),
                            "bind:bind/bind:jid"))[0]
    stream.full = need(answer, "bind:bind/bind:jid").text
    assert stream.enable().get("id")
    return stream, player


def begin(player):
    """Presence and the roster behind it, and what its modules ask for at the same time. Carbons
    once more, though they were bound with."""
    player.say(player.presence(*WATCHED))
    bookmarks = element("bookmarks", "storage")
    player.ask(
        Ask("get", element("roster", "query", ver=""), "roster:query[@ver]"),
        Ask("set", element("carbons", "enable")),
        Ask("get", element("blocking", "blocklist"), "blocking:blocklist"),
        Ask("get", element("info", "query"), *disco(NAMES["mam"], identities=["pubsub/pep"]),
            to="{bare}"),
        Ask("get", element("info", "query"), *disco(NAMES["blocking"]), to="{domain}"),
        Ask("get", element("items", "query"), "items:query", to="{domain}"),
        Ask("get", element("private", "query", bookmarks), "private:query/bookmarks:storage"))


def items(node, *needs, **options):
    return Ask("get", element("pubsub", "pubsub", f'<items node="{node}"/>'), *needs, **options)


def publish(node, payload, item=""):
    return Ask("set", element("pubsub", "pubsub", f'<publish node="{node}"><item{item}>{payload}'
                                                  "</item></publish>"))


def open_node(player, node):
    """It sends the form back as it came, with its labels and options, open to everybody."""
    answer = player.ask(Ask("get", element("owner", "pubsub", f'<configure node="{node}"/>'),
                            "owner:pubsub/owner:configure/data:x[@type='form']"))[0]
    filled = copy.deepcopy(need(answer, "owner:pubsub/owner:configure/data:x"))
    filled.set("type", "submit")
    model = need(filled, "data:field[@var='pubsub#access_model']/data:value")
    assert model.text == "open"  # XEP-0384 requires it: the default of this node
    player.ask(Ask("set", element("owner", "pubsub", f'<configure node="{node}">'
                   + tostring(filled, encoding="unicode") + "</configure>")))


def start_omemo(player):
    player.ask(items(DEVICES, to="{bare}", error="item-not-found"))
    player.ask(publish(DEVICES, element("omemo", "list", '<device id="31"/>')))
    open_node(player, DEVICES)
    player.ask(items(BUNDLE, to="{bare}", error="item-not-found"))
    player.ask(publish(BUNDLE, element("omemo", "bundle", "<identityKey>AQ==</identityKey>"),
                       ' id="1"'))
    open_node(player, BUNDLE)


def page(queryid, before=""):
    """Pages of 20 from the latest backwards, with a start that is long ago."""
    inside = form(NAMES["mam"], start="2020-01-01T00:00:00Z") + element(
        "rsm", "set", f"<max>20</max><before>{before}</before>")
    return Ask("set", element("mam", "query", inside, queryid=queryid), "mam:fin/rsm:set",
               to="{bare}")


@pytest.mark.parametrize("way", [log_in_anew, log_in_classic])
def test_login(desktop, account, login, way):
    """Whoever knows the address can read its keys."""
    stream, player = way(desktop, account())
    begin(player)
    start_omemo(player)
    player.ask(page("empty"))
    stranger = transcript.Player(login())
    for node, path in ((DEVICES, "omemo:list/omemo:device[@id='31']"),
                       (BUNDLE, "omemo:bundle/omemo:identityKey")):
        stranger.ask(items(node, f"pubsub:pubsub/pubsub:items/pubsub:item/{path}", to=stream.bare))


def test_own_event(desktop, account):
    """It hears of its own list, which another of its devices may have changed."""
    _, player = log_in_anew(desktop, account())
    begin(player)
    start_omemo(player)
    event = player.wait(f"event:event/event:items[@node='{DEVICES}']/event:item/omemo:list")
    assert event.get("from") == player.stream.bare


def test_contact(desktop, account, login):
    """A contact hears of the list of devices as soon as it is there."""
    owner, friend = account(), login()
    stream, player = log_in_anew(desktop, owner)
    pubsub.befriend(stream, friend)
    begin(player)
    pubsub.show(friend, DEVICES)
    start_omemo(player)
    kind, node, _ = pubsub.wait_event(friend)
    assert (kind, node) == ("items", DEVICES)


def test_archive(desktop, account, login):
    """The latest page first, then those before its first, until one is complete."""
    owner, friend = account(), login()
    wanted = [str(number) for number in range(45)]
    for body in wanted:
        friend.send_message(owner.jid, body)
        friend.settle()
    _, player = log_in_anew(desktop, owner)
    begin(player)
    bodies, first, complete = [], "", None
    while complete != "true":
        assert len(bodies) < len(wanted)
        name = f"page-{len(bodies)}"
        fin = player.ask(page(name, first))[0]
        found = [one.findtext("c:body", namespaces=NAMES) for one in player.results(name)]
        bodies = found + bodies
        complete = need(fin, "mam:fin").get("complete")
        first = need(fin, "mam:fin/rsm:set/rsm:first").text
        need(fin, "mam:fin/rsm:set/rsm:last")
    assert bodies == wanted


@pytest.mark.parametrize("known", [True, False])
def test_resume(desktop, account, login, known):
    """Resumption is within the login, and binding too if that fails."""
    owner, friend = account(), login()
    first, player = log_in_anew(desktop, owner)
    begin(player)
    first.settle()
    if known:
        first.cut()
        friend.send_message(owner.jid, "meanwhile")
        stream, player = desktop(owner)
        transcript.with_password(stream, "SCRAM-SHA-1", BIND + stream.resume_of(first))
        need(stream.success, f"sm:resumed[@previd='{first.id}'][@h]")
        assert stream.success.find("bind2:bound", NAMES) is None
        player.wait("c:body[.='meanwhile']")
    else:
        first.logout()
        stream, player = log_in(desktop, owner, element("sm", "resume", previd=first.id, h="0"))
        need(stream.success, "sm:failed")
        need(stream.success, "bind2:bound/sm:enabled[@id]")
        begin(player)
    stream.settle()
