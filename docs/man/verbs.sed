# SPDX-License-Identifier: AGPL-3.0-or-later
#
# `kontalkctl --help` as paragraphs of kontalkctl(8).
s/-/\\-/g
s/…/.../g
s/^  \(\([^ ]\| [^ ]\)*\)  *\(.*\)$/.TP\n.B \1\n\3/p
