# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The page for invitations (XEP-0379 §3.3): its policy permits its own script and style and nothing
# else, and whatever stands behind '#' becomes an xmpp: link and text.

import base64
import hashlib
import json
import pathlib
import re
import subprocess

import pytest

DOCUMENTS = pathlib.Path(__file__).parents[2] / "docs"
PAGE = (DOCUMENTS / "web" / "invite.html").read_text("utf-8")
# As much of a browser as the script asks for.
BROWSER = """
const parts = {};
globalThis.document = {getElementById: (name) => parts[name] ??= {}};
globalThis.window = {location: {hash: %s}};
%s
console.log(JSON.stringify(parts));
"""


def part(name):
    return re.search(rf"<{name}>(.*?)</{name}>", PAGE, re.S)[1]


def shown(behind):
    """{id: what the script has set}, behind "https://example.test/invite"."""
    program = BROWSER % (json.dumps(behind), part("script"))
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, timeout=60,
                          check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ("script", "style"))
def test_policy(name):
    digest = base64.b64encode(hashlib.sha256(part(name).encode()).digest()).decode()
    assert f"{name}-src 'sha256-{digest}'" in PAGE
    assert "default-src 'none'" in PAGE


@pytest.mark.parametrize("link, whom", (
    ("example.test?register;preauth=8d1f", "example.test"),
    ("r%C3%A9n%C3%A9@example.test?roster;preauth=8d1f;ibr=y", "réné@example.test")))
def test_link(link, whom):
    assert shown(f"#{link}") == {
        "open": {"href": f"xmpp:{link}"}, "link": {"textContent": f"xmpp:{link}"},
        "whom": {"textContent": whom}, "invited": {"hidden": False}, "broken": {"hidden": True}}


@pytest.mark.parametrize("behind", (
    "", "#", "#example.test", "#javascript:alert(1)", "#a?message;body=x", "#a b?register",
    "#<img src=x onerror=alert(1)>?register"))
def test_something_else(behind):
    assert shown(behind) == {}


def test_nginx(tmp_path):
    """The lines of docs/INSTALL.md are right."""
    text = (DOCUMENTS / "INSTALL.md").read_text("utf-8")
    lines = re.search(r"<!-- nginx -->\n```\n(.*?)```", text, re.S)[1]
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:1;\n{lines}}} }}\n")
    done = subprocess.run(["nginx", "-t", "-p", str(tmp_path), "-c", f"{tmp_path}/nginx.conf"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert "syntax is ok" in done.stderr, done.stderr
