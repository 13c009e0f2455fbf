# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The runner finds what it is for: files with a fault, stanzas that differ, conversations that go
# another way.

import pytest

from tests.conversations import match
from tests.conversations.play import Cast, Mismatch, Play
from tests.conversations.script import ScriptError, parse

HEAD = "[Client] Romeo\n[Client] Juliet\n-----\n"

BAD_SCRIPTS = [
    ("[Waiter] Peter\n-----\n", "no actor"),
    ("[Client] Romeo\n    colour: red\n-----\n", "no option"),
    (HEAD + "Paris connects\n", "nobody is called Paris"),
    (HEAD + "Romeo dances\n", "no verb"),
    (HEAD + "Romeo sends:\n", "a block is expected"),
    (HEAD + "Romeo connects\n    <presence/>\n", "no block is expected"),
    (HEAD + "Romeo\n", "no step"),
]

# (expected, actual, what differs; None: nothing)
ELEMENTS = [
    ("<a/>", "<a/>", None),
    ("<a/>", "<b/>", "expected {jabber:client}a"),
    ("<a/>", "<a xmlns='urn:x'/>", "got {urn:x}a"),
    ("<a k='1'/>", "<a k='1'/>", None),
    ("<a k='1'/>", "<a k='2'/>", "a@k: expected '1', got '2'"),
    ("<a k='1'/>", "<a/>", "no attribute"),
    ("<a/>", "<a k='1'/>", "no attribute"),
    ("<a test:more='yes'/>", "<a k='1'><b/></a>", None),
    ("<a k='{any}'/>", "<a k='x'/>", None),
    ("<a k='{any}'/>", "<a k=''/>", "a@k"),
    ("<a k='x{number}'/>", "<a k='x12'/>", None),
    ("<a k='x{number}'/>", "<a k='xy'/>", "a@k"),
    ("<a k='.'/>", "<a k='x'/>", "a@k"),
    ("<a>x</a>", "<a>x</a>", None),
    ("<a>x</a>", "<a> x</a>", "a text"),
    ("<a>{utc}</a>", "<a>2020-01-01T00:00:00Z</a>", None),
    ("<a>{utc}</a>", "<a>yesterday</a>", "a text"),
    ("<a> <b/> </a>", "<a><b/></a>", None),
    ("<a><b/></a>", "<a>x<b/></a>", "a text"),
    ("<a><b/></a>", "<a/>", "a/b: expected <b/>, got nothing"),
    ("<a/>", "<a><b/></a>", "no further child"),
    ("<a><b/><c/></a>", "<a><c/><b/></a>", "a/b"),
    ("<a test:order='any'><b/><c/></a>", "<a><c/><b/></a>", None),
    ("<a test:order='any'><b/><b/></a>", "<a><c/><b/></a>", "none like it"),
    ("<a test:more='yes'><b/></a>", "<a><c/><b/></a>", None),
    ("<a test:more='yes'><b/></a>", "<a><c/></a>", "none like it"),
    ("<a><test:any/></a>", "<a><z k='1'/></a>", None),
    ("<a><test:any/></a>", "<a/>", "got nothing"),
    ("<a k='{keep:x}'><b k='{keep:x}'/></a>", "<a k='1'><b k='1'/></a>", None),
    ("<a k='{keep:x}'><b k='{keep:x}'/></a>", "<a k='1'><b k='2'/></a>", "x = '1'"),
]
CONFLICT = "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
ERRORS = [
    (f"<error type='cancel'>{CONFLICT}</error>", None),
    (f"<error type='cancel'>{CONFLICT}<text xmlns='{match.STANZA_ERRORS}'>no</text></error>", None),
    (f"<error type='wait'>{CONFLICT}</error>", "error@type"),
    ("<error type='cancel'/>", "conflict"),
    (f"<error type='cancel'>{CONFLICT}{CONFLICT}</error>", "conflict"),
    ("<error type='cancel'><conflict/></error>", "conflict"),
]

# Conversations that go another way than the file has it, and what the report says.
WRONG = [
    ("Romeo connects\nRomeo sends:\n  <presence/>\n", "Romeo got what was not expected"),
    ("Romeo connects\nRomeo sends:\n  <presence/>\nRomeo receives nothing\n", "receives nothing"),
    ("Romeo connects\nRomeo goes online\nJuliet connects\n"
     "Juliet sends:\n  <message to='${Romeo}'><body>x</body></message>\n"
     "Juliet receives nothing\n", "Romeo got what was not expected"),
    ("Romeo connects\nRomeo goes online\nRomeo receives:\n  <presence to='${Juliet}'/>\n",
     "got nothing"),
    ("Romeo connects\nRomeo sends:\n  <presence/>\nRomeo receives:\n  <presence/>\n",
     "presence@to: expected no attribute, got '${Romeo.full}'"),
    ("Romeo connects\nRomeo sends raw:\n  </stream:stream>\n",
     "Romeo got what was not expected\n  the footer"),
    ("Romeo connects\nRomeo sends raw:\n  <x/>\nRomeo receives the stream error conflict\n",
     "unsupported-stanza-type"),
    ("Romeo connects\nRomeo is disconnected\n", "TimeoutError"),
    ("Romeo sends:\n  <presence to='${Paris}'/>\n", "${Paris} has no value"),
]


@pytest.mark.parametrize("text, said", BAD_SCRIPTS)
def test_file_with_fault(text, said):
    with pytest.raises(ScriptError, match=said):
        parse("file", text)


def differences(expected, actual):
    matcher = match.Matcher()
    matcher.matches(match.parse(expected)[0], match.parse(actual)[0])
    return "\n".join(matcher.differences)


@pytest.mark.parametrize("expected, actual, said", ELEMENTS)
def test_element(expected, actual, said):
    found = differences(expected, actual)
    assert said in found if said else not found


@pytest.mark.parametrize("actual, said", ERRORS)
def test_error(actual, said):
    found = differences("<iq><test:error is='conflict' type='cancel'/></iq>", f"<iq>{actual}</iq>")
    assert said in found if said else not found


WAITS = {"got nothing", "TimeoutError"}


@pytest.mark.parametrize("steps, said", WRONG)
def test_conversation_that_goes_another_way(node, monkeypatch, steps, said):
    class Hurried(Play):
        """What does not come is not waited for as long as all before it."""

        def _do(self, step):
            if said in WAITS and step is self.script.steps[-1]:
                monkeypatch.setattr("tests.conversations.wire.SECONDS", 0.5)
            super()._do(step)

    script = parse("file", HEAD + steps)
    cast = Cast(script, node.network, [])
    for account in cast.accounts.values():
        node.control("user", "add", account.jid, password=account.password + "\n")
    with pytest.raises(Mismatch) as problem:
        Hurried(node, script, cast, "").run()
    assert said in str(problem.value)
