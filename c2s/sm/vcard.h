/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * vcard-temp (XEP-0054), for what else knows of a user's picture.
 */
#pragma once

#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/sm.h"

/* The vCard gets this photo (base64), all else in it stays; NULL: it has none any more. Within a
 * job of the account, or behind a unit; done() behind the last unit (status as of one). */
void vcard_set_photo(struct account *account, const char *type, const char *image, const char *hash,
                     pubsub_done *done, void *user);
