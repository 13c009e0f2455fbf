# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What other servers are told of our limits (XEP-0478).

LIMITS = "{urn:xmpp:stream-limits:0}"


def announced(stream):
    limits = stream.features.find(f"{LIMITS}limits")
    return limits is not None and {limit.tag.removeprefix(LIMITS): int(limit.text)
                                   for limit in limits}


def test_limits_are_announced(peer):
    """Behind TLS, where somebody may prove a domain; they are those of the configuration."""
    assert not announced(peer.dial().open_stream())
    assert announced(peer.dial().secure(peer.certify())) == {"max-bytes": 512 * 1024,
                                                             "idle-seconds": 600}
    assert announced(peer.dial_proven()) == {"max-bytes": 512 * 1024, "idle-seconds": 600}
