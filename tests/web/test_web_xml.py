# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The X rows of docs/ATTACKS.md again, by the web. What does not begin as an element is no frame.

import pytest

from tests.attacks import xml_vectors
from tests.harness import web


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
