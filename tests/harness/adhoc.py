# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Ad-hoc commands (XEP-0050) as a client runs them.

from xml.sax.saxutils import escape, quoteattr

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = "http://jabber.org/protocol/admin"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
FORMS = "{jabber:x:data}"


class Outcome:
    """Of one stage."""

    def __init__(self, iq):
        self.iq = iq
        error = next((child for child in iq if child.tag.endswith("}error")), None)
        self.errors = [] if error is None else [child.tag.partition("}")[2] for child in error]
        command = iq.find(f"{{{COMMANDS}}}command")
        self.status = command.get("status") if command is not None and not self.errors else None
        self.session = command.get("sessionid") if command is not None else None
        self.notes = [(note.get("type"), note.text) for note in
                      iq.iter(f"{{{COMMANDS}}}note")]
        self.fields = {field.get("var"): [value.text or "" for value in
                                          field.findall(f"{FORMS}value")]
                       for field in iq.iter(f"{FORMS}field")}
        self.fields.pop("FORM_TYPE", None)

    @property
    def done(self):
        """Completed without any complaint."""
        return self.status == "completed" and not any(kind == "error" for kind, _ in self.notes)


def form(fields):
    rows = "".join(
        f"<field var='{var}'>" + "".join(f"<value>{escape(str(value))}</value>" for value in
                                         (values if isinstance(values, list) else [values])) +
        "</field>" for var, values in fields.items())
    return f"<x xmlns='jabber:x:data' type='submit'>{rows}</x>"


def stage(client, node, inner="", to=None, **attributes):
    text = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return Outcome(client.ask(
        "set", f"<command xmlns='{COMMANDS}' node={quoteattr(node)}{text}>{inner}</command>",
        to=to or client.domain))


def run(client, name, to=None, **fields):
    """A command of XEP-0133 from the beginning to the end."""
    node = f"{ADMIN}#{name}"
    begun = stage(client, node, to=to)
    if begun.status != "executing":
        return begun
    return stage(client, node, form(fields), to=to, sessionid=begun.session)
