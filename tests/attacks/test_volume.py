# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Much of something (X25, X34, X35, X37, X38, A2, P9 of docs/ATTACKS.md). Numbers are those of the
# whole attack; make check runs a thousandth of them, make check-attacks all. The node has no limits
# of rates: what they do is tested where they are.

import random
import re
import socket
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr

import pytest

from tests.attacks import positions
from tests.attacks.answers import take_stanza_id
from tests.attacks.vitals import KIB, MIB, other_scene
from tests.harness.node import SOURCES
from tests.node.client import CLIENT, SASL

# Whole attacks take long.
pytestmark = pytest.mark.seconds(20_000)


@pytest.fixture(scope="module")
def scene():
    """127.0.0.0/8 is exempt from all limits of rates."""
    with other_scene(next(SOURCES), settings={"c2s": {"rate-exempt": "127.0.0.0/8"}}) as made:
        yield made


@pytest.mark.memory
@pytest.mark.parametrize("kind", ("names", "attributes", "namespaces", "prefixes"))
def test_X34_never_the_same(scene, attacker, volume, kind):
    """200 MB in which each stanza brings names that were never there: nothing remembers them."""
    patterns = {"names": "<iq type='get' id='1'><x{n}/></iq>",
                "attributes": "<iq type='get' id='1'><x a{n}='1'/></iq>",
                "namespaces": "<iq type='get' id='1'><x xmlns='urn:{n}'/></iq>",
                "prefixes": "<iq type='get' id='1'><p{n}:x xmlns:p{n}='u'/></iq>"}
    pattern = patterns[kind]
    stream = attacker.bound()
    per_round = 1000
    rounds = max(3, volume(200_000_000) // (per_round * 50))
    with scene.survives(lines=0, growth=2 * MIB):
        for i in range(rounds):
            numbers = range(10**12 + i * per_round, 10**12 + (i + 1) * per_round)
            stream.send("".join(pattern.format(n=n) for n in numbers))
            stream.settle()


@pytest.mark.memory
def test_X35_long_stream(scene, attacker, volume):
    """5 GiB on one stream."""
    stream = attacker.bound()
    stanza = f"<message to='{stream.full}' type='error'><body>{'x' * 60000}</body></message>"
    with scene.survives(lines=0, growth=2 * MIB):
        for _ in range(volume(5 * 1024 * MIB) // len(stanza) + 1):
            stream.send(stanza)
            stream.wait_for(lambda e: e.get("type") == "error")


@pytest.mark.memory
@pytest.mark.parametrize("position", positions.OF_CLIENTS)
def test_X37_blanks(scene, attacker, volume, position):
    """1 GiB of white space between stanzas is legal (RFC 6120 §11.7), and costs nothing."""
    stream = getattr(attacker, position)()
    blanks = b" \n\t\r" * (16 * KIB)
    with scene.survives(lines=1 if position != "bound" else 0, growth=256 * KIB):
        for _ in range(volume(1024 * MIB) // len(blanks) + 1):
            stream.send(blanks)
        if position == "bound":
            stream.settle()
        else:
            assert stream.exchange("<message/>").error == "not-authorized"


def test_X38_random(scene, attacker, volume):
    """Ten thousand pieces of nothing; from one address, so one line in a minute."""
    random.seed(38)
    source = next(SOURCES)
    with scene.survives(lines=1 + volume(10_000) // 1000):
        for _ in range(volume(10_000)):
            stream = attacker.client(source=source)
            stream.try_send(random.randbytes(random.randrange(1, 300)))
            stream.socket.shutdown(socket.SHUT_WR)
            assert stream.read_to_end().closed
            stream.close()


@pytest.mark.memory
@pytest.mark.parametrize("position", ("first", "plain", "tls", "unbound"))
def test_P9_connections(scene, attacker, volume, position):
    """A million strangers that come and go."""
    getattr(attacker, position)().close()
    source = next(SOURCES)
    count = volume(1_000_000) if position == "plain" else volume(100_000)
    with scene.survives(lines=3 * count, growth=2 * MIB):
        for _ in range(max(200, count)):
            stream = getattr(attacker, position)()
            stream.close()


@pytest.mark.memory
def test_A2_exchanges_begun(scene, attacker, volume):
    """A hundred thousand exchanges that are never finished."""
    stream = attacker.tls()
    begin = f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>biwsbj1ub2JvZHkscj1hYmM=</auth>"
    with scene.survives(lines=0, growth=MIB):
        for _ in range(volume(100_000)):
            stream.send(begin + begin)
            assert stream.receive().tag == f"{{{SASL}}}challenge"
            assert stream.receive().tag == f"{{{SASL}}}failure"


# X25: what clients send is never handed on as it came, so no other parser can read something else.

FRAGMENTS = ["<a>", "</a>", "<b/>", "<b x='1'/>", "<![CDATA[", "]]>", "]]&gt;", "&lt;", "&amp;lt;",
             "&#60;", "&#x3C;/message&#62;", "&#38;", "'", '"', ">", "text", "\r\n", "\r", "\t",
             "&#13;", "\u2028", "\u0085", "\U0001f600", "é", "e\u0301", "<p:a xmlns:p='u'/>",
             "<a xmlns='u'><b/></a>", "<a xmlns=''/>", "<a xmlns='jabber:client'/>",
             "<a xmlns:p='u' p:x='1' x='2'/>", "<a xml:lang='de' xml:space='preserve'/>",
             "<body xmlns='v'>x</body>", "<message xmlns='jabber:server'/>", "<a x='&#10;&#9;\n'/>",
             "<a x='&lt;&quot;&apos;&amp;'/>", '<a x=">"/>', "<stream:features/>",
             "<stream:error/>",
             "<message><body>inner</body></message>", "</message>", "<message>", "<iq type='get'/>",
             "<a xmlns:stream='u'><stream:x/></a>", "<x xmlns='u' xmlns:q='v'><q:y q:z='1'/></x>",
             "<!-- c -->", "<?p?>", "&e;", "<", "&", "\x0b", "<a x='1' x='1'/>", "<p:a/>"]


def mutant(generator):
    text = "".join(generator.choice(FRAGMENTS) for _ in range(generator.randrange(1, 6)))
    if generator.randrange(3) == 0:
        place = generator.randrange(len(text) + 1)
        text = text[:place] + generator.choice("<>&'\"/=![]- \0x") + text[place:]
    return text


def expected(stream, text):
    """What Python's parser (expat) makes of the stanza; None if it is nothing that RFC 6120 §11
    allows."""
    header = positions.header("bound", None, to="x").decode()
    if re.search(r"<[!?](?!\[CDATA\[)", re.sub(r"<!\[CDATA\[.*?\]\]>", "", text, flags=re.DOTALL)):
        return None
    try:
        root = ElementTree.fromstring(f"{header}{stanza_with(stream, text)}</stream:stream>")
    except (ElementTree.ParseError, ValueError):
        return None
    return root[0] if len(root) == 1 and not (root.text or root[0].tail) else None


def stanza_with(stream, text, to="x"):
    return (f"<message type='chat' id='m' from={quoteattr(stream.full)} to={quoteattr(to)}>"
            f"<body>0</body>{text}</message>")


def shape(element, top=True):
    """All that a tree says, as nested tuples; addresses and languages of the top apart."""
    attributes = {k: v for k, v in element.items() if not top or k not in ("to", "from")}
    return (element.tag, sorted(attributes.items()), element.text or "",
            [(shape(child, False), child.tail or "") for child in element])


def next_said(client):
    """The next stanza but the question with which the server finds out whether messages arrive."""
    return client.wait_for(lambda e: e.find("{http://jabber.org/protocol/disco#info}query") is None)


@pytest.mark.memory
def test_X25_smuggling(scene, attacker, volume):
    """A million mutants: what arrives is what an independent parser reads in what was sent, one
    stanza for one; what is no stanza brings nobody's stream down but its own."""
    generator = random.Random(25)
    friend = attacker.client(source=next(SOURCES))
    friend.login().send_presence()
    stream = attacker.bound()
    arrived = refused = 0
    for _ in range(max(1000, volume(1_000_000))):
        text = mutant(generator)
        wanted = expected(stream, text)
        stream.send(stanza_with(stream, text, friend.full))
        if wanted is None:
            refused += 1
            stream.close()  # it has ended, or waits for the rest
            friend.settle()
            stream = attacker.bound()
            continue
        arrived += 1
        stream.send(f"<message type='chat' to='{friend.full}' id='end'/>")
        got = take_stanza_id(next_said(friend), friend.bare)
        assert got.tag == f"{{{CLIENT}}}message" and shape(got) == shape(wanted), repr(text)
        assert next_said(friend).get("id") == "end", repr(text)
    assert arrived > 100 and refused > 100
    scene.check(lines=10**9, growth=4 * MIB)
