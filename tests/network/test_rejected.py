# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a member may not say, and what becomes of it: it goes nowhere, is counted, and harms nobody.

import itertools

import pytest

from tests.harness import wait
from tests.network.rogue import Rogue, pair_of
from tests.node import control

ALPHA, BETA = "alpha.example.test", "beta.example.test"
INNER = ("<message xmlns='jabber:client' from='{inner}' to='{user}@example.test'>"
         "<body>x</body></message>")
ENVELOPE = "<envelope xmlns='urn:kontalk:net:1' {attributes}>" + INNER + "</envelope>"


def rejections(network):
    row = control.links(network.alpha)[BETA]
    return {key.removeprefix("rejected-"): int(value) for key, value in row.items()
            if key.startswith("rejected-")}


def envelope(attributes="stage='home' home='beta' epoch='1'", inner="user@example.test/x",
             user="nobody"):
    return ENVELOPE.format(attributes=attributes, inner=inner, user=user)


def of_now(network, payload):
    """Epoch 1 stands for the one that beta's home has; it may have risen."""
    epoch = network.document.homes["beta"]["epoch"]
    for written, meant in (("2", epoch + 1), ("1", epoch), ("0", epoch - 1)):
        payload = payload.replace(f"epoch='{written}'", f"epoch='={meant}'")
    return payload.replace("epoch='=", "epoch='")


ROWS = [
    # name, from, to, payload, counted as
    ("forged from", "gamma.example.test", ALPHA, envelope(), "from"),
    ("forged from of ours", ALPHA, ALPHA, envelope(), "from"),
    ("forged from of an account", "alice@gamma.example.test", ALPHA, envelope(), "from"),
    ("network as from", "alice@example.test", ALPHA, envelope(), "from"),
    ("look-alike from", "evilbeta.example.test", ALPHA, envelope(), "from"),
    ("look-alike from behind", "beta.example.test.evil.test", ALPHA, envelope(), "from"),
    ("foreign to", BETA, "gamma.example.test", envelope(), "to"),
    ("foreign domain as to", BETA, "alice@jabber.example", envelope(), "to"),
    ("network as to", BETA, "alice@example.test", envelope(), "to"),
    ("component as to", BETA, "test.example.test", envelope(), "to"),
    ("no payload", BETA, ALPHA, "", "kind"),
    ("a body", BETA, f"alice@{ALPHA}", "<body xmlns='jabber:client'>x</body>", "kind"),
    ("document by stanza", BETA, ALPHA, "<x xmlns='urn:kontalk:document:1'/>", "kind"),
    ("words of the router", BETA, ALPHA, "<bind xmlns='urn:kontalk:router:1'/>", "kind"),
    ("no stage", BETA, ALPHA, envelope("home='beta' epoch='1'"), "stage"),
    ("unknown stage", BETA, ALPHA, envelope("stage='front' home='beta' epoch='1'"), "stage"),
    ("another home", BETA, ALPHA, envelope("stage='home' home='gamma' epoch='1'"), "home"),
    ("our home", BETA, ALPHA, envelope("stage='home' home='alpha' epoch='1'"), "home"),
    ("unknown home", BETA, ALPHA, envelope("stage='home' home='omega' epoch='1'"), "home"),
    ("no home", BETA, ALPHA, envelope("stage='home'"), "home"),
    ("lower epoch", BETA, ALPHA, envelope("stage='home' home='beta' epoch='0'"), "epoch"),
    ("higher epoch", BETA, ALPHA, envelope("stage='home' home='beta' epoch='2'"), "epoch"),
    ("no epoch", BETA, ALPHA, envelope("stage='home' home='beta'"), "epoch"),
    ("epoch no number", BETA, ALPHA, envelope("stage='home' home='beta' epoch='-1'"), "epoch"),
    ("gateway for the network", BETA, ALPHA,
     envelope("stage='gateway' home='beta' epoch='1'", inner="alice@example.test"), "stage"),
]


@pytest.mark.parametrize("form", ["stanza", "offer"])
def test_forged(network, rogue, form):
    """All in one link, which goes on."""
    for name, source, target, payload, reason in ROWS:
        message = f"<message from='{source}' to='{target}'>{of_now(network, payload)}</message>"
        if form == "offer":
            message = message.replace("<message ", "<message xmlns='jabber:client' ", 1)
            message = (f"<offer xmlns='urn:kontalk:durable:1' id='{reason} {name}' attempt='1'>"
                       f"{message}</offer>")
        before = rejections(network).get(reason, 0)
        rogue.send(message)
        rogue.settle()
        assert rejections(network).get(reason, 0) == before + 1, name
    assert "stream:error" not in rogue.text
    answers = [reason for _, _, _, _, reason in ROWS if reason not in ("from", "to")]
    if form == "offer":
        assert rogue.text.count("<refused ") == len(answers)
        assert rogue.text.count("reason='conflict' type='wait'") == sum(
            reason in ("home", "epoch") for reason in answers)
    network.alpha.daemon("net").wait_log(f"event=net_rejected host={BETA} reason=from")


def test_c2s_counts_too(network, rogue):
    """What the directory shows to be false; kontalkctl network status tells of it."""
    alice = network.alpha.add_account()
    forged = of_now(network, envelope(inner=f"{alice.jid}/x"))
    for _ in range(2):
        rogue.send(f"<message from='{BETA}' to='nobody@{ALPHA}'>{forged}</message>")
    rogue.settle()

    def told():
        return f"{BETA} envelopes refused=2 misdirected=0" in \
            network.alpha.control("network", "status").splitlines()
    wait.until(told, what="two envelopes refused")


def test_forged_answers(network, rogue):
    rows = [("bob@gamma.example.test", f"alice@{ALPHA}", "from"),
            ("bob@example.test", f"alice@{ALPHA}", "from"),
            (f"bob@{BETA}", "alice@example.test", "to"),
            (f"bob@{BETA}", "alice@gamma.example.test", "to")]
    for kind, (source, target, reason) in itertools.product(("took", "refused", "forget"), rows):
        before = rejections(network).get(reason, 0)
        rogue.send(f"<{kind} xmlns='urn:kontalk:durable:1' id='1' from='{source}' to='{target}'/>")
        rogue.settle()
        assert rejections(network).get(reason, 0) == before + 1, (kind, source, target)


def test_presence_and_iq_do_not_pass(network, rogue):
    before = rejections(network).get("kind", 0)
    rogue.send(f"<presence from='{BETA}' to='{ALPHA}'/>"
               f"<iq type='get' id='1' from='{BETA}' to='{ALPHA}'>"
               "<ping xmlns='urn:xmpp:ping'/></iq>")
    rogue.settle()
    assert rejections(network)["kind"] == before + 2


def test_a_member_without_s2s_is_no_gateway(network, rogue):
    def without(changed):
        changed.members[BETA]["role"] = ["front", "home", "registrar"]

    with network.changed(without):
        before = rejections(network).get("role", 0)
        rogue.send(f"<message from='{BETA}' to='{ALPHA}'>"
                   + of_now(network, envelope("stage='gateway' home='beta' epoch='1'",
                                              "a@jabber.example"))
                   + "</message>")
        rogue.settle()
        assert rejections(network)["role"] == before + 1


def test_unknown_elements(network, rogue):
    """They count; what has to be understood is refused."""
    before = rejections(network).get("not-understood", 0)
    rogue.send("<hint xmlns='urn:example:later'/><law xmlns='urn:example:later' must='true'/>")
    rogue.read("<not-understood [^>]*name='law' ns='urn:example:later'/>")
    assert "h='2'" in rogue.settle()[0]
    assert rejections(network)["not-understood"] == before + 1


def test_bad_bytes_end_the_link(network, rogue):
    rows = [("<!DOCTYPE x>", "not-well-formed"), ("<!-- x -->", "restricted-xml"),
            ("<a></b>", "not-well-formed"),
            ("<took xmlns='urn:kontalk:durable:1'/>", "bad-format"),
            ("<message from='@' to='alpha.example.test'/>", "invalid-from"),
            ("<a xmlns='urn:xmpp:sm:3' h='4000000000'/>", "undefined-condition")]
    rogue.socket.close()
    for said, condition in rows:
        with Rogue(network.alpha, pair_of(network.beta)) as again:
            again.link(BETA).send(said)
            assert f"<{condition} " in again.read_to_end(), said


def test_a_session_that_was_recorded_is_worth_nothing(network, rogue):
    """Beta itself is back: a link that lives is not taken over, even with its key."""
    session = rogue.text.partition("<enabled ")[2].partition("id='")[2].partition("'")[0]
    rogue.socket.close()
    network.beta.daemon("net").start()
    network.wait_linked(("alpha", "beta"))
    with Rogue(network.alpha, pair_of(network.beta)) as again:
        again.begin(BETA)
        again.read("</stream:features>")
        again.send("<protocols xmlns='urn:kontalk:link:1'><protocol name='net' version='1'/>"
                   "<protocol name='durable' version='1'/></protocols>"
                   f"<resume xmlns='urn:xmpp:sm:3' h='0' previd='{session}'/>")
        assert "<conflict " in again.read_to_end()
