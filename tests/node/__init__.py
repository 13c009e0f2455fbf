# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Runs a whole node for `make run`, `make start`, `make stop` and for the tests: its own PostgreSQL,
# certificates of its own authority, all daemons. Standard library only.
