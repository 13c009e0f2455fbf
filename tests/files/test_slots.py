# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Slots (XEP-0363 §§3 to 6), and what else the component answers.

import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta, timezone

import pytest

from tests.files import upload
from tests.files.upload import PURPOSE, UPLOAD
from tests.harness import wait

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
FORM = "jabber:x:data"
SIZE_MAX = 100 * 1024 * 1024  # the default
PER_HOUR = 20  # the default
BAD = ("modify", "bad-request")


def test_disco(login, node):
    """§3"""
    query = login().ask("get", f"<query xmlns='{INFO}'/>", to=upload.service(node))[0]
    identity = query.find(f"{{{INFO}}}identity")
    assert (identity.get("category"), identity.get("type")) == ("store", "file")
    assert UPLOAD in {f.get("var") for f in query.findall(f"{{{INFO}}}feature")}
    fields = {f.get("var"): f.findtext(f"{{{FORM}}}value")
              for f in query.findall(f"{{{FORM}}}x/{{{FORM}}}field")}
    assert fields == {"FORM_TYPE": UPLOAD, "max-file-size": str(SIZE_MAX)}


def test_service_is_listed(login, node):
    """§3; [domain] service"""
    query = login().ask("get", f"<query xmlns='{ITEMS}'/>", to=node.network)[0]
    assert upload.service(node) in {item.get("jid") for item in query}


@pytest.mark.parametrize("payload, expected", [
    (f"<query xmlns='{ITEMS}'/>", None),
    ("<ping xmlns='urn:xmpp:ping'/>", None),
    (f"<query xmlns='{INFO}' node='x'/>", ("cancel", "item-not-found")),
    ("<query xmlns='jabber:iq:version'/>", ("cancel", "service-unavailable")),
], ids=["items", "ping", "node", "unknown"])
def test_others(login, node, payload, expected):
    assert upload.error(login().ask("get", payload, to=upload.service(node))) == expected


def test_set_is_no_request(login, node):
    answer = login().ask("set", f"<request xmlns='{UPLOAD}' filename='a' size='1'/>",
                         to=upload.service(node))
    assert upload.error(answer) == ("cancel", "service-unavailable")


def test_message(login, node):
    client = login()
    client.send_message(upload.service(node), "hello")
    answer = client.wait_for(lambda e: e.get("type") == "error")
    assert upload.error(answer) == ("cancel", "service-unavailable")


def test_slot(login, node):
    """§4: the name stays, percent-encoded; what the PUT has to send comes with it."""
    granted = upload.slot(login(), node, name="très cool.jpg", kind="image/jpeg")
    assert granted.put == granted.get
    assert re.fullmatch(rf"https://{upload.service(node)}:\d+/[0-9a-f]{{40}}/tr%C3%A8s%20cool.jpg",
                        granted.get)
    assert list(granted.headers) == ["Authorization"]


@pytest.mark.parametrize("wish", [
    {"name": None}, {"name": ""}, {"name": ".."}, {"name": "a/b"}, {"name": "a\tb"},
    {"name": "x" * 256}, {"size": None}, {"size": "0"}, {"size": "-1"}, {"size": "1.5"},
    {"size": "1 "}, {"size": "99999999999999999999"}, {"kind": "nothing"},
    {"kind": "text/html,a"}, {"inside": f"<ephemeral xmlns='{PURPOSE}'/>"},
    {"inside": f"<ephemeral xmlns='{PURPOSE}' expire-before='tomorrow'/>"},
    {"inside": f"<ephemeral xmlns='{PURPOSE}' expire-before='2000-01-01T00:00:00Z'/>"},
], ids=str)
def test_bad_request(login, node, wish):
    assert upload.error(upload.request(login(), node, **wish)) == BAD


@pytest.mark.parametrize("size, allowed", [(SIZE_MAX, True), (SIZE_MAX + 1, False)])
def test_D7_size(login, node, size, allowed):
    """§5: the limit is told."""
    answer = upload.request(login(), node, size=size)
    if allowed:
        assert answer.get("type") == "result", ElementTree.tostring(answer)
        return
    assert upload.error(answer) == ("modify", "not-acceptable")
    assert answer.findtext(f"{{jabber:client}}error/{{{UPLOAD}}}file-too-large/"
                           f"{{{UPLOAD}}}max-file-size") == str(SIZE_MAX)


def retry_of(answer):
    assert upload.error(answer) == ("wait", "resource-constraint")
    stamp = answer.find(f"{{jabber:client}}error/{{{UPLOAD}}}retry").get("stamp")
    return datetime.fromisoformat(stamp.replace("Z", "+00:00"))


def test_D7_slots_in_an_hour(login, node):
    client = login()
    for _ in range(PER_HOUR):
        upload.slot(client, node)
    again = retry_of(upload.request(client, node))
    assert again > datetime.now(timezone.utc) + timedelta(minutes=30)
    assert upload.request(login(), node).get("type") == "result"  # somebody else


def test_D7_bytes_in_a_day(login, node):
    """What is promised counts, and what was uploaded."""
    client = login()
    granted = upload.slot(client, node, size=10)
    assert upload.put(node, granted, b"x" * 10).status == 201
    upload.slot(client, node, size=SIZE_MAX - 10)
    assert retry_of(upload.request(client, node, size=1)) > datetime.now(timezone.utc)


def test_strangers(make_node, login):
    """§5: who may not upload is told so."""
    node = make_node(files=True, domains={"other.test": ["other.test"]})
    answer = upload.request(login(node.add_account(domain="other.test"), where=node), node)
    assert upload.error(answer) == ("auth", "forbidden")
    node.settings = {**(node.settings or {}), "files": {"allow": "other.test"}}
    node.configure()
    node.control("reload")
    assert upload.request(login(node.add_account(domain="other.test"), where=node),
                          node).get("type") == "result"
    answer = upload.request(login(node.add_account(), where=node), node)
    assert upload.error(answer) == ("auth", "forbidden")


def test_router_goes_and_comes_back(login, node):
    node.daemon("router").kill()
    node.daemon("router").start()
    client = login()
    wait.until(lambda: upload.request(client, node).get("type") == "result")
