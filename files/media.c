/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Types and names of files.
 */
#include "files/media.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/base/macros.h"

/* RFC 9110 §5.6.2 */
static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i]))
            return false;
    return length > 0;
}

bool media_type_read(const char *text, char type[MEDIA_TYPE_MAX + 1])
{
    size_t length = strcspn(text, "; \t");
    const char *slash = memchr(text, '/', length);

    if (slash == NULL || length > MEDIA_TYPE_MAX || !is_token(text, (size_t)(slash - text)) ||
        !is_token(slash + 1, length - (size_t)(slash + 1 - text)))
        return false;
    memcpy(type, text, length);
    type[length] = '\0';
    return true;
}

bool media_type_is_shown(const char *type)
{
    static const char *const kinds[] = {"image/", "audio/", "video/"};

    if (strcasecmp(type, "image/svg+xml") == 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strncasecmp(type, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

bool media_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > MEDIA_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || name[i] == '/' || name[i] == '\\')
            return false;
    return true;
}

void media_name_encode(struct buffer *out, const char *name)
{
    for (; *name; name++) {
        if (isalnum((unsigned char)*name) || strchr("-._~", *name)) /* RFC 3986 §2.3 */
            buffer_append_char(out, *name);
        else
            buffer_printf(out, "%%%02X", (unsigned char)*name);
    }
}
