/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalk-muc implements.
 */
#include "muc/muc.h"

const struct spec muc_specs[] = {
    {"XEP-0045", "1.35.5", NULL},   {"XEP-0054", "1.3.0", "vCards of rooms"},
    {"XEP-0249", "1.2", NULL},      {"XEP-0313", "1.1.3", "archives of rooms"},
    {"XEP-0317", "0.3.1", NULL},    {"XEP-0359", "0.7.0", "ids of messages in rooms"},
    {"XEP-0410", "1.1.0", NULL},    {"XEP-0421", "1.0.1", NULL},
    {"XEP-0424", "0.4.2", "rooms"}, {"XEP-0425", "0.3.0", NULL},
    {"XEP-0486", "0.1.0", NULL},    {0},
};
