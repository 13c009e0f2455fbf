/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What federation adds to what the common folders implement.
 */
#include "common/service/spec.h"

const struct spec s2s_specs[] = {
    {"RFC 6120", NULL, "streams between servers"},
    {"RFC 6698", NULL, "DANE, where DNSSEC gives it"},
    {"XEP-0033", "1.2.1", "of rooms to other servers, and from these to accounts"},
    {"XEP-0178", "1.2", NULL},
    {"XEP-0185", "1.0", NULL},
    {"XEP-0198", "1.6.3", "between servers without resumption"},
    {"XEP-0199", "2.0.1", "behind what is sent to servers that do not acknowledge"},
    {"XEP-0220", "1.1.1", NULL},
    {"XEP-0288", "1.0.1", NULL},
    {"XEP-0368", "1.1.0", NULL},
    {"XEP-0478", "0.2.0", NULL},
    {0},
};
