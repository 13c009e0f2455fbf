# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Benchmarks (make bench): a load of clients (load.c), this server and others to compare it with,
# and what they cost.
