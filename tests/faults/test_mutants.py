# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A campaign sees each promise that is broken on purpose, within ROUNDS rounds.

import os
import re
import subprocess
import sys

import pytest

from tests.faults.campaign import mutants

ROUNDS = 20
SEED = "1"


@pytest.mark.parametrize("mutant", mutants.MUTANTS + mutants.NETWORK_MUTANTS,
                         ids=lambda mutant: mutant.name)
def test_texts_are_there(mutant, tmp_path):
    """The changes still fit the tree."""
    for name, before, after in mutant.changes:
        with open(name, encoding="utf-8") as file:
            assert file.read().count(before) == 1, name
        assert before != after


@pytest.mark.long
@pytest.mark.seconds(1800)
@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(mutant, tmp_path):
    find(mutant, tmp_path, "tests/faults/test_campaign.py")


@pytest.mark.long
@pytest.mark.seconds(1800)
@pytest.mark.parametrize("mutant", mutants.NETWORK_MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_of_the_network_is_caught(mutant, tmp_path):
    find(mutant, tmp_path, "tests/network/test_network_campaign.py")


def find(mutant, tmp_path, campaign):
    report = tmp_path / "report"
    programs = mutants.build(mutant, str(tmp_path / "tree"))
    environment = {**os.environ, "BIN": programs, "ROUNDS": str(ROUNDS), "SEED": SEED,
                   "FAULTS_REPORT": str(report), "DATABASE_OPTIONS": mutant.database}
    environment.pop("TEST_REPORT", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", campaign, f"--basetemp={tmp_path}/tmp"],
        env=environment, capture_output=True, text=True, check=False)
    text = report.read_text() if report.exists() else done.stdout[-4000:]
    broken = re.search("broken rules: (.*)", text)
    assert done.returncode == 1 and broken, text
    assert set(mutant.rules) & set(broken[1].split(", ")), text
