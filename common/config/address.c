/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether texts are addresses of sockets or of networks.
 */
#include "common/config/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include "common/base/error.h"
#include "common/config/number.h"

/* Longer than any address inet_pton() takes. */
#define IP_TEXT_MAX 64

static bool is_ip(int family, const char *text, size_t length)
{
    char copy[IP_TEXT_MAX];
    struct in6_addr address;

    if (length >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    return inet_pton(family, copy, &address) == 1;
}

static bool is_number_up_to(const char *text, int64_t maximum)
{
    int64_t number;

    return !config_number_parse(CONFIG_NUMBER, text, &number) && number <= maximum;
}

static const char *check_unix(const char *path)
{
    if (path[0] != '/') {
        return "a path is missing behind unix:";
    }
    return strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path)
               ? NULL
               : "the path is longer than the 107 bytes that a socket may have";
}

static const char *check_ip(const char *text, size_t length)
{
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        return is_ip(AF_INET6, text + 1, length - 2) ? NULL : "no IPv6 address is in the brackets";
    }
    if (is_ip(AF_INET6, text, length)) {
        return "an IPv6 address stands in brackets";
    }
    return is_ip(AF_INET, text, length) ? NULL : "no IP address is before the port";
}

const char *config_address_check(const char *text)
{
    if (strncmp(text, "unix:", 5) == 0) {
        return check_unix(text + 5);
    }
    const char *colon = strrchr(text, ':');
    if (!colon || text[strlen(text) - 1] == ']' || is_ip(AF_INET6, text, strlen(text))) {
        return "the port is missing";
    }
    const char *problem = check_ip(text, (size_t)(colon - text));
    if (problem) {
        return problem;
    }
    return is_number_up_to(colon + 1, UINT16_MAX) ? NULL : "the port is not 0 to 65535";
}

bool config_is_network(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    bool v4 = is_ip(AF_INET, text, length);

    if (!v4 && !is_ip(AF_INET6, text, length)) {
        return false;
    }
    return !slash || is_number_up_to(slash + 1, v4 ? 32 : 128);
}
