# SPDX-License-Identifier: AGPL-3.0-or-later
"""Messages that take back others (XEP-0424), and what archives have then."""

from xml.sax.saxutils import quoteattr

from tests.harness.archive import query

RETRACT = "urn:xmpp:message-retract:1"


def say(client, to, identity, payload="<body>b</body>", kind="chat"):
    client.send(f"<message to={quoteattr(to)} type='{kind}' id={quoteattr(identity)}>"
                f"{payload}</message>")


def take_back(client, to, what, identity="r", payload="", kind="chat"):
    retract = f"<retract xmlns='{RETRACT}' id={quoteattr(what)}/>"
    say(client, to, identity, retract + payload, kind)


def tombstone(message):
    """The id of the retraction, or None if this is no tombstone."""
    found = message.find(f"{{{RETRACT}}}retracted")
    if found is None:
        return None
    assert [child.tag for child in message if "stanza-id" not in child.tag] == [found.tag]
    return found.get("id")


def said(client):
    """What the archive has: of each message its id and that of its retraction, or None."""
    client.settle()
    return [(message.get("id"), tombstone(message)) for message in query(client).messages]
