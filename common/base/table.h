/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * uthash with our keyed hash: include this, never <uthash.h>.
 */
#pragma once

#include "common/base/hash.h"
#include "common/base/memory.h"

#define HASH_FUNCTION(key, length, value)                                                          \
    do {                                                                                           \
        (value) = (unsigned)hash_keyed((key), (length));                                           \
    } while (0)
#define uthash_malloc(size) xmalloc(size)

#include <uthash.h>
#include <utlist.h>
