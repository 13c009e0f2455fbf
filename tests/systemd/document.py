# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The chapter of docs/INSTALL.md that makes a server of a bare machine: its commands, typed on one.
# What a comment before a block says is what is done with it here: "run", with a password to type
# ("run: password"), with a status that tells findings ("run: findings").

import pathlib
import re

from tests.systemd.server import NETWORK

DOCUMENTS = pathlib.Path(__file__).parents[2] / "docs"
CHAPTER = r"## From a bare server to two phones talking\n(.*?)\n## "
BLOCK = r"<!-- run(?:: (\w+))? -->\n```\n(.*?)```"
# There is no authority to ask here.
CERTBOT = """#!/bin/sh -e
[ "$1 $2 $3" = "certonly --standalone -d" ]
mkdir -p "/etc/letsencrypt/live/$4"
cp /root/live/* "/etc/letsencrypt/live/$4/"
"""


def block(mark, name="INSTALL.md"):
    """What stands behind that comment."""
    text = (DOCUMENTS / name).read_text("utf-8")
    return re.search(rf"<!-- {mark} -->\n```\n(.*?)```", text, re.S)[1]


def commands():
    """[(what a comment says, command)]"""
    chapter = re.search(CHAPTER, (DOCUMENTS / "INSTALL.md").read_text("utf-8"), re.S)[1]
    return [(kind, line.replace("example.net", NETWORK))
            for kind, text in re.findall(BLOCK, chapter, re.S)
            for line in text.replace("\\\n", " ").splitlines()]


def follow(machine, package, password):
    """Types all of them in a directory that has the package where it is built, with certificates
    in /root/live as certbot would get them; how many there were."""
    machine.run("mkdir", "-p", "/root/kontalk/build/deb")
    machine.write("/root/kontalk/build/deb/kontalk_0.1_amd64.deb", open(package, "rb").read())
    machine.write("/usr/local/bin/certbot", CERTBOT, "755")
    typed = commands()
    for kind, command in typed:
        done = machine.call("sh", "-c", f"export PATH=/usr/local/bin:$PATH; cd /root/kontalk;"
                            f"{command}", data=f"{password}\n".encode() if kind == "password"
                            else b"", seconds=600)
        said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        assert done.returncode == 0 or kind == "findings", (command, said)
    return len(typed), said
