# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Bytes that are not the XML of RFC 6120 §11, and what they are answered. Rows: id, bytes, condition
# of the stream error. Bytes are sent as they are, but for @DECLARATION@ and @HEADER@, which stand
# for a good XML declaration and a good start tag of the stream.

from tests.attacks.positions import STREAM

NWF = "not-well-formed"
RESTRICTED = "restricted-xml"
ENCODING = "unsupported-encoding"

START = b"@DECLARATION@@HEADER@"
LAUGHS = b"".join(b"<!ENTITY l%d '%s'>" % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))
LAUGHS = b"<!DOCTYPE s [<!ENTITY l0 'lol'>" + LAUGHS + b"]>"

# In place of the stream header.
IN_FRONT = [
    ("X1-doctype", b"@DECLARATION@<!DOCTYPE s [<!ENTITY a 'b'>]>@HEADER@", RESTRICTED),
    ("X1-doctype-alone", b"<!DOCTYPE s>@HEADER@", RESTRICTED),
    ("X1-doctype-public", b"<!DOCTYPE s PUBLIC 'a' 'b'>@HEADER@", RESTRICTED),
    ("X2-laughs-in-text", b"@DECLARATION@" + LAUGHS + b"@HEADER@<message>&l9;</message>",
     RESTRICTED),
    ("X2-laughs-in-attribute", b"@DECLARATION@" + LAUGHS + b"@HEADER@<message x='&l9;'/>",
     RESTRICTED),
    ("X2-parameter-entities",
     b"<!DOCTYPE s [<!ENTITY % a '<!ENTITY b \"c\">'>%a;]>@HEADER@", RESTRICTED),
    ("X5-comment-in-front", b"<!-- c -->@HEADER@", RESTRICTED),
    ("X5-comment-behind-declaration", b"@DECLARATION@<!-- c -->@HEADER@", RESTRICTED),
    ("X6-instruction-in-front", b"<?foo bar?>@HEADER@", RESTRICTED),
    ("X6-stylesheet", b"@DECLARATION@<?xml-stylesheet href='a'?>@HEADER@", RESTRICTED),
    ("X7-declaration-twice", b"@DECLARATION@@DECLARATION@@HEADER@", NWF),
    ("X7-declaration-behind-blank", b"@HEADER@ @DECLARATION@", NWF),
    ("X11-nul-first", b"\0@HEADER@", (NWF, ENCODING)),
    ("X11-nul-in-front", b"@DECLARATION@\0@HEADER@", NWF),
    ("X13-overlong-in-front", b"@DECLARATION@\xc0\x80@HEADER@", NWF),
    ("X14-latin1", b"<?xml version='1.0' encoding='ISO-8859-1'?>@HEADER@", ENCODING),
    ("X14-utf7", b"<?xml version='1.0' encoding='UTF-7'?>@HEADER@", ENCODING),
    ("X14-utf16", b"<?xml version='1.0' encoding='UTF-16'?>@HEADER@", ENCODING),
    ("X14-ebcdic", b"<?xml version='1.0' encoding='EBCDIC-US'?>@HEADER@", ENCODING),
    ("X14-utf8x", b"<?xml version='1.0' encoding='utf8x'?>@HEADER@", ENCODING),
    ("X14-ucs4", b"<?xml version='1.0' encoding='UCS-4'?>@HEADER@", ENCODING),
    ("X14-empty", b"<?xml version='1.0' encoding=''?>@HEADER@", (NWF, ENCODING)),
    ("X15-utf16-le-mark", "\ufeff<".encode("utf-16-le"), (NWF, ENCODING)),
    ("X15-utf16-be-mark", "\ufeff<".encode("utf-16-be"), (NWF, ENCODING)),
    ("X15-utf16-no-mark", "<?xml".encode("utf-16-le"), (NWF, ENCODING)),
    ("X15-utf32-le-mark", "\ufeff<".encode("utf-32-le"), (NWF, ENCODING)),
    ("X15-utf32-be-mark", "\ufeff<".encode("utf-32-be"), (NWF, ENCODING)),
    ("X15-ebcdic-declaration", "<?xml version='1.0'?>".encode("cp037"), (NWF, ENCODING)),
    ("X16-xml11", b"<?xml version='1.1'?>@HEADER@", NWF),
    ("X16-xml20", b"<?xml version='2.0'?>@HEADER@", NWF),
    ("X16-no-version", b"<?xml encoding='UTF-8'?>@HEADER@", NWF),
    ("X17-unbound-root", b"<flood:stream xmlns='jabber:client'>", NWF),
    ("X20-stream-namespace", b"@DECLARATION@@HEADER:stream=http://x@", "invalid-namespace"),
    ("X20-stream-namespace-slash", b"@HEADER:stream=" + STREAM.encode() + b"/@",
     "invalid-namespace"),
    ("X21-server-namespace", b"@DECLARATION@@HEADER:xmlns=jabber:server@", "invalid-namespace"),
    ("X21-other-namespace", b"@HEADER:xmlns=jabber:iq:roster@", "invalid-namespace"),
    ("X21-no-namespace", b"<stream:stream xmlns:stream='" + STREAM.encode() +
     b"' to='example.test' version='1.0'>", ("invalid-namespace", "bad-namespace-prefix")),
    ("X22-message-first", b"<message/>", "bad-format"),
    ("X22-message-with-namespace", b"<message xmlns='jabber:client'><body>x</body></message>",
     "bad-format"),
    ("X22-streams", b"<stream:streams xmlns:stream='" + STREAM.encode() + b"'>", "bad-format"),
    ("X28-end-tag-first", b"</stream:stream>", NWF),
    ("X28-text-first", b"hello", NWF),
]

# Behind the stream header.
INSIDE = [
    ("X1-doctype-inside", b"<!DOCTYPE s [<!ENTITY a 'b'>]>", (RESTRICTED, NWF)),
    ("X5-comment", b"<!-- c -->", RESTRICTED),
    ("X5-comment-in-stanza", b"<message><!-- c --></message>", RESTRICTED),
    ("X6-instruction", b"<?foo bar?>", RESTRICTED),
    ("X6-instruction-in-stanza", b"<message><?foo bar?></message>", RESTRICTED),
    ("X7-declaration", b"<?xml version='1.0'?>", NWF),
    ("X7-declaration-in-stanza", b"<message><?xml version='1.0'?></message>", NWF),
    ("X8-entity-in-text", b"<message><body>&foo;</body></message>", RESTRICTED),
    ("X8-entity-in-attribute", b"<message x='&foo;'/>", RESTRICTED),
    ("X8-entity-in-namespace", b"<message xmlns:x='&foo;'/>", RESTRICTED),
    ("X17-element", b"<foo:message/>", NWF),
    ("X17-attribute", b"<message foo:a='1'/>", NWF),
    ("X17-child", b"<message><foo:a/></message>", NWF),
    ("X18-attribute", b"<m a='1' a='2'/>", NWF),
    ("X18-two-prefixes", b"<m xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>", NWF),
    ("X18-namespace", b"<m xmlns:p='u' xmlns:p='v'/>", NWF),
    ("X19-prefix-for-nothing", b"<m xmlns:a=''/>", NWF),
    ("X19-declared-xmlns", b"<m xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", NWF),
    ("X19-other-xml", b"<m xmlns:xml='foo'/>", NWF),
    ("X19-default-xml", b"<m xmlns='http://www.w3.org/XML/1998/namespace'/>", NWF),
    ("X19-default-xmlns", b"<m xmlns='http://www.w3.org/2000/xmlns/'/>", NWF),
    ("X19-two-colons", b"<a:b:c/>", NWF),
    ("X19-prefix-alone", b"<a:/>", NWF),
    ("X19-name-alone", b"<:a/>", NWF),
    ("X23-element", b"<foo xmlns='bar'/>", "unsupported-stanza-type"),
    ("X23-no-namespace", b"<foo xmlns=''/>", "unsupported-stanza-type"),
    ("X23-stream-features", b"<stream:features/>", "unsupported-stanza-type"),
    ("X23-stream-stream", b"<stream:stream/>", ("unsupported-stanza-type", "bad-format")),
    ("X24-server-stanza", b"<message xmlns='jabber:server'/>", "unsupported-stanza-type"),
    ("X24-stanza-without", b"<iq xmlns='' type='get' id='1'/>", "unsupported-stanza-type"),
    ("X24-name-in-other-case", b"<Message/>", "unsupported-stanza-type"),
    ("X27-lower-than", b"<message x='<'/>", NWF),
    ("X27-lower-than-later", b"<message x='<' ><iq/></message>", NWF),
    ("X28-cdata-end", b"<message><body>]]></body></message>", NWF),
    ("X28-no-quotes", b"<message x=y/>", NWF),
    ("X28-other-quote", b"<message x='y\"></message>'>\"", NWF),
    ("X28-mismatch", b"<message><body></message>", NWF),
    ("X28-no-blank", b"<message x='1'y='2'/>", NWF),
    ("X28-no-value", b"<message x/>", NWF),
    ("X28-ampersand", b"<message><body>a & b</body></message>", NWF),
    ("X28-unfinished-reference", b"<message><body>&amp</body></message>", NWF),
    ("X28-name-begins-with-digit", b"<1message/>", NWF),
    ("X28-bracket-inside", b"<![foo[x]]>", ("bad-format", NWF)),
    ("X28-text-between", b"hello", "bad-format"),
    ("X28-cdata-between", b"<![CDATA[hello]]>", ("bad-format", NWF)),
    ("X28-two-at-once", b"</message>", NWF),
]

# X10 to X13: what is no character, at every place where one may be.
NO_CHARACTERS = {
    **{f"X10-{code}": b"&#%s;" % code.encode()
       for code in ("0", "x0", "1", "x1F", "xFFFE", "xFFFF", "xD800", "xDFFF", "x110000",
                    "4294967361", "x10000000000000041")},
    "X10-nothing": b"&#;",
    "X10-no-number": b"&#xG;",
    "X10-unfinished": b"&#65",
    "X11-nul": b"\0",
    **{f"X12-{code:02x}": bytes([code]) for code in range(1, 32) if code not in (9, 10, 13)},
    "X13-overlong-nul": b"\xc0\x80",
    "X13-overlong-slash": b"\xe0\x80\xaf",
    "X13-surrogate": b"\xed\xa0\x80",
    "X13-beyond": b"\xf4\x90\x80\x80",
    "X13-five-bytes": b"\xf8\x88\x80\x80\x80",
    "X13-ff": b"\xff",
    "X13-truncated": b"\xe2\x82",
    "X13-continuation": b"\x80",
    "X13-fffe": b"\xef\xbf\xbe",
    "X13-lead-alone": b"\xc3",
}
PLACES = {
    "text": b"<message><body>a@b</body></message>",
    "attribute": b"<message x='a@b'/>",
    "name": b"<message><a@b/></message>",
    "between": b"@",
}


def in_places():
    """References are nothing special in names, and C0 controls need one place each to be seen."""
    for name, data in NO_CHARACTERS.items():
        row = name.partition("-")[0]
        for place, pattern in PLACES.items():
            if (row, place) not in SAME_AS_OTHERS:
                wanted = OUTSIDE if place == "between" and data[0] > 0xc1 else NWF
                yield f"{name}-in-{place}", pattern.replace(b"@", data), wanted


SAME_AS_OTHERS = {("X10", "name"), ("X10", "between"), ("X12", "name")}
# Between stanzas the first byte of what may be a character is one too many already.
OUTSIDE = (NWF, "bad-format")
INSIDE += in_places()
