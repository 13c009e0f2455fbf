# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A crowd of clients that behave as real ones talks while everything dies around it, and a checker
# compares what was promised with what came (docs/FAULTS.md).
