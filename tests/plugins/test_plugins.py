# SPDX-License-Identifier: AGPL-3.0-or-later
#
# c2s with a plugin from a file instead of the session manager (c2s/plugin.h).

import pathlib
import subprocess

import pytest

TREE = pathlib.Path(__file__).parents[2]


def build(directory, *flags):
    path = directory / "echo.so"
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-I.", *flags,
                    "tests/plugins/echo.c", "-o", path], cwd=TREE, check=True, timeout=60)
    return str(path)


def test_echo(make_node, login, tmp_path):
    node = make_node(settings={"c2s": {"plugin": build(tmp_path)}})
    alice = login(where=node)
    alice.send_message("anybody@elsewhere.test", "hello")
    assert alice.wait_message("hello").get("from") == alice.full


@pytest.mark.parametrize("flag", ["-DECHO_ABI=0", "-DECHO_ABI=99"])
def test_other_abi_is_refused(make_node, tmp_path, flag):
    with pytest.raises(Exception, match="plugin_incompatible"):
        make_node(settings={"c2s": {"plugin": build(tmp_path, flag)}})


def test_no_plugin_is_refused(make_node, tmp_path):
    path = tmp_path / "nothing.so"
    path.write_bytes(b"no shared object")
    with pytest.raises(Exception, match="plugin_unusable"):
        make_node(settings={"c2s": {"plugin": str(path)}})
