/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What cmocka.h wants included before it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* The order matters. */
#include <cmocka.h>
