/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What rooms can do, in the order in which features see a stanza.
 */
#include "muc/modules.h"

const struct muc_module *const muc_modules[] = {
    &disco_module, /* first: the rest adds to what it says */
    &owner_module,
    &admin_module,
    &register_module,
    &invite_module, /* what is no groupchat is dealt with before anybody has to be in the room */
    &voice_module,
    &archive_module,
    &retract_module, /* before it is an ordinary message */
    &vcard_module,
    &hats_module,
    &founding_module,
    &kept_role_module, /* no stanza is for it */
    NULL,
};
