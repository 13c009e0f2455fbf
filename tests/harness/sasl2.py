# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A client that logs in as XEP-0388 has it, with Bind 2 (XEP-0386), resumption in the same message
# (XEP-0198) and tokens (XEP-0484). Channel bindings are faked where a test needs one: Python's ssl
# has no exporter for TLS 1.3.

import base64
import hashlib
import hmac
import ssl
import uuid

from tests.harness.smacks import SM, SmStream
from tests.node.client import SASL, STREAM, local_name
from tests.node.scram import Scram

SASL2 = "urn:xmpp:sasl:2"
BIND2 = "urn:xmpp:bind:0"
FAST = "urn:xmpp:fast:0"
CAM = "urn:xmpp:cam:0"
MAM = "urn:xmpp:mam:2"
CARBONS = "urn:xmpp:carbons:2"
CSI = "urn:xmpp:csi:0"
BOUND = f"<bind xmlns='{BIND2}'><tag>Test</tag></bind>"
BOUND_SM = (f"<bind xmlns='{BIND2}'><tag>Test</tag>"
            f"<enable xmlns='{SM}' resume='true'/></bind>")


def encode(data):
    return base64.b64encode(data).decode()


def condition_of(failure):
    """Of a <failure/> of XEP-0388."""
    assert failure.tag == f"{{{SASL2}}}failure", failure.tag
    return next(local_name(c.tag) for c in failure if c.tag.startswith(f"{{{SASL}}}"))


def request_token(mechanism="HT-SHA-256-NONE"):
    return f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/>"


class Sasl2Stream(SmStream):
    """`device` is the id of its user agent; `token` what it was given last."""

    def __init__(self, *arguments, device=None, **options):
        super().__init__(*arguments, **options)
        self.device = device or str(uuid.uuid4())
        self.token = None
        self.success = None

    def agent(self, inside="<software>test</software><device>machine</device>"):
        return f"<user-agent id='{self.device}'>{inside}</user-agent>"

    def ask_for(self, mechanism, initial, inside="", agent=None):
        """Sends <authenticate/>; the first answer."""
        text = "" if initial is None else f"<initial-response>{encode(initial)}</initial-response>"
        self.send(f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>{text}"
                  f"{self.agent() if agent is None else agent}{inside}</authenticate>")
        return self.receive()

    def with_password(self, inside="", mechanism="SCRAM-SHA-256", **options):
        """The outcome: <success/> or <failure/>."""
        scram = Scram(mechanism, self.user, self.password)
        challenge = self.ask_for(mechanism, scram.first(), inside, **options)
        if challenge.tag != f"{{{SASL2}}}challenge":
            return challenge
        proof = encode(scram.final(base64.b64decode(challenge.text)))
        self.send(f"<response xmlns='{SASL2}'>{proof}</response>")
        outcome = self.receive()
        if outcome.tag == f"{{{SASL2}}}success":
            scram.verify(base64.b64decode(outcome.findtext(f"{{{SASL2}}}additional-data")))
        return outcome

    def binding(self, mechanism):
        """tls-server-end-point of a certificate signed with SHA-256."""
        if mechanism.endswith("-NONE"):
            return b""
        return hashlib.sha256(self.socket.getpeercert(binary_form=True)).digest()

    def with_token(self, token, inside="", mechanism="HT-SHA-256-NONE", fast="", **options):
        name = mechanism.split("-")[2]
        hashing, binding = f"sha{name}", self.binding(mechanism)
        proof = hmac.new(token.encode(), b"Initiator" + binding, hashing).digest()
        outcome = self.ask_for(mechanism, self.user.encode() + b"\0" + proof,
                               f"<fast xmlns='{FAST}'{fast}/>{inside}", **options)
        if outcome.tag == f"{{{SASL2}}}success":
            answer = base64.b64decode(outcome.findtext(f"{{{SASL2}}}additional-data"))
            assert answer == hmac.new(token.encode(), b"Responder" + binding, hashing).digest()
        return outcome

    def accept(self, success):
        """Takes over what a <success/> says, and the features behind it."""
        assert success.tag == f"{{{SASL2}}}success", (
            condition_of(success) if success.tag.endswith("failure") else success.tag)
        self.success = success
        name = success.findtext(f"{{{SASL2}}}authorization-identifier")
        self.full = name if "/" in name else None
        token = success.find(f"{{{FAST}}}token")
        if token is not None:
            self.token = token.get("token")
        enabled = success.find(f"{{{BIND2}}}bound/{{{SM}}}enabled")
        if enabled is not None:
            self.counts, self.handled, self.id = True, 0, enabled.get("id")
        resumed = success.find(f"{{{SM}}}resumed")
        if resumed is not None:
            self.counts, self.sent = True, int(resumed.get("h"))
        else:
            self.features = self.expect(f"{{{STREAM}}}features")
        return self

    def resume_of(self, other):
        self.handled, self.id = other.handled, other.id
        return f"<resume xmlns='{SM}' previd='{other.id}' h='{other.handled}'/>"


def is_tls13(stream):
    return isinstance(stream.socket, ssl.SSLSocket) and stream.socket.version() == "TLSv1.3"
