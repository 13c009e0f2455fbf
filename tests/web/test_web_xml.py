# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The X rows of docs/ATTACKS.md again, by the web. What does not begin as an element is no frame.

import re

import pytest

from tests.attacks import xml_vectors
from tests.harness import bosh, web

NWF = "not-well-formed"
OPEN = f"<open xmlns='{web.FRAMING}' to='example.test' version='1.0'/>".encode()
# What stands in place of <open/> is behind the header that a framed stream has within, so there is
# no place for a declaration or a document type any more: these are not well-formed.
IN_FRONT = {
    "X5-comment-in-front": "restricted-xml", "X6-instruction-in-front": "restricted-xml",
    "X15-utf16-no-mark": "bad-format",
    "X21-other-namespace": "bad-format", "X21-no-namespace": "bad-format",
    "X22-message-first": "bad-format", "X22-message-with-namespace": "bad-format",
    "X22-streams": "bad-format", "X28-end-tag-first": "bad-format",
}
# Nothing is in the namespace of streams there, and nothing is read behind a body.
NO_ATTACK = {"X20-stream-namespace-slash"}
NO_ATTACK_BY_BOSH = {*NO_ATTACK, "X20-stream-namespace", "X7-declaration-behind-blank"}


def fill(data, header):
    """The good parts of a vector that stands in front."""
    def changed(match):
        if match[1] == b"xmlns":
            return re.sub(rb"xmlns='[^']*'", b"xmlns='" + match[2] + b"'", header, count=1)
        return header.replace(b" ", b" xmlns:stream='" + match[2] + b"' ", 1)
    data = data.replace(b"@DECLARATION@", b"<?xml version='1.0'?>").replace(b"@HEADER@", header)
    return re.sub(rb"@HEADER:(\w+)=([^@]*)@", changed, data)


def wanted(data, conditions):
    conditions = (conditions,) if isinstance(conditions, str) else conditions
    return conditions if data.startswith(b"<") else (*conditions, "bad-format")


def refused(stream, data):
    """The whole vector is one frame, and the condition of the stream error."""
    stream.socket.send_frame(web.TEXT, data)
    answer = stream.read_to_end()
    assert answer.closed and answer.footer and answer.well_formed
    return answer.error


@pytest.mark.seconds(300)
@pytest.mark.parametrize("row", sorted({name.partition("-")[0] for name, *_ in xml_vectors.INSIDE}))
def test_websocket(raw, row):
    """Before login."""
    for name, data, conditions in xml_vectors.INSIDE:
        if name.partition("-")[0] == row:
            stream = raw(service="WS")
            stream.begin()
            assert refused(stream, data) in wanted(data, conditions), name
            stream.close()


@pytest.mark.parametrize("name", ["X1-doctype-inside", "X8-entity-in-text", "X17-child",
                                  "X13-truncated-in-text", "X24-server-stanza"])
def test_websocket_with_a_session(login, name):
    data, conditions = next(row[1:] for row in xml_vectors.INSIDE if row[0] == name)
    assert refused(login(service="WS"), data) in wanted(data, conditions)


@pytest.mark.parametrize("name, data", [row[:2] for row in xml_vectors.IN_FRONT],
                         ids=[row[0] for row in xml_vectors.IN_FRONT])
def test_in_front_by_websocket(raw, name, data):
    stream = raw(service="WS")
    data = fill(data, OPEN)
    if name in NO_ATTACK:
        stream.socket.send_frame(web.TEXT, data)
        assert stream.receive().tag == f"{{{web.STREAM}}}features"
    else:
        expected = IN_FRONT.get(name, NWF) if data.startswith(b"<") else "bad-format"
        assert refused(stream, data) == expected


@pytest.mark.parametrize("name, data", [row[:2] for row in xml_vectors.IN_FRONT],
                         ids=[row[0] for row in xml_vectors.IN_FRONT])
def test_in_front_by_bosh(node, source, name, data):
    """A session that does not begin has no stream to tell errors of."""
    session = bosh.Session(node, source=source(), wait=1, hold=0)
    connection = session._dial()
    answer = bosh.Answer(connection.ask("POST", bosh.PATH, fill(
        data, bosh.body(rid=session.rid, **session.attributes))))
    connection.close()
    if name in NO_ATTACK_BY_BOSH:
        assert not answer.is_end and answer.elements[0].tag == f"{{{web.STREAM}}}features"
    else:
        assert answer.is_end and answer.condition == "bad-request" and not answer.elements


LIMITS = {
    "X29-depth": b"<a xmlns='b'>" + b"<a>" * 8,
    "X30-attributes": b"<a xmlns='b' " + b"".join(b"a%d='' " % n for n in range(17)) + b"/>",
    "X31-elements": b"<a xmlns='b'>" + b"<a/>" * 64 + b"</a>",
    "X32-size": b"<a xmlns='b'>" + b"x" * 17000 + b"</a>",
    "X33-name": b"<" + b"x" * 17000,
    "X33-attribute": b"<a b='" + b"x" * 17000,
    "X33-cdata": b"<a><![CDATA[" + b"x" * 17000,
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(raw, name):
    stream = raw(service="WS")
    stream.begin()
    assert refused(stream, LIMITS[name]) == "policy-violation"
