/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The photo of a vCard (XEP-0153): its hash, which the presence of the account's clients has
 * (XEP-0398 §4). The hash is a column beside the vCard and in memory while the account is.
 */
#pragma once

#include "c2s/sm/sm.h"
#include "common/service/photo.h"

#define NS_VCARD "vcard-temp"

/* The element of an image that is in the vCard with its type; NULL if there is none. */
const struct element *photo_find(const struct element *vcard, char hash[PHOTO_HASH_SIZE],
                                 size_t *bytes);
/* What the column says of a vCard with this photo (NULL: with none): its hash; empty if there was
 * one before, which clients are told; else NULL. */
const char *photo_column(const struct account *account, const char *hash);
bool photo_is_other(const struct account *account, const char *column);
/* The vCard is written. Whoever sees the account is told if the photo is another. */
void photo_set(struct account *account, const char *column);
/* The hash of the photo, "" if it was taken away, NULL if there never was one. */
const char *photo_of(const struct account *account);

/* What others are to see of presence that a client has sent; the stanza is not frozen. */
void photo_add(const struct account *account, struct stanza *presence);
/* The same for one that may be frozen: a reference, or a copy. */
struct stanza *photo_shown(const struct account *account, struct stanza *presence);
