# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Rooms as tests use them.

from xml.sax.saxutils import escape, quoteattr

CLIENT = "jabber:client"
MUC = "http://jabber.org/protocol/muc"
USER = MUC + "#user"
ADMIN = MUC + "#admin"
OWNER = MUC + "#owner"
FORM = "jabber:x:data"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
CONFIG = MUC + "#roomconfig"


def tag(name, ns=CLIENT):
    return f"{{{ns}}}{name}"


def error(stanza):
    """(type, condition), or None if it is no error."""
    found = stanza.find(tag("error"))
    if stanza.get("type") != "error" or found is None:
        return None
    names = [child.tag.partition("}")[2] for child in found
             if child.tag.startswith(f"{{{STANZAS}}}")]
    return found.get("type"), next(name for name in names if name != "text")


def codes(stanza):
    """The status codes of muc#user."""
    return {int(status.get("code")) for status in stanza.iter(tag("status", USER))}


def item(stanza):
    """(affiliation, role) of muc#user."""
    found = stanza.find(f"{tag('x', USER)}/{tag('item', USER)}")
    return found.get("affiliation"), found.get("role")


def body(stanza):
    return stanza.findtext(tag("body"))


def is_presence(stanza):
    return stanza.tag == tag("presence")


def is_message(stanza):
    return stanza.tag == tag("message")


def is_invitation(stanza):
    return stanza.find(f"{tag('x', USER)}/{tag('invite', USER)}") is not None


class Room:
    """owner: its creator, who is in it as "owner"."""

    def __init__(self, node, login, name, options=None):
        self.node = node
        self.login = login
        self.jid = f"{name}@{node.place.conference}"
        self.owner = login()
        self.join(self.owner, "owner")
        self.configure(**(options or {}))

    def nick(self, name):
        return f"{self.jid}/{name}"

    def send_join(self, client, nick, inside="", beside=""):
        client.send(f"<presence to={quoteattr(self.nick(nick))}>"
                    f"<x xmlns='{MUC}'>{inside}</x>{beside}</presence>")

    def join(self, client, nick, inside="", beside=""):
        """Everything up to the subject but invitations, in order: [stanza]. An error ends it,
        too."""
        self.send_join(client, nick, inside, beside)
        return self.entered(client)

    def entered(self, client):
        seen = []
        while True:
            stanza = client.receive()
            if not (stanza.get("from") or "").startswith(self.jid) or is_invitation(stanza):
                continue
            seen.append(stanza)
            if error(stanza) or (is_message(stanza) and stanza.find(tag("subject")) is not None):
                return seen

    def newcomer(self, nick, **wishes):
        """A client that has entered."""
        client = self.login()
        seen = self.join(client, nick, **wishes)
        assert not error(seen[-1]), error(seen[-1])
        return client

    def leave(self, client, nick):
        client.send(f"<presence to={quoteattr(self.nick(nick))} type='unavailable'/>")
        return self.presence_of(client, nick, lambda p: p.get("type") == "unavailable")

    def presence_of(self, client, nick, matches=lambda presence: True):
        return client.wait_for(lambda e: is_presence(e) and e.get("from") == self.nick(nick)
                               and matches(e))

    def form(self, **options):
        fields = [("FORM_TYPE", CONFIG)]
        fields += [(f"muc#roomconfig_{name.replace('_', '')}", value)
                   for name, value in options.items()]
        inner = "".join(
            f"<field var={quoteattr(name)}>"
            + "".join(f"<value>{escape(one)}</value>" for one in
                      (value if isinstance(value, list) else [value])) + "</field>"
            for name, value in fields)
        return f"<x xmlns='{FORM}' type='submit'>{inner}</x>"

    def configure(self, client=None, **options):
        answer = (client or self.owner).ask(
            "set", f"<query xmlns='{OWNER}'>{self.form(**options)}</query>", to=self.jid)
        assert error(answer) is None, error(answer)
        return answer

    def change(self, client, **attributes):
        """An item of muc#admin; returns the answer."""
        reason = attributes.pop("reason", None)
        inside = f"<reason>{escape(reason)}</reason>" if reason else ""
        words = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
        return client.ask("set", f"<query xmlns='{ADMIN}'><item{words}>{inside}</item></query>",
                          to=self.jid)

    def say(self, client, text, extra="", name=None):
        wish = f" id={quoteattr(name)}" if name else ""
        client.send(f"<message to={quoteattr(self.jid)} type='groupchat'{wish}>"
                    f"<body>{escape(text)}</body>{extra}</message>")

    def hears(self, client, text):
        return client.wait_for(lambda e: is_message(e) and e.get("type") == "groupchat"
                               and body(e) == text)
