/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Dates and times of XMPP (XEP-0082 §3.2), read strictly: the full form with a time zone.
 */
#include "common/xmpp/datetime.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/base/error.h"

#define SECOND_US 1000000
/* 0000-01-01T00:00:00Z and the second behind 9999-12-31T23:59:59Z. */
#define FIRST_US (-62167219200 * SECOND_US)
#define LAST_US  (253402300800 * SECOND_US - 1)

/* Behind the digits comes `mark`. Returns the place behind it. */
static char *put(char *at, int value, int digits, char mark)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    at[digits] = mark;
    return at + digits + 1;
}

/* Every message that is stored has a few of these, so no printf(). */
void datetime_format(int64_t time_us, char text[DATETIME_SIZE])
{
    /* Four digits of year are all the format has. */
    int64_t shown = time_us < FIRST_US ? FIRST_US : time_us > LAST_US ? LAST_US : time_us;
    int64_t fraction = ((shown % SECOND_US) + SECOND_US) % SECOND_US;
    time_t seconds = (time_t)((shown - fraction) / SECOND_US);
    int thousandths = (int)(fraction / 1000);
    struct tm tm;
    char *at = text;

    gmtime_r(&seconds, &tm);
    at = put(at, tm.tm_year + 1900, 4, '-');
    at = put(at, tm.tm_mon + 1, 2, '-');
    at = put(at, tm.tm_mday, 2, 'T');
    at = put(at, tm.tm_hour, 2, ':');
    at = put(at, tm.tm_min, 2, ':');
    at = put(at, tm.tm_sec, 2, thousandths > 0 ? '.' : 'Z');
    if (thousandths > 0)
        at = put(at, thousandths, 3, 'Z');
    *at = '\0';
}

/* Reads exactly `digits` digits; false, and nowhere else, if there are fewer. */
static bool read_number(const char **at, int digits, int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *number = *number * 10 + (**at - '0');
    }
    return true;
}

static bool read_char(const char **at, char expected)
{
    if (**at != expected)
        return false;
    (*at)++;
    return true;
}

static bool read_date(const char **at, struct tm *tm)
{
    if (!read_number(at, 4, &tm->tm_year) || !read_char(at, '-') ||
        !read_number(at, 2, &tm->tm_mon) || !read_char(at, '-') ||
        !read_number(at, 2, &tm->tm_mday))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

static bool read_time(const char **at, struct tm *tm)
{
    return read_number(at, 2, &tm->tm_hour) && read_char(at, ':') &&
           read_number(at, 2, &tm->tm_min) && read_char(at, ':') &&
           read_number(at, 2, &tm->tm_sec) && tm->tm_hour < 24 && tm->tm_min < 60 &&
           tm->tm_sec < 60;
}

/* Any number of digits, of which six count. */
static bool read_fraction(const char **at, int64_t *fraction_us)
{
    int64_t unit = SECOND_US / 10;

    *fraction_us = 0;
    if (!read_char(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        *fraction_us += unit * (**at - '0');
    return true;
}

static bool read_zone(const char **at, int64_t *offset_seconds)
{
    int hours;
    int minutes;
    int sign = **at == '-' ? -1 : 1;

    *offset_seconds = 0;
    if (read_char(at, 'Z'))
        return true;
    if (!read_char(at, '+') && !read_char(at, '-'))
        return false;
    if (!read_number(at, 2, &hours) || !read_char(at, ':') || !read_number(at, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *offset_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

int datetime_parse(const char *text, int64_t *time_us)
{
    struct tm tm = {0};
    struct tm normal;
    int64_t fraction_us;
    int64_t offset;
    int64_t seconds;

    if (!read_date(&text, &tm) || !read_char(&text, 'T') || !read_time(&text, &tm) ||
        !read_fraction(&text, &fraction_us) || !read_zone(&text, &offset) || *text != '\0')
        return ERR_MALFORMED;
    normal = tm;
    seconds = timegm(&normal);
    /* timegm() moves a day that the month has not into the next month. */
    if (normal.tm_mon != tm.tm_mon || normal.tm_mday != tm.tm_mday)
        return ERR_MALFORMED;
    *time_us = (seconds - offset) * SECOND_US + fraction_us;
    return 0;
}
