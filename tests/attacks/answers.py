# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The shapes of refusals: stream errors (RFC 6120 §4.9), stanza errors (§8.3), SASL failures (§6.5).

import re

from tests.attacks import positions

STREAM = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
APP_ERRORS = "urn:xmpp:errors"
LANG = "http://www.w3.org/XML/1998/namespace}lang"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


def check_header(answer, content_ns, domain):
    """The header of an answer is whole, whatever it answers (RFC 6120 §4.7, §4.9.1.2)."""
    start = f"<?xml version='1.0'?><stream:stream xmlns='{content_ns}' xmlns:stream='{STREAM}' "
    assert answer.data.startswith(start.encode()), answer.data[:300]
    assert re.fullmatch("[0-9a-f]{32}", answer.header["id"])
    if content_ns == "jabber:client":
        assert answer.header["from"] == domain
        assert answer.header["version"] == "1.0"
        assert answer.header[LANG] == "en"


def conditions_of(element, namespace):
    prefix = f"{{{namespace}}}"
    names = [child.tag.removeprefix(prefix) for child in element if child.tag.startswith(prefix)]
    return [name for name in names if name != "text"]


def check_stream_error(answer, conditions, content_ns="jabber:client", domain="example.test",
                       app=None):
    """Header, at most what was said before, one error, footer, end of the connection."""
    assert answer.closed, "the connection is still open"
    assert answer.well_formed and answer.footer, answer.data[-600:]
    check_header(answer, content_ns, domain)
    errors = [e for e in answer.elements if e.tag == f"{{{STREAM}}}error"]
    assert len(errors) == 1 and answer.elements[-1] is errors[0], answer.data[-600:]
    found = conditions_of(errors[0], STREAM_ERRORS)
    wanted = (conditions,) if isinstance(conditions, str) else conditions
    assert len(found) == 1 and found[0] in wanted, f"{found}, not {wanted}"
    others = [child.tag for child in errors[0] if not child.tag.startswith(f"{{{STREAM_ERRORS}}}")]
    assert others == ([app] if app else [])


def check_end_at(position, node, answer, conditions, app=None):
    """A stream error at one of the positions of an attacker."""
    check_stream_error(answer, conditions, positions.content_namespace(position),
                       positions.domain_of(position, node), app)


def check_silent_end(answer):
    """The server says nothing more and hangs up."""
    assert answer.closed
    assert answer.error is None, answer.data


def check_stanza_error(stanza, kind, condition, app=None):
    assert stanza.get("type") == "error", stanza.attrib
    error = next(child for child in stanza if child.tag.endswith("}error"))
    assert error.get("type") == kind, error.attrib
    assert conditions_of(error, STANZA_ERRORS) == [condition]
    others = [child.tag for child in error if not child.tag.startswith(f"{{{STANZA_ERRORS}}}")]
    assert others == ([app] if app else [])


def check_failure(element, conditions):
    """SASL <failure/> with one of the conditions."""
    assert element.tag == f"{{{SASL}}}failure", element.tag
    wanted = (conditions,) if isinstance(conditions, str) else conditions
    found = conditions_of(element, SASL)
    assert len(found) == 1 and found[0] in wanted, f"{found}, not {wanted}"


def take_stanza_id(message, account):
    """Takes out of a message what the server has added for its recipient (XEP-0359), which is one
    element at the end."""
    added = message[-1]
    assert added.tag == STANZA_ID and added.get("by") == account, added.attrib
    message.remove(added)
    return message
