# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Who is where in the namespace of the real peers: domains, addresses, and the DNS that says so.
#
# Not below .test, which resolvers answer themselves (RFC 6761 §6.2).
#
# Every way to federate is a domain of each server: external-starttls.prosody.example talks with
# external-starttls.kontalk.example. A domain offers what its way says and nothing else.

from dataclasses import dataclass

DNS = "127.0.10.53"
KONTALK, PROSODY, EJABBERD, JABBERD2 = "127.0.10.1", "127.0.10.2", "127.0.10.3", "127.0.10.4"
MACHINES = {"kontalk": KONTALK, "prosody": PROSODY, "ejabberd": EJABBERD, "jabberd2": JABBERD2}
NOBODY = "127.0.10.99"
OURS = "kontalk.example"
ROOMS = f"conference.{OURS}"
STARTTLS, DIRECT = 5269, 5270
SRV = {STARTTLS: "_xmpp-server", DIRECT: "_xmpps-server"}


@dataclass(frozen=True)
class Way:
    """How two servers prove who they are, and where they begin TLS."""

    proof: str  # as kontalkctl has it
    port: int

    @property
    def label(self):
        return f"{self.proof.lower()}-{'direct' if self.port == DIRECT else 'starttls'}"

    def at(self, server):
        """The domain of a server ("prosody") that federates this way."""
        return f"{self.label}.{server}.example"


WAYS = tuple(Way(proof, port) for proof in ("EXTERNAL", "dialback") for port in (STARTTLS, DIRECT))


def host(domain, address):
    return f"{domain}. {'AAAA' if ':' in address else 'A'} {address}"


def service(domain, port, target=None, priority=0, weight=0):
    return f"{SRV[port]}._tcp.{domain}. SRV {priority} {weight} {port} {target or domain}."


def way_records(server, address):
    """Hosts of their own: a domain has no address by which it could be reached another way."""
    machine = f"machine.{server}.example"
    return [host(machine, address), *(service(way.at(server), way.port, machine) for way in WAYS)]


def special(name, server="prosody"):
    """A domain of Prosody, or ours, whose DNS or certificate is special."""
    return f"{name}.{server}.example"


CROWD = special("crowd", "ejabberd")  # where one stanza is for several (XEP-0033)
# Certificates follow from these names (credentials.py).
CERTIFIED = ("expired", "othername", "selfsigned", "serveronly")
SPECIAL = (*CERTIFIED, "strict", "dane", "wrongdane", "backup", "bare", "broken6", "bücher")
# What our node serves beside its own domain.
DISTRUSTED = special("selfsigned", "kontalk")  # a server that asks for certificates refuses it
SERVED = (*(way.at("kontalk") for way in WAYS), special("serveronly", "kontalk"), DISTRUSTED)


def special_records(certificates):
    """Of the special domains of Prosody; certificates (credentials.py) for what DANE says."""
    machine = "machine.prosody.example"
    found = [service(special(name), STARTTLS, machine) for name in (*CERTIFIED, "strict")]
    for name in ("dane", "wrongdane"):
        domain = special(name)
        data = certificates.tlsa(domain) if name == "dane" else f"3 1 1 {'ab' * 32}"
        found += [host(domain, PROSODY), service(domain, STARTTLS),
                  f"_{STARTTLS}._tcp.{domain}. TLSA {data}"]
    found += [
        service(special("serveronly", "kontalk"), STARTTLS, "machine.kontalk.example"),
        service(DISTRUSTED, STARTTLS, "machine.kontalk.example"),
        service(special("xn--bcher-kva"), STARTTLS, machine),
        # The lowest priority is the only one where somebody is.
        host("nobody.example", NOBODY),
        service(special("backup"), STARTTLS, "nobody.example", 1, 0),
        service(special("backup"), DIRECT, "nobody.example", 1, 10),
        service(special("backup"), STARTTLS, machine, 2, 0),
        host(special("bare"), PROSODY),
        host(special("broken6"), PROSODY),
        host(special("broken6"), "2001:db8::2"),
        service(special("broken6"), STARTTLS),
        f"{SRV[STARTTLS]}._tcp.{special('closed')}. SRV 0 0 0 .",
        host(special("closed"), PROSODY),
        f"{SRV[DIRECT]}._tcp.{special('closed2')}. SRV 0 0 0 .",
        host(special("closed2"), PROSODY),
        host(special("away"), NOBODY),
    ]
    return found


def records(certificates):
    """The root zone."""
    found = [host(OURS, KONTALK), service(OURS, STARTTLS), host(ROOMS, KONTALK)]
    for server, address in MACHINES.items():
        found += way_records(server, address)
        found.append(service(f"unserved.{server}.example", STARTTLS, f"machine.{server}.example"))
    found += [service(domain, STARTTLS, "machine.ejabberd.example")
              for domain in (CROWD, f"multicast.{CROWD}")]
    return found + special_records(certificates)


def bogus_records():
    """Names relative to bogus.example."""
    return [f"_xmpp-server._tcp SRV 0 0 {STARTTLS} machine.prosody.example."]
