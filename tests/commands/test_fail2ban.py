# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The filter for fail2ban finds the addresses of failed logins in the log, and no others.

import base64
import subprocess

import pytest

from tests.harness.node import Account
from tests.node.client import local_name

FORGED = 'x" addr=203.0.113.9 condition=not-authorized'


def plain(user):
    return base64.b64encode(f"\0{user}\0wrong".encode()).decode()


def found(log, tmp_path):
    """The addresses that the filter finds."""
    path = tmp_path / "log"
    path.write_text("".join(f"2026-11-28T02:00:0{n % 10}+0000 {line}\n"
                            for n, line in enumerate(log.splitlines())))
    done = subprocess.run(["fail2ban-regex", "--out", "<ip>", str(path), "systemd/fail2ban.conf"],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.split()


def refused(raw, account, source):
    stream = raw(account, source=source)
    stream.secure()
    with pytest.raises(AssertionError):
        stream.authenticate()
    stream.close()


def test_addresses(node, raw, account, tmp_path):
    """Of wrong passwords; not of who gets in, and not one that a stranger writes himself."""
    owner = account()
    refused(raw, Account(owner.jid, "wrong"), "127.7.7.1")
    refused(raw, Account(f"nobody@{node.network}", "wrong"), "127.7.7.2")
    raw(owner, source="127.7.7.3").login().close()
    stream = raw(owner, source="127.7.7.4")
    stream.secure()
    stream.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                f"{plain(FORGED)}</auth>")
    assert local_name(stream.receive().tag) == "failure"
    stream.close()
    addresses = found(node.daemon("c2s").log(), tmp_path)
    assert {"127.7.7.1", "127.7.7.2", "127.7.7.4"} <= set(addresses)
    assert not {"127.7.7.3", "203.0.113.9"} & set(addresses)
