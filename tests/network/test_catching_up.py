# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A node that was away while a third of a large directory changed: it fetches what it missed, page
# by page, goes on where it was when it is cut off or dies in the middle, and both sides need no
# more memory for it than for anything else. tests/unit/test_directory.c does the same with 3,000
# names.

import base64
import hashlib
import os
import re
import tempfile
import time

import pytest
from cryptography.hazmat.primitives import serialization

from tests.harness import wait
from tests.node import network as networks
from tests.node import place

NAMES, DELETED, CREATED = 300_000, 30_000, 70_000
CHANGED = DELETED + CREATED
MEMORY_KIB = 64 * 1024
SECONDS = 900
COLUMNS = "jid_hash, jid, home, version, deleted, key_id, signature, serial"


@pytest.fixture(scope="module")
def pair(make_network):
    """alpha gives the names, and has the home that they belong to; beta is the one that is away."""
    return make_network(2)


class Registrar:
    """Grants as alpha would make them, a hundred times faster than by asking for each."""

    def __init__(self, node):
        self.key = networks.signing_key(node)
        public = self.key.public_key().public_bytes(serialization.Encoding.Raw,
                                                    serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(public).digest()[:8].hex()

    def row(self, number, version, deleted, serial):
        jid, state = f"name{number}@{place.NETWORK}", "deleted" if deleted else "active"
        signature = self.key.sign(f"kontalk grant 1\n{jid}\nalpha\n{version}\n{state}\n".encode())
        return "\t".join((rf"\\x{hashlib.sha256(jid.encode()).hexdigest()}", jid, "alpha",
                          str(version), "t" if deleted else "f", rf"\\x{self.id}",
                          rf"\\x{signature.hex()}", str(serial)))


def load(nodes, rows):
    with tempfile.NamedTemporaryFile("w", dir="/tmp", suffix=".rows") as file:
        os.chmod(file.name, 0o644)
        file.write("\n".join(rows) + "\n")
        file.flush()
        for one in nodes:
            ask(one, f"COPY directory ({COLUMNS}) FROM '{file.name}'")


def ask(node, sql):
    return node.postgres.query("kontalk", sql)


def number(node, sql):
    return int(ask(node, sql))


def memory(node, key):
    text = place.read(f"/proc/{node.daemon('c2s').pid}/status")
    return int(re.search(rf"{key}:\s+(\d+)", text)[1])


def reached(node):
    return number(node, "SELECT serial FROM directory_peer WHERE home = 'alpha'")


def content(node):
    return ask(node, "SELECT count(*), md5(string_agg(jid || version || deleted || serial, ','"
                     " ORDER BY jid_hash)) FROM directory WHERE home = 'alpha'")


def fill(pair, registrar):
    """Both have all names; then beta is away, and alpha changes them."""
    first = number(pair.alpha, "SELECT last_serial FROM directory_state")
    for one in pair:
        one.daemon("c2s").stop()
    load(pair, [registrar.row(i, 1, False, first + i) for i in range(1, NAMES + 1)])
    ask(pair.beta, f"UPDATE directory_peer SET serial = {first + NAMES} WHERE home = 'alpha'")
    ask(pair.alpha, f"DELETE FROM directory WHERE serial > {first} AND serial <= {first + DELETED}")
    load([pair.alpha],
         [registrar.row(i, 2, True, first + NAMES + i) for i in range(1, DELETED + 1)] +
         [registrar.row(NAMES + i, 1, False, first + NAMES + DELETED + i)
          for i in range(1, CREATED + 1)])
    last = first + NAMES + CHANGED
    ask(pair.alpha, f"UPDATE directory_state SET last_serial = {last}")
    for one in pair:
        ask(one, "ANALYZE directory")
    return last


def passed(pair):
    """Bytes on the link."""
    return sum(way.bytes() for way in pair.relays.values())


@pytest.mark.long
@pytest.mark.seconds(1800)
def test_a_month_away(pair):
    last = fill(pair, Registrar(pair.alpha))
    begin = last - CHANGED
    pair.alpha.daemon("c2s").start()
    idle = memory(pair.alpha, "VmRSS")
    before, begun, down = passed(pair), time.monotonic(), 0
    pair.beta.daemon("c2s").start()
    wait.until(lambda: reached(pair.beta) > begin + CHANGED // 4, SECONDS, "the first quarter")
    cut_at, away = reached(pair.beta), time.monotonic()
    pair.cut("alpha", "beta")
    pair.wait_state("beta", "alpha", "down")
    pair.heal()
    pair.wait_linked()
    down += time.monotonic() - away
    assert reached(pair.beta) >= cut_at
    wait.until(lambda: reached(pair.beta) > begin + CHANGED // 2, SECONDS, "the second quarter")
    pair.beta.daemon("c2s").kill()
    killed_at = reached(pair.beta)
    pair.beta.daemon("c2s").start()
    assert reached(pair.beta) >= killed_at
    wait.until(lambda: reached(pair.beta) == last, SECONDS, "all of it")
    seconds, size = time.monotonic() - begun - down, passed(pair) - before
    assert content(pair.beta) == content(pair.alpha)
    peaks = [memory(one, "VmHWM") for one in pair]
    print(f"{CHANGED} changes of {NAMES} names: {seconds:.0f} s, {size / 1e6:.1f} MB on the link, "
          f"{size / CHANGED:.0f} bytes each; c2s of the home had {idle // 1024} MiB before, "
          f"{peaks[0] // 1024} at most; that of who was away {peaks[1] // 1024} at most")
    assert max(peaks) < idle + MEMORY_KIB
    # What was there already is not sent again.
    assert size < 2 * CHANGED * ENTRY


# Bytes of an entry: an address, a signature and a few attributes.
ENTRY = len(f"<entry jid='name300000@{place.NETWORK}' home='alpha' version='1' key='' "
            "signature='' serial='300000'/>") + len(base64.b64encode(bytes(64 + 8)))


def reads(node):
    """(scans of the whole table, rows read by indexes)"""
    words = ask(node, "SELECT seq_scan, idx_tup_fetch FROM pg_stat_user_tables"
                      " WHERE relname = 'directory'").split("|")
    return int(words[0]), int(words[1])


@pytest.mark.long
@pytest.mark.seconds(1800)
def test_all_is_compared(pair):
    """By an index: each row is read once, whatever the table has of other homes."""
    before = [reads(one) for one in pair]
    begun = time.monotonic()
    text = pair.beta.control("directory", "verify", seconds=SECONDS)
    print(f"verified in {time.monotonic() - begun:.0f} s: {text}")
    entries = int(re.search(r"home alpha: (\d+) entries: the same", text)[1])
    assert entries >= NAMES + CREATED
    wait.until(lambda: reads(pair.alpha)[1] >= before[0][1] + entries, 60, "the statistics")
    for one, (scans, rows) in zip(pair, before):
        assert reads(one)[0] == scans
        assert reads(one)[1] - rows < 3 * entries
    ask(pair.beta, f"DELETE FROM directory WHERE jid = 'name77777@{place.NETWORK}'")
    with pytest.raises(place.Error, match="name77777.* of home alpha: missing here"):
        pair.beta.control("directory", "verify", seconds=SECONDS)
