# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalk.conf of a node, and node.env for shells.

import os
import secrets
import shlex

from tests.node import place
from tests.node.ports import ADDRESS


def secret(path):
    """Made once; the daemon and the tests read the same file."""
    if not os.path.exists(path):
        place.write(path, secrets.token_hex(32) + "\n")
    return path


def sections(where, ports, conninfo, certificates, ca):
    """{section: {key: value or list of values}}; certificates: {domain: (certificate, key)}."""
    return {
        "node": {
            "host": where.host,
            "network": where.network,
            "run-directory": where.short(),
            "secret-file": secret(f"{where.secrets}/{where.host}"),
        },
        "router": {"listen": f"{ADDRESS}:{ports['COMPONENT']}"},
        f'component "{where.component}"': {
            "secret-file": secret(f"{where.secrets}/{where.component}"),
        },
        "c2s": {
            "listen": f"{ADDRESS}:{ports['C2S']}",
            "listen-tls": f"{ADDRESS}:{ports['C2S_TLS']}",
            "http-listen": f"{ADDRESS}:{ports['HTTP']}",
            "https-listen": f"{ADDRESS}:{ports['HTTPS']}",
        },
        "s2s": {
            "listen": f"{ADDRESS}:{ports['S2S']}",
            "listen-tls": f"{ADDRESS}:{ports['S2S_TLS']}",
            "ca-file": ca,
        },
        **{f'domain "{domain}"': {"certificate": certificate, "key": key}
           for domain, (certificate, key) in certificates.items()},
        "database": {"conninfo": conninfo},
    }


def files_sections(where, ports, pair):
    """What kontalk-files needs: it is a component."""
    certificate, key = pair
    component = secret(f"{where.secrets}/{where.upload}")
    return {
        f'component "{where.upload}"': {"secret-file": component},
        "files": {
            "router": f"{ADDRESS}:{ports['COMPONENT']}",
            "secret-file": component,
            "directory": where.files,
            "listen": [],
            "listen-tls": f"{ADDRESS}:{ports['FILES']}",
            "certificate": certificate,
            "key": key,
            "public-url": f"https://{where.upload}:{ports['FILES']}",
        },
    }


def muc_sections(where, ports, conninfo):
    """What kontalk-muc needs: it is a component with a database."""
    component = secret(f"{where.secrets}/{where.conference}")
    return {
        f'component "{where.conference}"': {"secret-file": component, "allow": "durable"},
        "muc": {
            "durable": "yes",
            "router": f"{ADDRESS}:{ports['COMPONENT']}",
            "secret-file": component,
            "conninfo": conninfo,
        },
    }


def service_sections(where, services):
    """What the clients of the network's domain are told of."""
    return {f'domain "{where.network}"': {"service": services}}


def merge(base, changes):
    """Sections with the keys of `changes` in place of their own; None takes a key away."""
    merged = {name: dict(keys) for name, keys in base.items()}
    for name, keys in (changes or {}).items():
        section = merged.setdefault(name, {})
        section.update(keys)
        merged[name] = {key: value for key, value in section.items() if value is not None}
    return merged


def quote(value):
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def text(all_sections):
    lines = ["# Written by tests/node at each start."]
    for name, keys in all_sections.items():
        lines += ["", f"[{name}]"]
        for key, value in keys.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            lines += [f"{key} = {quote(one)}" for one in values] or [f"{key} ="]
    return "\n".join(lines) + "\n"


def environment(where, ports, conninfo, ca):
    values = {
        "HOST": where.host,
        "NETWORK": where.network,
        "CA": ca,
        "DATABASE": conninfo,
        "CONF": where.configuration,
        "PIDS": where.pids,
        **{service: f"{ADDRESS}:{port}" for service, port in ports.items()},
    }
    return "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())
