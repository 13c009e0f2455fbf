# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl conf: what is wrong in a configuration, what it comes to, what a reload would change,
# what a key means; and the completion for shells that is made of the same tables.

import json
import os
import subprocess

import pytest

from tests.node import place

MISTAKES = """[node]
host = alpha.example.test
[c2s]
\tlisten = 127.0.0.1:99999
lisen-tls = 127.0.0.1:5223
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "kontalk.conf"
        path.write_text(text)
        return str(path)
    return write


def test_check_is_silent_about_what_is_right(ctl):
    done = ctl("conf", "check")
    assert done.returncode == 0 and "nothing is wrong" in done.stdout, done.stdout
    assert json.loads(ctl("conf", "check", "--json").stdout) == []


def test_check_shows_each_place(ctl, written):
    path = written(MISTAKES)
    done = ctl("conf", "check", configuration=path)
    assert done.returncode == 1
    assert f"{path}:4:11: " in done.stdout
    assert "    \tlisten = 127.0.0.1:99999\n    \t         ^\n" in done.stdout
    assert 'did you mean "listen-tls"?\n    lisen-tls = 127.0.0.1:5223\n    ^\n' in done.stdout
    assert done.stdout.endswith("\n2 mistakes\n")


def test_check_for_scripts(ctl, written):
    path = written(MISTAKES)
    done = ctl("conf", "check", "--json", configuration=path)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(one["file"], one["line"], one["column"]) for one in found] == [
        (path, 4, 11), (path, 5, 1)]
    assert found[1]["text"] == "lisen-tls = 127.0.0.1:5223"


def test_check_looks_for_files(ctl, written, tmp_path):
    """A certificate that is not there; but a directory comes to be. A key that others may read."""
    key = tmp_path / "key.pem"
    key.write_text("secret")
    key.chmod(0o600)
    path = written(f"[node]\nhost = alpha.example.test\nrun-directory = {tmp_path}/run\n"
                   f'[domain "example.test"]\ncertificate = {tmp_path}/none.pem\nkey = {key}\n')
    done = ctl("conf", "check", configuration=path)
    assert done.returncode == 1
    assert f"{path}:5:1: {tmp_path}/none.pem: there is no such file\n" in done.stdout
    assert done.stdout.endswith("\n1 mistake\n")
    key.chmod(0o644)
    done = ctl("conf", "check", configuration=path)
    assert done.returncode == 1 and f"{path}:6:7: the file can be reached by others" in done.stdout


def test_show(ctl, written):
    """What the files say; with the defaults; where each value is from."""
    path = written("[node]\nhost = alpha.example.test\n")
    said = ctl("conf", "show", configuration=path).stdout
    assert said == "[node]\nhost = alpha.example.test\n\n"
    whole = ctl("conf", "show", "--effective", "--origin", configuration=path).stdout
    assert f"# {path}:2\nhost = alpha.example.test\n# default\nnetwork = alpha" in whole
    assert "\nretry-max = " in whole
    assert ctl("conf", "show", "--all", configuration=path).returncode == 1


@pytest.fixture
def edited(node):
    """edited("[c2s]\nsasl-tries = 2\n"): also a part of the configuration, until the end."""
    directory = os.path.join(os.path.dirname(node.place.configuration), "conf.d")
    path = os.path.join(directory, "zz-edited.conf")

    def edit(text):
        os.makedirs(directory, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    yield edit
    if os.path.exists(path):
        os.unlink(path)


def test_diff_of_what_runs_and_the_files(ctl, node, edited):
    """What a reload would bring, and then only what needs a restart, however often it is read."""
    assert ctl("conf", "diff").stdout == "nothing would change\n"
    edited("[c2s]\nsasl-tries = 5\nbacklog = 77\n[router]\nstanza-depth = 127\n"
           '[peer "other.example"]\nrequire-tls = no\n')
    lines = ctl("conf", "diff").stdout.splitlines()
    assert "kontalk-router: [router] stanza-depth: 128 -> 127 (reload)" in lines
    assert any(line.endswith("[c2s] sasl-tries: 3 -> 5 (reload)") for line in lines), lines
    assert 'kontalk-s2s: [peer "other.example"] is new (reload)' in lines
    assert ctl("reload").returncode == 0
    for _ in range(2):
        changes = json.loads(ctl("conf", "diff", "--json").stdout)
        assert [(one["section"], one["key"], one["needs"]) for one in changes] == [
            ("c2s", "backlog", "restart")]
        assert ctl("reload").returncode == 0
    edited("")
    assert ctl("reload").returncode == 0
    assert ctl("conf", "diff").stdout == "nothing would change\n"
    assert node.is_running()


def test_explain(ctl, node):
    done = ctl("conf", "explain", "node.host")
    assert done.returncode == 0
    assert done.stdout.startswith("[node] host\n")
    assert f"here: {node.place.host} ({node.place.configuration}:" in done.stdout
    several = ctl("conf", "explain", "stanza-size").stdout
    assert all(f"[{section}] stanza-size\n" in several for section in ("router", "c2s", "s2s"))
    assert "  retry-max\n" in ctl("conf", "explain", "s2s").stdout


def test_explain_what_is_not_there(ctl):
    done = ctl("conf", "explain", "stanza-sise")
    assert done.returncode == 1 and "did you mean 'stanza-size'" in done.stderr


BASH = """source <(%s completion bash)
COMP_WORDS=(kontalkctl %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _kontalkctl
printf '%%s\\n' "${COMPREPLY[@]}"
"""
CASES = (("conf ''", {"check", "show", "diff", "explain"}),
         ("-c file conf sh", {"show"}),
         ("conf check ''", {"--json"}),
         ("conf explain router.stanza-", {"router.stanza-size", "router.stanza-depth"}),
         ("completion ''", {"bash", "zsh", "fish", "--json"}))


@pytest.mark.parametrize("words, offered", CASES)
def test_completion_of_bash(node, words, offered):
    done = subprocess.run(["bash", "-c", BASH % (node.place.program("kontalkctl"), words)],
                          capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) == offered, done.stderr


@pytest.mark.parametrize("words, offered", CASES)
def test_completion_of_fish(node, words, offered):
    script = (f"{node.place.program('kontalkctl')} completion fish | source; "
              f"complete -C 'kontalkctl {words.replace(chr(39), '')}'")
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                          timeout=60, check=True)
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == offered, done.stderr


def test_completion_of_zsh(node):
    """Its functions are only there while a line is edited: it is read, and every verb is in it."""
    script = (f"source <({node.place.program('kontalkctl')} completion zsh) 2>/dev/null; "
              "print -r -- $_kontalkctl_lines; functions _kontalkctl")
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=60,
                          check=False)
    assert "conf diff --json\n" in done.stdout and "compadd" in done.stdout, done.stderr


def test_completion_of_zsh_in_a_file(node, tmp_path):
    """As the package installs it: read when it is called for the first time."""
    with open(tmp_path / "_kontalkctl", "wb") as file:
        subprocess.run([node.place.program("kontalkctl"), "completion", "zsh"], stdout=file,
                       timeout=60, check=True)
    script = (f"fpath=({tmp_path} $fpath); autoload _kontalkctl; compadd() print -r -- $@;"
              "words=(kontalkctl home ''); CURRENT=3; _kontalkctl")
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.stdout.split() == ["--", "show", "raise"], done.stderr


def test_completion_of_another_shell(ctl):
    done = ctl("completion", "tcsh")
    assert done.returncode == 1 and "bash, zsh and fish" in done.stderr
