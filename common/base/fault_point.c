/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which fault point this process ends at. A variable of the whole process, as is the environment
 * that it is read from; there is none in normal builds.
 */
#include "common/base/fault_point.h"

#ifdef FAULT_POINTS

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool known; /* the environment has been read */
    const char *point;
    size_t length;
    unsigned long left; /* passes until the end */
    bool ends;          /* with the next flush */
} fault;

static void read_environment(void)
{
    const char *text = getenv("KONTALK_FAULT");
    char *end;

    fault.known = true;
    if (text == NULL) {
        return;
    }
    fault.point = text;
    fault.length = strcspn(text, ":");
    if (text[fault.length] == '\0') {
        abort();
    }
    fault.left = strtoul(text + fault.length + 1, &end, 10);
    if (fault.left == 0 || *end != '\0') {
        abort();
    }
}

static bool is_last_pass(const char *point)
{
    if (!fault.known) {
        read_environment();
    }
    return fault.left > 0 && strlen(point) == fault.length &&
           memcmp(point, fault.point, fault.length) == 0 && --fault.left == 0;
}

void fault_point_pass(const char *point)
{
    if (is_last_pass(point)) {
        raise(SIGKILL);
    }
}

void fault_point_written(const char *point)
{
    if (is_last_pass(point)) {
        fault.ends = true;
    }
}

void fault_point_flushed(void)
{
    if (fault.ends) {
        raise(SIGKILL);
    }
}

#endif
