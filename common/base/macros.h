/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Attributes and small macros used everywhere.
 */
#pragma once

#include <stddef.h>

/* The caller has to look at the return value. */
#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF_LIKE(nth, first) __attribute__((format(printf, nth, first)))
#define NORETURN                __attribute__((noreturn))
#define UNUSED                  __attribute__((unused))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
/* <sys/param.h>, which <uv.h> includes, has its own. */
#undef MIN
#undef MAX
#define MIN(a, b)                           ((a) < (b) ? (a) : (b))
#define MAX(a, b)                           ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
