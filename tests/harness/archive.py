# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asking an archive (XEP-0313, XEP-0059)."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import fromstring as parse  # noqa: F401
from xml.sax.saxutils import escape, quoteattr

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
CLIENT = "jabber:client"
FORWARD = "urn:xmpp:forward:0"
DELAY = "urn:xmpp:delay"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


def condition(stanza):
    """(type, condition), or None for no error."""
    error = stanza.find(f"{{{CLIENT}}}error")
    return None if error is None else (error.get("type"), error[0].tag.removeprefix(STANZAS))


@dataclass
class Page:
    """`ids`, `bodies`, `stamps` and `messages` in the order in which they came."""
    ids: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    bodies: list = field(default_factory=list)
    stamps: list = field(default_factory=list)
    complete: bool = False
    first: str = None
    last: str = None
    count: str = None
    error: tuple = None


def form(fields, form_type=MAM):
    """fields: name → value, or list of values."""
    rows = [f"<field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>"]
    for name, values in fields.items():
        values = values if isinstance(values, list) else [values]
        inner = "".join(f"<value>{escape(value)}</value>" for value in values)
        rows.append(f"<field var={quoteattr(name)}>{inner}</field>")
    return f"<x xmlns='jabber:x:data' type='submit'>{''.join(rows)}</x>"


def payload(fields=None, rsm=None, flip=False, queryid="f"):
    """rsm: the names and texts of what is in the <set/>."""
    inner = form(fields) if fields is not None else ""
    if rsm is not None:
        items = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in rsm.items())
        inner += f"<set xmlns='{RSM}'>{items}</set>"
    if flip:
        inner += "<flip-page/>"
    return f"<query xmlns='{MAM}' queryid={quoteattr(queryid)}>{inner}</query>"


def _add_result(page, result):
    forwarded = result.find(f"{{{FORWARD}}}forwarded")
    message = forwarded.find(f"{{{CLIENT}}}message")
    page.ids.append(result.get("id"))
    page.messages.append(message)
    page.bodies.append(message.findtext(f"{{{CLIENT}}}body"))
    page.stamps.append(forwarded.find(f"{{{DELAY}}}delay").get("stamp"))


def _finish(page, answer):
    page.error = condition(answer)
    fin = answer.find(f"{{{MAM}}}fin")
    if fin is None:
        return page
    rows = fin.find(f"{{{RSM}}}set")
    page.complete = fin.get("complete") == "true"
    page.first = rows.findtext(f"{{{RSM}}}first")
    page.last = rows.findtext(f"{{{RSM}}}last")
    page.count = rows.findtext(f"{{{RSM}}}count")
    return page


_number = iter(range(1, 1 << 30))


def read_page(client, identity):
    """What comes for the query that was sent with this id."""
    page = Page()
    while True:
        element = client.wait_for(lambda e: e.get("id") == identity or
                                  e.find(f"{{{MAM}}}result") is not None)
        result = element.find(f"{{{MAM}}}result")
        if result is None:
            return _finish(page, element)
        assert result.get("queryid") == "f"
        _add_result(page, result)


def send_query(client, to=None, **words):
    identity = f"mam-{next(_number)}"
    target = f" to={quoteattr(to)}" if to else ""
    client.send(f"<iq type='set' id='{identity}'{target}>{payload(**words)}</iq>")
    return identity


def query(client, **words):
    """`fields`, `rsm`, `flip` as payload(); `to`: whose archive, if not one's own."""
    return read_page(client, send_query(client, **words))


def metadata(client, to=None):
    answer = client.ask("get", f"<metadata xmlns='{MAM}'/>", to=to)
    return {end.tag.removeprefix(f"{{{MAM}}}"): (end.get("id"), end.get("timestamp"))
            for end in answer.find(f"{{{MAM}}}metadata")}
