# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Benchmarks: `make bench` runs each bench_* of this folder and prints its figures.
