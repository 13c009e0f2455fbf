# SPDX-License-Identifier: AGPL-3.0-or-later
#
# c2s with a plugin from a file instead of the session manager (c2s/plugin.h).

import pathlib
import subprocess

import pytest

from tests.node.client import local_name

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


ECHO = "urn:test:echo"


@pytest.fixture(scope="module")
def echo(make_node, tmp_path_factory):
    return make_node(settings={"c2s": {"plugin": build(tmp_path_factory.mktemp("echo"))}})


def names(stream, count):
    return [local_name(stream.receive().tag) for _ in range(count)]


def test_elements(echo, login):
    """Elements reach the plugin with the session, and nothing behind a held one is handled before
    it is answered."""
    alice = login(where=echo)
    alice.send(f"<say xmlns='{ECHO}'/><say xmlns='{ECHO}'/><bound xmlns='{ECHO}'/>")
    assert names(alice, 6) == ["session", "later"] * 3


def test_elements_before_binding(echo, raw):
    stream = raw(echo.add_account(), echo)
    stream.secure()
    stream.authenticate()
    stream.send(f"<say xmlns='{ECHO}'/><bound xmlns='{ECHO}'/><unbound xmlns='{ECHO}'/>")
    assert names(stream, 5) == ["stranger", "later", "refused", "stranger", "later"]


def test_elements_of_strangers(echo, raw):
    stream = raw(where=echo)
    stream.secure()
    stream.send(f"<say xmlns='{ECHO}'/>")
    assert names(stream, 1) == ["refused"]
    assert stream.exchange(f"<unbound xmlns='{ECHO}'/>").error == "not-authorized"


def test_elements_without_tls(echo, raw):
    stream = raw(where=echo)
    stream.begin()
    assert stream.exchange(f"<say xmlns='{ECHO}'/>").error == "unsupported-stanza-type"


def test_client_goes_while_held(echo, raw):
    """The node is looked after behind the test: c2s must have survived."""
    owner = echo.add_account()
    for _ in range(20):
        stream = raw(owner, echo)
        stream.secure()
        stream.authenticate()
        stream.send(f"<say xmlns='{ECHO}'/>")
        stream.close()


def test_error_with_a_condition_of_its_own(echo, login):
    answer = login(where=echo).exchange(f"<fail xmlns='{ECHO}' h='7'/>")
    error = answer.elements[-1]
    assert answer.error == "undefined-condition"
    assert error.find(f"{{{ECHO}}}fail").get("h") == "7"


def test_unbound_only(echo, login):
    answer = login(where=echo).exchange(f"<unbound xmlns='{ECHO}'/>")
    assert answer.error == "policy-violation"


@pytest.mark.parametrize("flag", ["-DECHO_ABI=0", "-DECHO_ABI=99"])
def test_other_abi_is_refused(make_node, tmp_path, flag):
    with pytest.raises(Exception, match="plugin_incompatible"):
        make_node(settings={"c2s": {"plugin": build(tmp_path, flag)}})


def test_no_plugin_is_refused(make_node, tmp_path):
    path = tmp_path / "nothing.so"
    path.write_bytes(b"no shared object")
    with pytest.raises(Exception, match="plugin_unusable"):
        make_node(settings={"c2s": {"plugin": str(path)}})
