/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Error codes: every function that can fail returns 0 or one of these negative values.
 */
#pragma once

enum error_index {
    ERROR_INDEX_OK,
#define X(name, text) name##_INDEX,
#include "common/base/error.def"
#undef X
    ERROR_COUNT
};

enum error {
#define X(name, text) name = -name##_INDEX,
#include "common/base/error.def"
#undef X
};

/* A short English text; "success" for 0, never NULL. */
const char *error_text(int error);
