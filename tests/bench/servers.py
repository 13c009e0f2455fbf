# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The servers of a comparison, each alone on this machine, with the same accounts, certificate and
# mechanism (SCRAM-SHA-256, TLS from the first byte). Limits per address and on rates are lifted
# everywhere: the load comes from one machine.

import contextlib
import os
import resource
import shutil
import tempfile

from tests.bench import accounts, ejabberd, kontalk, prosody
from tests.bench.dns import BenchDns
from tests.node import certificates, place

DOMAIN = place.NETWORK
# Not below test, which libunbound answers by itself (RFC 6761 §6.2).
FEDERATED = ("left.example", "right.example")
KINDS = {"kontalk": kontalk.Kontalk, "prosody": prosody.Prosody, "ejabberd": ejabberd.Ejabberd}


def available():
    """Names of those that are installed; ours first."""
    return [name for name, kind in KINDS.items() if kind.is_installed()]


@contextlib.contextmanager
def running(name, count, **options):
    """A server with `count` accounts, gone without a trace afterwards."""
    allow_many_descriptors()
    directory = tempfile.mkdtemp(prefix=f"kontalk-bench-{name}-", dir="/tmp")
    try:
        authority = certificates.Authority(directory)
        authority.ensure()
        server = KINDS[name](directory, accounts.make(directory, DOMAIN, count), authority,
                             **options)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def federating(kinds, count, settings=None):
    """Servers of these two kinds, of the domains in FEDERATED, each with `count` accounts; they
    find each other by the DNS that comes behind them. `settings` are for the first one, of ours."""
    allow_many_descriptors()
    directory = tempfile.mkdtemp(prefix="kontalk-bench-s2s-", dir="/tmp")
    os.chmod(directory, 0o711)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        dns = stack.enter_context(contextlib.closing(BenchDns()))
        authority = certificates.Authority(directory)
        authority.ensure()
        found = []
        for name, domain in zip(kinds, FEDERATED):
            own = f"{directory}/{domain}"
            os.mkdir(own)
            more = (settings,) if settings and not found else ()
            server = KINDS[name](own, accounts.make(own, domain, count), authority,
                                 **KINDS[name].federation(dns, *more))
            stack.callback(server.stop)
            server.start()
            dns.ports[domain] = server.s2s_port
            found.append(server)
        yield (*found, dns)


def allow_many_descriptors():
    """As many as one may have; what we start inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
