/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Avatars (XEP-0084) and the photo of the vCard are one picture (XEP-0398).
 */
#pragma once

#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/sm.h"

/* Publishes the photo of a vCard, whose hash and size these are; NULL: the vCard has none any more.
 * Within a job of the account, or behind a unit; done() at once or behind the last unit. */
void avatar_publish(struct account *account, const struct element *photo, const char *hash,
                    size_t bytes, pubsub_done *done, void *user);
