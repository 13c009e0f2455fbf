# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Whether an element is the one that a conversation expects (docs/CONVERSATIONS.md), and if not,
# where they differ.

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

TEST = "urn:kontalk:test"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
CLIENT = "jabber:client"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
PREFIXES = {
    "http://etherx.jabber.org/streams": "stream",
    "http://www.w3.org/XML/1998/namespace": "xml",
}
WRAPPER = (f"<wrapper xmlns='{CLIENT}' xmlns:test='{TEST}'"
           " xmlns:stream='http://etherx.jabber.org/streams'>")
MORE = f"{{{TEST}}}more"  # further attributes and children are welcome
ORDER = f"{{{TEST}}}order"  # "any": of the children
ANY = f"{{{TEST}}}any"  # one element, whatever it is
ERROR = f"{{{TEST}}}error"  # <test:error is='condition' type='cancel'/>, with or without text
PLACEHOLDERS = {
    "any": r".+",
    "number": r"\d+",
    "utc": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "tzo": r"(?:Z|[+-]\d\d:\d\d)",
}
PLACEHOLDER = re.compile(r"\{(any|number|utc|tzo|keep:\w+)\}")


def parse(text):
    """The elements of a text in which our prefixes need no declaration."""
    return list(ElementTree.fromstring(f"{WRAPPER}{text}</wrapper>"))


def shown(expected, actual):
    """The children, without the id that the account's server gives to what it stores (XEP-0359):
    the last one in the message, and the only one in that name. What expects an id sees it."""
    children = list(actual)
    ids = [child for child in children if child.tag == STANZA_ID]
    if actual.tag == f"{{{CLIENT}}}message" and ids and children[-1] is ids[-1] \
            and expected.find(STANZA_ID) is None \
            and [child.get("by") for child in ids].count(ids[-1].get("by")) == 1:
        return children[:-1]
    return children


class Matcher:
    """One comparison; `kept` are the values of {keep:name} so far."""

    def __init__(self, kept=None):
        self.kept = dict(kept or {})
        self.differences = []

    def matches(self, expected, actual):
        self._element(expected, actual, local(expected.tag))
        return not self.differences

    def _differ(self, where, expected, actual):
        self.differences.append(f"{where}: expected {expected}, got {actual}")

    def _element(self, expected, actual, where):
        if expected.tag == ANY:
            return
        if expected.tag == ERROR:
            self._error(expected, actual, where)
            return
        if expected.tag != actual.tag:
            self._differ(where, expected.tag, actual.tag)
            return
        more = expected.get(MORE) == "yes"
        self._attributes(expected, actual, where, more)
        self._text(expected, actual, where)
        if expected.get(ORDER) == "any":
            self._children_in_any_order(expected, actual, where, more)
        else:
            self._children(expected, actual, where, more)

    def _attributes(self, expected, actual, where, more):
        wanted = {k: v for k, v in expected.attrib.items() if not k.startswith(f"{{{TEST}}}")}
        for name, pattern in wanted.items():
            value = actual.get(name)
            if value is None:
                self._differ(f"{where}@{local(name)}", repr(pattern), "no attribute")
            else:
                self._value(pattern, value, f"{where}@{local(name)}")
        if not more:
            for name in actual.attrib.keys() - wanted.keys():
                self._differ(f"{where}@{local(name)}", "no attribute", repr(actual.get(name)))

    def _text(self, expected, actual, where):
        """White space matters only where there is no child."""
        plain = not len(expected) and not len(actual)
        self._value(content(expected, plain), content(actual, plain), f"{where} text")

    def _value(self, pattern, value, where):
        names = []
        expression = ""
        position = 0
        for match in PLACEHOLDER.finditer(pattern):
            expression += re.escape(pattern[position:match.start()])
            position = match.end()
            kind = match[1]
            if kind.startswith("keep:"):
                names.append(kind.removeprefix("keep:"))
                kind = "any"
                expression += f"({PLACEHOLDERS[kind]})"
            else:
                expression += PLACEHOLDERS[kind]
        found = re.fullmatch(expression + re.escape(pattern[position:]), value, re.DOTALL)
        if not found:
            self._differ(where, repr(pattern), repr(value))
            return
        for name, text in zip(names, found.groups()):
            if self.kept.setdefault(name, text) != text:
                self._differ(where, f"{name} = {self.kept[name]!r}", repr(text))

    def _children(self, expected, actual, where, more):
        theirs = shown(expected, actual)
        for index, child in enumerate(expected):
            inner = f"{where}/{local(child.tag)}"
            if more:
                self._one_of(child, theirs, inner)
            elif index < len(theirs):
                self._element(child, theirs[index], inner)
            else:
                self._differ(inner, to_text(child), "nothing")
        if not more:
            for extra in theirs[len(expected):]:
                self._differ(where, "no further child", to_text(extra))

    def _children_in_any_order(self, expected, actual, where, more):
        theirs = shown(expected, actual)
        for child in expected:
            self._one_of(child, theirs, f"{where}/{local(child.tag)}")
        if not more:
            for extra in theirs:
                self._differ(where, "no further child", to_text(extra))

    def _one_of(self, expected, candidates, where):
        """Takes the one that matches out of `candidates`."""
        for candidate in candidates:
            attempt = Matcher(self.kept)
            if attempt.matches(expected, candidate):
                self.kept = attempt.kept
                candidates.remove(candidate)
                return
        self._differ(where, to_text(expected), "none like it")

    def _error(self, expected, actual, where):
        """RFC 6120 §8.3.2: type, one defined condition, perhaps text and a condition of its own."""
        wanted = f"{{{STANZA_ERRORS}}}{expected.get('is')}"
        found = [child.tag for child in actual if child.tag.startswith(f"{{{STANZA_ERRORS}}}")
                 and local(child.tag) != "text"]
        if actual.tag != f"{{{CLIENT}}}error" or found != [wanted]:
            self._differ(where, expected.get("is"), to_text(actual))
        elif actual.get("type") != expected.get("type"):
            self._differ(f"{where}@type", repr(expected.get("type")), repr(actual.get("type")))
        for child in expected:
            self._one_of(child, list(actual), f"{where}/{local(child.tag)}")


def content(element, plain):
    texts = [element.text or "", *(child.tail or "" for child in element)]
    return texts[0] if plain else "".join(text.strip() for text in texts)


def local(name):
    return name.rpartition("}")[2]


def to_text(element, outer=CLIENT):
    """XML as people write it, on one line."""
    namespace = element.tag[1:].partition("}")[0] if element.tag[0] == "{" else ""
    prefix = PREFIXES.get(namespace)
    if namespace == TEST:
        prefix = "test"
    name = f"{prefix}:{local(element.tag)}" if prefix else local(element.tag)
    head = name if prefix or namespace == outer else f"{name} xmlns={quoteattr(namespace)}"
    for key, value in element.attrib.items():
        head += f" {_attribute_name(key)}={quoteattr(value)}"
    inner = outer if prefix else namespace
    body = escape(element.text or "") + "".join(
        to_text(child, inner) + escape(child.tail or "") for child in element)
    body = re.sub(r">\s+<", "><", body.strip()) if len(element) else body
    return f"<{head}>{body}</{name}>" if body else f"<{head}/>"


def _attribute_name(key):
    namespace, _, name = key.lstrip("{").rpartition("}")
    if not namespace:
        return name
    return f"{'test' if namespace == TEST else PREFIXES.get(namespace, namespace)}:{name}"
