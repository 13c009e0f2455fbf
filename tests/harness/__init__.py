# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What the pytest groups are written with (docs/TESTING.md).
