/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which specifications a part of the server implements: a table beside the code.
 * docs/PROTOCOLS.md and docs/kontalk.doap are written from all of them, `kontalkctl check features`
 * asks what runs.
 */
#pragma once

#include <stddef.h>

struct spec {
    const char *name;    /* "XEP-0199", "RFC 6120" */
    const char *version; /* of a XEP; NULL: an RFC */
    const char *note;    /* what is left out, or what of it is meant; NULL: all of it */
};

/* Each is a table of one daemon, which ends with name NULL. */
extern const struct spec router_specs[];
extern const struct spec c2s_specs[];
extern const struct spec s2s_specs[];
