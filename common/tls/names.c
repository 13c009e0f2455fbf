/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What names a certificate is for (RFC 6125, RFC 6120 §13.7.1).
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gnutls/x509-ext.h>

#include "common/base/memory.h"
#include "common/tls/tls_internal.h"

/* id-ce-subjectAltName, RFC 5280 §4.2.1.6 */
static const char alternative_names[] = "2.5.29.17";

char *tls_name_ascii(const char *name)
{
    gnutls_datum_t ascii;
    if (gnutls_idna_map(name, (unsigned)strlen(name), &ascii, 0) < 0) {
        return xstrdup(name);
    }
    char *copy = xstrndup((const char *)ascii.data, ascii.size);
    gnutls_free(ascii.data);
    return copy;
}

static bool tell(unsigned type, const gnutls_datum_t *value, tls_each_name *each, void *user)
{
    if (!value->data || memchr(value->data, '\0', value->size)) {
        return false;
    }
    char *text = xstrndup((const char *)value->data, value->size);
    bool done = each(user, type, text);
    free(text);
    return done;
}

static bool tell_other(const char *oid, const gnutls_datum_t *value, tls_each_name *each,
                       void *user)
{
    unsigned type;
    gnutls_datum_t decoded = {0};
    if (!oid || gnutls_x509_othername_to_virtual(oid, value, &type, &decoded) < 0) {
        return false;
    }
    bool done = tell(type, &decoded, each, user);
    gnutls_free(decoded.data);
    return done;
}

static bool walk(gnutls_subject_alt_names_t names, tls_each_name *each, void *user)
{
    unsigned type;
    gnutls_datum_t value, oid;
    for (unsigned i = 0; gnutls_subject_alt_names_get(names, i, &type, &value, &oid) == 0; i++) {
        bool done = type == GNUTLS_SAN_OTHERNAME
                        ? tell_other((const char *)oid.data, &value, each, user)
                        : tell(type, &value, each, user);
        if (done) {
            return true;
        }
    }
    return false;
}

bool tls_certificate_any_name(gnutls_x509_crt_t certificate, tls_each_name *each, void *user)
{
    gnutls_datum_t der;
    unsigned critical;
    if (gnutls_x509_crt_get_extension_by_oid2(certificate, alternative_names, 0, &der, &critical) <
        0) {
        return false;
    }
    gnutls_subject_alt_names_t names;
    bool found = false;
    if (gnutls_subject_alt_names_init(&names) == 0) {
        found = gnutls_x509_ext_import_subject_alt_names(&der, names, 0) == 0 &&
                walk(names, each, user);
        gnutls_subject_alt_names_deinit(names);
    }
    gnutls_free(der.data);
    return found;
}

/* A wildcard stands for one whole label at the left, and not for a top-level domain's
 * (RFC 6125 §6.4.3). */
static bool dns_matches(const char *pattern, const char *name)
{
    if (strncmp(pattern, "*.", 2) != 0) {
        return strcasecmp(pattern, name) == 0;
    }
    const char *rest = strchr(name, '.');
    return rest && rest != name && strchr(rest + 1, '.') && strcasecmp(pattern + 1, rest) == 0;
}

/* What a certificate has to cover. */
struct wish {
    const char *name;
    const char *service; /* NULL: any of ours */
};

/* RFC 4985: "_service.name". */
static bool srv_matches(const char *value, const struct wish *wish)
{
    static const char *const services[] = {"_xmpp-client.", "_xmpp-server."};
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        size_t length = strlen(services[i]);
        if (strncasecmp(value, services[i], length) == 0) {
            return (!wish->service || strcmp(services[i], wish->service) == 0) &&
                   strcasecmp(value + length, wish->name) == 0;
        }
    }
    return false;
}

/* The address is UTF-8, the name an A-label. */
static bool address_matches(const char *value, const char *name)
{
    char *ascii = tls_name_ascii(value);
    bool equal = strcasecmp(ascii, name) == 0;
    free(ascii);
    return equal;
}

static bool is_name(void *user, unsigned type, const char *value)
{
    const struct wish *wish = user;
    switch (type) {
    case GNUTLS_SAN_DNSNAME:
        return dns_matches(value, wish->name);
    case GNUTLS_SAN_OTHERNAME_SRV:
        return srv_matches(value, wish);
    case GNUTLS_SAN_OTHERNAME_XMPP:
        return address_matches(value, wish->name);
    default:
        return false;
    }
}

bool tls_certificate_covers(gnutls_x509_crt_t certificate, const char *name)
{
    return tls_certificate_covers_service(certificate, name, NULL);
}

bool tls_certificate_covers_service(gnutls_x509_crt_t certificate, const char *name,
                                    const char *service)
{
    struct wish wish = {.name = name, .service = service};
    return tls_certificate_any_name(certificate, is_name, &wish);
}

struct address_call {
    void (*address)(void *user, const char *jid);
    void *user;
};

static bool pass_address(void *user, unsigned type, const char *value)
{
    struct address_call *call = user;
    if (type == GNUTLS_SAN_OTHERNAME_XMPP) {
        call->address(call->user, value);
    }
    return false;
}

void tls_certificate_addresses(gnutls_x509_crt_t certificate,
                               void (*address)(void *user, const char *jid), void *user)
{
    struct address_call call = {address, user};
    tls_certificate_any_name(certificate, pass_address, &call);
}
