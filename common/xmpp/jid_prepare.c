/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Preparation of the parts of an address: nodeprep and resourceprep (RFC 6122 appendices A and B),
 * IDNA2008 for domains. Nodeprep and resourceprep rather than PRECIS, because that is what the
 * peers on the network do and both sides have to see the same address. Unassigned code points are
 * allowed, or newer emoji could not be a resource.
 *
 * ASCII is decided by a table and costs no allocation; only the rest goes to a library.
 */
#include "common/xmpp/jid_prepare.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <idn2.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/profile.h"

/* Longer domains do not come down to what DNS allows (4-byte letters become ASCII at best). */
#define RAW_MAX    ((size_t)4 * JID_PART_MAX)
#define LABEL_MAX  63
#define ACE_PREFIX "xn--"

enum { LOCAL = 1, DOMAIN = 2, RESOURCE = 4, UPPER = 8, OTHER = 16 };

/* Other bytes may be part of anything, by what a library says. What an ASCII character may be part
 * of. Nodeprep excludes blanks and "&'/:<>@ (RFC 6122 §A.5); domains have letters, digits, hyphens
 * and the dot that separates them. */
static const uint8_t kinds[256] = {
    [' '] = RESOURCE,
    ['!'] = LOCAL | RESOURCE,
    ['"'] = RESOURCE,
    ['#' ... '%'] = LOCAL | RESOURCE,
    ['&'] = RESOURCE,
    ['\''] = RESOURCE,
    ['(' ... ','] = LOCAL | RESOURCE,
    ['-'] = LOCAL | DOMAIN | RESOURCE,
    ['.'] = LOCAL | DOMAIN | RESOURCE,
    ['/'] = RESOURCE,
    ['0' ... '9'] = LOCAL | DOMAIN | RESOURCE,
    [':'] = RESOURCE,
    [';'] = LOCAL | RESOURCE,
    ['<'] = RESOURCE,
    ['='] = LOCAL | RESOURCE,
    ['>'] = RESOURCE,
    ['?'] = LOCAL | RESOURCE,
    ['@'] = RESOURCE,
    ['A' ... 'Z'] = LOCAL | DOMAIN | RESOURCE | UPPER,
    ['[' ... '`'] = LOCAL | RESOURCE,
    ['a' ... 'z'] = LOCAL | DOMAIN | RESOURCE,
    ['{' ... '~'] = LOCAL | RESOURCE,
    [0x80 ... 0xFF] = LOCAL | DOMAIN | RESOURCE | OTHER,
};

enum scan { SCAN_ASCII, SCAN_OTHER, SCAN_BAD };

/* No profile maps an ASCII character that it forbids to anything else, so one is enough to refuse
 * the whole part. */
static enum scan scan(const char *text, size_t length, uint8_t kind, bool *upper)
{
    uint8_t all = kind, any = 0;

    for (size_t i = 0; i < length; i++) {
        uint8_t may_be = kinds[(unsigned char)text[i]];
        all &= may_be;
        any |= may_be;
    }
    if (!all)
        return SCAN_BAD;
    *upper = any & UPPER;
    return any & OTHER ? SCAN_OTHER : SCAN_ASCII;
}

void jid_part_fini(struct jid_part *part)
{
    free(part->owned);
    *part = (struct jid_part){0};
}

char *jid_part_copy(const struct jid_part *part, char *to)
{
    memcpy(to, part->text, part->length);
    if (!part->fold)
        return to + part->length;
    for (size_t i = 0; i < part->length; i++) {
        if (kinds[(unsigned char)to[i]] & UPPER)
            to[i] = (char)(to[i] - 'A' + 'a');
    }
    return to + part->length;
}

static int borrow(struct jid_part *part, const char *text, size_t length, bool fold)
{
    if (length == 0 || length > JID_PART_MAX)
        return ERR_MALFORMED;
    *part = (struct jid_part){.text = text, .length = length, .fold = fold};
    return 0;
}

/* Consumes `text`. */
static int own(struct jid_part *part, char *text, size_t length)
{
    if (length == 0 || length > JID_PART_MAX) {
        free(text);
        return ERR_MALFORMED;
    }
    *part = (struct jid_part){.text = text, .length = length, .owned = text};
    return 0;
}

static int apply_profile(struct jid_part *part, const char *text, size_t length,
                         const Stringprep_profile *profile)
{
    size_t prepared_length;
    char *prepared = profile_apply(profile, text, length, JID_PART_MAX, &prepared_length);

    return prepared ? own(part, prepared, prepared_length) : ERR_MALFORMED;
}

int jid_part_local(struct jid_part *part, const char *text, size_t length)
{
    bool upper;

    switch (scan(text, length, LOCAL, &upper)) {
    case SCAN_ASCII:
        return borrow(part, text, length, upper);
    case SCAN_OTHER:
        return apply_profile(part, text, length, stringprep_xmpp_nodeprep);
    default:
        return ERR_MALFORMED;
    }
}

int jid_part_resource(struct jid_part *part, const char *text, size_t length)
{
    bool upper;

    switch (scan(text, length, RESOURCE, &upper)) {
    case SCAN_ASCII:
        return borrow(part, text, length, false);
    case SCAN_OTHER:
        return apply_profile(part, text, length, stringprep_xmpp_resourceprep);
    default:
        return ERR_MALFORMED;
    }
}

/* Of characters that are right for a domain: no hyphen at either end (RFC 5890 §2.3.1). */
static bool label_valid(const char *label, size_t length)
{
    return length > 0 && length <= LABEL_MAX && label[0] != '-' && label[length - 1] != '-';
}

static bool is_a_label(const char *label, size_t length)
{
    return length >= strlen(ACE_PREFIX) && (label[0] | 0x20) == ACE_PREFIX[0] &&
           strncasecmp(label, ACE_PREFIX, strlen(ACE_PREFIX)) == 0;
}

/* Whether the labels of a name of ASCII characters are right, and whether one is an A-label. */
static bool labels_valid(const char *text, size_t length, bool *has_a_label)
{
    const char *end = text + length;

    *has_a_label = false;
    for (;;) {
        const char *dot = memchr(text, '.', (size_t)(end - text));
        size_t label_length = (size_t)((dot ? dot : end) - text);
        *has_a_label |= is_a_label(text, label_length);
        if (!label_valid(text, label_length))
            return false;
        if (!dot)
            return true;
        text = dot + 1;
    }
}

static bool is_host_name(const char *text, size_t length)
{
    bool ignored;

    return scan(text, length, DOMAIN, &ignored) == SCAN_ASCII &&
           labels_valid(text, length, &ignored);
}

/* RFC 7622 §3.2: one final dot is not part of the domain. */
static size_t without_final_dot(const char *text, size_t length)
{
    return length > 0 && text[length - 1] == '.' ? length - 1 : length;
}

static char *to_a_labels(const char *text)
{
    char *result = NULL;

    if (idn2_to_ascii_8z(text, &result, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return NULL;
    return result;
}

/* The way back has to lead to the same A-labels, or one domain would have two forms. libidn2 is
 * not asked to enforce the rules for host names: it would drop the offending characters, and
 * "ü@b" would become the domain "üb". is_host_name() has seen them instead. */
static char *to_u_labels(const char *a_labels)
{
    char *u_labels = NULL;
    char *again;
    bool same;

    if (idn2_to_unicode_8z8z(a_labels, &u_labels, 0) != IDN2_OK)
        return NULL;
    again = to_a_labels(u_labels);
    same = again && strcmp(again, a_labels) == 0;
    idn2_free(again);
    if (same)
        return u_labels;
    idn2_free(u_labels);
    return NULL;
}

static int apply_idna(struct jid_part *part, const char *text, size_t length)
{
    char *input;
    char *a_labels;
    char *u_labels = NULL;

    if (length > RAW_MAX)
        return ERR_MALFORMED;
    input = xstrndup(text, length);
    a_labels = to_a_labels(input);
    free(input);
    if (!a_labels)
        return ERR_MALFORMED;
    a_labels[without_final_dot(a_labels, strlen(a_labels))] = '\0';
    if (is_host_name(a_labels, strlen(a_labels)))
        u_labels = to_u_labels(a_labels);
    idn2_free(a_labels);
    return u_labels ? own(part, u_labels, strlen(u_labels)) : ERR_MALFORMED;
}

/* "[::1]" in the one form that RFC 5952 gives it. */
static int prepare_ipv6(struct jid_part *part, const char *text, size_t length)
{
    struct in6_addr address;
    char digits[INET6_ADDRSTRLEN];
    size_t inside = length - 2;
    char *prepared;

    if (length < 4 || text[length - 1] != ']' || inside >= sizeof(digits))
        return ERR_MALFORMED;
    memcpy(digits, text + 1, inside);
    digits[inside] = '\0';
    if (inet_pton(AF_INET6, digits, &address) != 1 ||
        !inet_ntop(AF_INET6, &address, digits, sizeof(digits)))
        return ERR_MALFORMED;
    prepared = xasprintf("[%s]", digits);
    return own(part, prepared, strlen(prepared));
}

int jid_part_domain(struct jid_part *part, const char *text, size_t length)
{
    bool upper, has_a_label;
    enum scan result;

    if (length > 0 && text[0] == '[')
        return prepare_ipv6(part, text, without_final_dot(text, length));
    result = scan(text, length, DOMAIN, &upper);
    if (result == SCAN_BAD)
        return ERR_MALFORMED;
    if (result == SCAN_OTHER)
        return apply_idna(part, text, length);
    length = without_final_dot(text, length);
    if (!labels_valid(text, length, &has_a_label))
        return ERR_MALFORMED;
    return has_a_label ? apply_idna(part, text, length) : borrow(part, text, length, upper);
}
