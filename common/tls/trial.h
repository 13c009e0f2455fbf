/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A certificate to try a server out, from an authority that is made for it alone: its key is thrown
 * away, so that it never signs anything else. Good for a year.
 */
#pragma once

#include <stddef.h>

#include "common/base/macros.h"

/* Writes three new files, the key for its owner alone. The certificate is for the first name and
 * also for the others. ERR_EXISTS, ERR_SYSTEM: *problem (from errno) says why. */
MUST_CHECK int tls_trial_make(const char *const *names, size_t count, const char *authority_file,
                              const char *certificate_file, const char *key_file,
                              const char **problem);
