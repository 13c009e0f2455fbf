/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Allocation that never fails: exhaustion ends the process (abort), so nobody tests for NULL.
 * Sizes that come from the network are bounded by the caller before they get here.
 * What these return is released with free().
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "common/base/macros.h"

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
/* NULL stays NULL. */
char *xstrdup_or_null(const char *text);
char *xstrndup(const char *text, size_t length);
/* Both, and what is between them: a key, mostly. */
char *xjoin(const char *first, const char *between, const char *second);
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2);
char *xvasprintf(const char *format, va_list args) PRINTF_LIKE(1, 0);
