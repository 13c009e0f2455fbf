# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A node of ours and real peers in one namespace.

import contextlib

from tests.harness import program
from tests.harness.namespace import namespace
from tests.harness.plugin import running
from tests.node import configuration
from tests.node.certificates import Authority
from tests.peers import names
from tests.peers.credentials import Credentials
from tests.peers.dns import Dns


class World:
    """namespace, certificates, node (settings and options are for it); start(Prosody) for a
    peer."""

    def __init__(self, stack, directory, settings=None, **options):
        self._stack = stack
        self.authority = Authority(directory)
        self.authority.ensure()
        self.certificates = Credentials(self.authority, f"{directory}/tls")
        self.namespace = stack.enter_context(namespace(names.DNS))
        self.anchor = self._start_dns()
        self.node = self._start_node(settings, options)

    def _start_node(self, settings, options):
        return self._stack.enter_context(running(
            network=names.OURS, authority=self.authority,
            settings=configuration.merge(self._settings(), settings),
            domains={domain: [domain] for domain in names.SERVED},
            inside={"s2s": self.namespace.enter}, **options))

    def home(self):
        return self._stack.enter_context(program.home(self.authority.certificate))

    def start(self, kind):
        peer = kind(self.namespace, self.home(), self.certificates)
        peer.start()
        self._stack.callback(peer.end)
        return peer

    def _start_dns(self):
        dns = Dns(self.namespace, self.home(), names.records(self.certificates),
                  names.bogus_records())
        dns.start()
        self._stack.callback(dns.end)
        return dns.anchor()

    def _settings(self):
        settings = {"s2s": {
            "listen": f"{names.KONTALK}:{names.STARTTLS}",
            "listen-tls": f"{names.KONTALK}:{names.DIRECT}",
            "dns-server": None, "dnssec": "yes", "dnssec-anchor": self.anchor,
            "internal-addresses": "yes", "retry-min": "100ms", "retry-max": "1s"}}
        for domain in names.SERVED:
            certificate, key = self.certificates.of(domain)
            settings[f'domain "{domain}"'] = {"s2s-certificate": certificate, "s2s-key": key}
        for way in names.WAYS:
            for peer in ("prosody", "ejabberd") if way.proof == "dialback" else ():
                settings[f'peer "{way.at(peer)}"'] = {"require-certificate": "no"}
        return settings


@contextlib.contextmanager
def world(directory, **options):
    with contextlib.ExitStack() as stack:
        yield World(stack, directory, **options)
