# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Answers of the DNS, right ones and wrong ones (S10 of docs/ATTACKS.md): where the node connects to
# in the end, or what the sender is told. What needs no network is in unit/test_resolve.c and
# unit/test_dns_records.c.

import contextlib
import socket

import pytest

from tests.attacks.answers import check_stanza_error
from tests.attacks.s2s.servers import NUMBERS, free_address
from tests.attacks.s2s.zones import (A, AAAA, CNAME, NXDOMAIN, REFUSED, SERVFAIL, SRV, TRUNCATED,
                                     Reply, address, alias, srv, wire_name)
from tests.harness.node import SOURCES

# As long as the DNS and a connection may take where the machine is busy. What is never found out
# is waited for in vain: HASTY.
USUAL = {"stanza_expiry": "10s", "retry_min": "200ms", "retry_max": "1s"}
HASTY = {**USUAL, "stanza_expiry": "1s"}
NOT_FOUND = ("cancel", "remote-server-not-found")
TIMEOUT = ("wait", "remote-server-timeout")


@pytest.fixture(scope="module")
def where(changed_federation, change):
    change(**USUAL)
    return changed_federation


class Server:
    """Somewhere to connect to."""

    def __init__(self):
        self.host = next(SOURCES)
        self.listener = socket.create_server((self.host, 0))
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]

    def called(self):
        """Whom the first one that connected wanted."""
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(20)
            data = b""
            while b">" not in data.partition(b"<stream")[2]:
                data += connection.recv(4096)
            return data.decode().partition(" to='")[2].partition("'")[0]

    def was_called(self):
        self.listener.setblocking(False)
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def server():
    made = Server()
    with contextlib.closing(made.listener):
        yield made


@pytest.fixture
def domain():
    return f"z{next(NUMBERS)}.example"


def service(domain, direct=False):
    return f"_xmpp{'s' if direct else ''}-server._tcp.{domain}"


class Zone:
    """A domain in the DNS, its server, and what is put wrong about it."""

    def __init__(self, zones, domain, server):
        self.zones, self.domain, self.server = zones, domain, server
        self.host = f"host.{domain}"
        zones.put(service(domain), srv(server.port, self.host))
        zones.put(self.host, address(server.host))

    def srv(self, *records, **reply):
        self.zones.rows[service(self.domain), SRV] = Reply(list(records), **reply)

    def right(self):
        return srv(self.server.port, self.host)

    def address(self, *records, kind=A, **reply):
        self.zones.rows[self.host, kind] = Reply(list(records), **reply)


# Zones that lead to the server.

def as_it_should_be(zone):
    pass


def srv_below_alias(zone):
    del zone.zones.rows[service(zone.domain), SRV]
    zone.zones.rows[service(zone.domain), CNAME] = Reply([alias(f"far.{zone.domain}")])
    zone.zones.put(f"far.{zone.domain}", zone.right())


def host_below_alias(zone):
    del zone.zones.rows[zone.host, A]
    zone.zones.rows[zone.host, CNAME] = Reply([alias(f"far.{zone.domain}")])
    zone.zones.put(f"far.{zone.domain}", address(zone.server.host))


def some_aliases(zone):
    chain(zone, 7)


def dead_address_first(zone):
    host, _ = free_address()
    zone.address(address(host), address(zone.server.host))


def dead_server_first(zone):
    host, port = free_address()
    zone.srv(srv(port, f"dead.{zone.domain}", 0), srv(zone.server.port, zone.host, 1))
    zone.zones.put(f"dead.{zone.domain}", address(host))


def host_without_address_first(zone):
    zone.srv(srv(1, f"none.{zone.domain}", 0), srv(zone.server.port, zone.host, 1))


def port_0_first(zone):
    zone.srv(srv(0, zone.host, 0), srv(zone.server.port, zone.host, 1))


def bad_record_first(zone):
    zone.srv((SRV, b"\0\0\0"), zone.right())


def odd_target_first(zone):
    zone.srv(srv(1, "a b.example", 0), srv(1, "a;b\n.example", 0),
             srv(zone.server.port, zone.host, 1))


def ourselves_first(zone):
    """Connecting there would be a loop."""
    host, port = zone.zones.own_listener
    zone.srv(srv(port, f"self.{zone.domain}", 0), srv(zone.server.port, zone.host, 1))
    zone.zones.put(f"self.{zone.domain}", address(host))


def huge_weights(zone):
    zone.srv(*[srv(zone.server.port, zone.host, 65535, 65535) for _ in range(3)])


def many_services(zone):
    """A thousand records; too much for UDP."""
    zone.srv(*[srv(zone.server.port, zone.host, 1, number) for number in range(1000)])


def many_addresses(zone):
    zone.address(*[address(zone.server.host) for _ in range(1000)])


def truncated(zone):
    """By UDP only the beginning, all by TCP."""
    whole = Reply([zone.right()])
    zone.zones.rows[service(zone.domain), SRV] = \
        lambda query: whole if query.tcp else Reply(flags=TRUNCATED)


def wrong_number_first(zone):
    """An answer that guesses the id comes before the right one (RFC 5452)."""
    forged = [srv(1, f"evil.{zone.domain}")]
    zone.zones.rows[service(zone.domain), SRV] = lambda query: [
        Reply(forged, number=query.number ^ 1), Reply([zone.right()])]


def wrong_question_first(zone):
    question = wire_name(f"other.{zone.domain}") + b"\0\x21\0\1"
    zone.zones.rows[service(zone.domain), SRV] = lambda query: [
        Reply([srv(1, f"evil.{zone.domain}")], question=question), Reply([zone.right()])]


def no_packet_first(zone):
    zone.zones.rows[service(zone.domain), SRV] = lambda query: [b"x", Reply([zone.right()])]


def poison_in_additional(zone):
    """An address for somebody else's name beside the answer counts nothing (Kashpureff, 1997)."""
    host, _ = free_address()
    zone.srv(zone.right(), additional=[("victim.example", *address(host)),
                                       (zone.host, *address("127.9.9.9"))])


def direct_tls_is_off(zone):
    zone.zones.put(service(zone.domain, True), srv(0, ""))


def direct_tls_fails(zone):
    zone.zones.rows[service(zone.domain, True), SRV] = Reply(code=SERVFAIL)


def no_ipv6(zone):
    zone.zones.rows[zone.host, AAAA] = Reply(code=SERVFAIL)


def longest_name(zone):
    """253 bytes."""
    label = "a" * 49
    name = ".".join([label] * 4 + ["b" * (253 - 4 * 50 - len(zone.domain) - 1), zone.domain])
    assert len(name) == 253
    zone.srv(srv(zone.server.port, name))
    zone.zones.put(name, address(zone.server.host))


def chain(zone, count):
    del zone.zones.rows[zone.host, A]
    names = [zone.host, *[f"c{i}.{zone.domain}" for i in range(count)]]
    for name, target in zip(names, names[1:]):
        zone.zones.rows[name, CNAME] = Reply([alias(target)])
    zone.zones.put(names[-1], address(zone.server.host))


GOOD = [as_it_should_be, srv_below_alias, host_below_alias, some_aliases, dead_address_first,
        dead_server_first, host_without_address_first, port_0_first, odd_target_first,
        ourselves_first, huge_weights, many_services, many_addresses, truncated,
        wrong_number_first, no_packet_first, poison_in_additional, direct_tls_is_off,
        direct_tls_fails, no_ipv6, longest_name]


@pytest.mark.parametrize("change_zone", GOOD, ids=[f"S10-{row.__name__}" for row in GOOD])
def test_reached(scene, alice, server, domain, change_zone):
    scene.zones.own_listener = scene.node.address("S2S")
    zone = Zone(scene.zones, domain, server)
    change_zone(zone)
    alice.send_message(f"bob@{domain}", "x", "headline")
    assert server.called() == domain


# Zones that lead nowhere.

def nothing(zone):
    zone.zones.rows.clear()


def no_service(zone):
    zone.srv(srv(0, ""))


def no_service_but_an_address(zone):
    zone.srv(srv(0, ""))
    zone.zones.put(zone.domain, address(zone.server.host))


def only_ourselves(zone):
    host, port = zone.zones.own_listener
    zone.srv(srv(port, zone.host))
    zone.address(address(host))


def only_port_0(zone):
    zone.srv(srv(0, zone.host))


def only_bad_records(zone):
    zone.srv((SRV, b""), (SRV, b"\0" * 6), (SRV, b"\0\0\0\0\0\1\x3fabc"))


def no_address(zone):
    del zone.zones.rows[zone.host, A]


def empty_address(zone):
    zone.address()


def too_many_aliases(zone):
    chain(zone, 10)


def servers_fail(zone):
    zone.srv(code=SERVFAIL)


def servers_refuse(zone):
    zone.srv(code=REFUSED)


def servers_fail_for_the_host(zone):
    zone.address(code=SERVFAIL)


def alias_to_itself(zone):
    del zone.zones.rows[zone.host, A]
    zone.zones.rows[zone.host, CNAME] = Reply([alias(zone.host)])


def aliases_in_a_circle(zone):
    del zone.zones.rows[zone.host, A]
    other = f"other.{zone.domain}"
    zone.zones.rows[zone.host, CNAME] = Reply([alias(other)])
    zone.zones.rows[other, CNAME] = Reply([alias(zone.host)])


def only_garbage(zone):
    zone.zones.rows[service(zone.domain), SRV] = b"garbage"


def only_wrong_number(zone):
    zone.zones.rows[service(zone.domain), SRV] = \
        lambda query: Reply([zone.right()], number=query.number ^ 1)


def silence(zone):
    zone.zones.rows[service(zone.domain), SRV] = lambda query: None


def answer_for_another_name(zone):
    zone.srv((f"other.{zone.domain}", *zone.right()))


def cut_in_the_middle(zone):
    zone.zones.rows[service(zone.domain), SRV] = lambda query: \
        Reply([zone.right()]).pack(query)[:-4]


def name_error_with_records(zone):
    zone.srv(zone.right(), code=NXDOMAIN)


BAD = [(nothing, NOT_FOUND), (no_service, NOT_FOUND), (no_service_but_an_address, NOT_FOUND),
       (only_ourselves, NOT_FOUND), (only_bad_records, None), (bad_record_first, None),
       (only_port_0, NOT_FOUND), (no_address, NOT_FOUND), (empty_address, NOT_FOUND),
       (too_many_aliases, None), (servers_fail, TIMEOUT), (servers_refuse, TIMEOUT),
       (servers_fail_for_the_host, TIMEOUT), (alias_to_itself, TIMEOUT),
       (aliases_in_a_circle, TIMEOUT), (only_garbage, TIMEOUT), (only_wrong_number, TIMEOUT),
       (wrong_question_first, None), (silence, TIMEOUT), (answer_for_another_name, None),
       (cut_in_the_middle, TIMEOUT), (name_error_with_records, None)]


@pytest.mark.parametrize("change_zone, wanted", BAD, ids=[f"S10-{row[0].__name__}" for row in BAD])
def test_not_reached(scene, alice, change, server, domain, change_zone, wanted):
    """None: the one or the other, depending on what libunbound makes of it; never the server, not
    even where a right answer stood beside the wrong one."""
    scene.zones.own_listener = scene.node.address("S2S")
    zone = Zone(scene.zones, domain, server)
    change_zone(zone)
    change(**(USUAL if wanted == NOT_FOUND else HASTY))
    alice.send_message(f"bob@{domain}", "x", "headline")
    answer = alice.wait_for(lambda e: e.get("from") == f"bob@{domain}")
    change(**USUAL)
    condition = answer.find("{*}error")[-2].tag
    check_stanza_error(answer, *(wanted or (NOT_FOUND if "not-found" in condition else TIMEOUT)))
    assert answer.findtext("{*}error/{*}text")
    assert not server.was_called()


def returned(alice, domain):
    """What came back of a message there, as type and condition, and why."""
    alice.send_message(f"bob@{domain}", "x", "headline")
    answer = alice.wait_for(lambda e: e.get("from") == f"bob@{domain}")
    return answer, answer.findtext("{*}error/{*}text")


def long_name(length):
    """A domain of so many bytes."""
    rest = "." + "a" * 60
    name = f"l{next(NUMBERS)}"
    while len(name) + len(rest) <= length:
        name += rest
    return name + "." + "b" * (length - len(name) - 1) if len(name) < length - 1 else name


LENGTHS = {"S10-too-long-with-service": (240, "no address of a server"),
           "S10-longest": (252, "no address of a server"),
           "S10-too-long": (260, "no names as long"), "S10-much-too-long": (1000, "no names")}


@pytest.mark.parametrize("length, why", LENGTHS.values(), ids=LENGTHS.keys())
def test_long_names(scene, alice, length, why):
    """Those of XMPP may be longer than those of the DNS; nothing is cut off and asked for."""
    answer, text = returned(alice, long_name(length))
    check_stanza_error(answer, *NOT_FOUND)
    assert why in text


INTERNAL = ["127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.1.1",
            "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
            "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
            "2002:7f00:1::1"]


def test_S10_internal_addresses(scene, alice, change):
    """A stranger's zone does not lead us to our own network, unless that is allowed."""
    change(**USUAL, internal_addresses="no")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for text in INTERNAL:
            domain = f"z{next(NUMBERS)}.example"
            scene.zones.put(service(domain), srv(port, f"host.{domain}"))
            scene.zones.put(f"host.{domain}", address(text))
            answer, why = returned(alice, domain)
            check_stanza_error(answer, *NOT_FOUND)
            assert "must not be used" in why, text
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
