/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The modules (dispatch.h): each is a file.
 */
#pragma once

#include "muc/dispatch.h"

extern const struct muc_module disco_module;
extern const struct muc_module archive_module;
extern const struct muc_module retract_module;
extern const struct muc_module vcard_module;
extern const struct muc_module hats_module;
extern const struct muc_module owner_module;
extern const struct muc_module admin_module;
extern const struct muc_module register_module;
extern const struct muc_module invite_module;
extern const struct muc_module voice_module;
extern const struct muc_module founding_module;
extern const struct muc_module kept_role_module;
