# SPDX-License-Identifier: AGPL-3.0-or-later
#
# All pytest groups run with the plugins of tests/harness.

pytest_plugins = ("tests.harness.report", "tests.harness.plugin")
