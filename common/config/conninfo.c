/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Passwords in connection strings of PostgreSQL.
 */
#include "common/config/conninfo.h"

#include <string.h>

/* "password" with a '=' behind it, be it a word of its own or the end of "sslpassword". A quoted
 * value that looks so is refused too; that is the safe side. */
static bool has_password_word(const char *text)
{
    static const char word[] = "password";

    while ((text = strstr(text, word))) {
        text += strlen(word);
        if (text[strspn(text, " \t")] == '=') {
            return true;
        }
    }
    return false;
}

/* The part before '@' of postgresql://user:password@host/name. */
static bool has_uri_password(const char *text)
{
    const char *authority = strstr(text, "://");

    if (!authority || strncmp(text, "postgres", 8) != 0) {
        return false;
    }
    authority += 3;
    size_t length = strcspn(authority, "/?");
    const char *at = memchr(authority, '@', length);
    return at && memchr(authority, ':', (size_t)(at - authority));
}

bool config_conninfo_has_password(const char *conninfo)
{
    return has_password_word(conninfo) || has_uri_password(conninfo);
}
