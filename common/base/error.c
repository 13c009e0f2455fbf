/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The texts of the error codes.
 */
#include "common/base/error.h"

#include "common/base/macros.h"

static const char *const texts[] = {
    "success",
#define X(name, text) text,
#include "common/base/error.def"
#undef X
};

const char *error_text(int error)
{
    if (error > 0 || error <= -(int)ARRAY_SIZE(texts)) {
        return "unknown error";
    }
    return texts[-error];
}
