# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The servers of a comparison, each alone on this machine, with the same accounts, certificate and
# mechanism (SCRAM-SHA-256, TLS from the first byte). Limits per address and on rates are lifted
# everywhere: the load comes from one machine.

import contextlib
import resource
import shutil
import tempfile

from tests.bench import accounts, ejabberd, kontalk, prosody
from tests.node import certificates, place

DOMAIN = place.NETWORK
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


def allow_many_descriptors():
    """As many as one may have; what we start inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
