/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Links with addresses.
 */
#include "common/xmpp/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

/* RFC 5122 §2.2: what is not allowed in an address there is escaped. */
static char *escaped(const char *address)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~!$&'()*+,=:@";
    char *text = xmalloc(3 * strlen(address) + 1), *at = text;

    for (; *address; address++) {
        if (strchr(plain, *address))
            *at++ = *address;
        else
            at += snprintf(at, 4, "%%%02X", (unsigned char)*address);
    }
    *at = '\0';
    return text;
}

char *uri_of_address(const char *address, const char *query)
{
    char *text = escaped(address);
    char *uri = xasprintf("xmpp:%s?%s", text, query);

    free(text);
    return uri;
}
