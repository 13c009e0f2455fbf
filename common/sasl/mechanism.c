/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The names of the mechanisms and what is in them, and how a list of them is summed up.
 */
#include <stdlib.h>
#include <string.h>

#include "common/sasl/sasl.h"

static const struct {
    const char *name;
    int hash; /* -1: not SCRAM */
    bool plus;
    bool token;
    const char *binding;
} mechanisms[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA_512_PLUS] = {"SCRAM-SHA-512-PLUS", CRYPTO_SHA512, .plus = true},
    [SASL_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", CRYPTO_SHA256, .plus = true},
    [SASL_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", CRYPTO_SHA1, .plus = true},
    [SASL_SCRAM_SHA_512] = {"SCRAM-SHA-512", CRYPTO_SHA512},
    [SASL_SCRAM_SHA_256] = {"SCRAM-SHA-256", CRYPTO_SHA256},
    [SASL_SCRAM_SHA_1] = {"SCRAM-SHA-1", CRYPTO_SHA1},
    [SASL_EXTERNAL] = {"EXTERNAL", -1},
    [SASL_PLAIN] = {"PLAIN", -1},
    [SASL_HT_SHA_512_EXPR] = {"HT-SHA-512-EXPR", -1, .token = true, .binding = "tls-exporter"},
    [SASL_HT_SHA_512_ENDP] = {"HT-SHA-512-ENDP", -1, .token = true,
                              .binding = "tls-server-end-point"},
    [SASL_HT_SHA_512_NONE] = {"HT-SHA-512-NONE", -1, .token = true},
    [SASL_HT_SHA_256_EXPR] = {"HT-SHA-256-EXPR", -1, .token = true, .binding = "tls-exporter"},
    [SASL_HT_SHA_256_ENDP] = {"HT-SHA-256-ENDP", -1, .token = true,
                              .binding = "tls-server-end-point"},
    [SASL_HT_SHA_256_NONE] = {"HT-SHA-256-NONE", -1, .token = true},
};

const char *sasl_mechanism_name(enum sasl_mechanism mechanism)
{
    return mechanisms[mechanism].name;
}

int sasl_mechanism_parse(const char *name)
{
    for (int i = 0; i < SASL_MECHANISMS; i++) {
        if (strcmp(mechanisms[i].name, name) == 0)
            return i;
    }
    return -1;
}

int sasl_mechanism_hash(enum sasl_mechanism mechanism)
{
    return mechanisms[mechanism].hash;
}

bool sasl_mechanism_is_plus(enum sasl_mechanism mechanism)
{
    return mechanisms[mechanism].plus;
}

bool sasl_mechanism_is_token(enum sasl_mechanism mechanism)
{
    return mechanisms[mechanism].token;
}

const char *sasl_mechanism_binding(enum sasl_mechanism mechanism)
{
    return mechanisms[mechanism].binding;
}

bool sasl_mechanism_is_relayed(enum sasl_mechanism mechanism)
{
    return mechanisms[mechanism].hash >= 0 || mechanisms[mechanism].token;
}

static int by_octets(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void append_sorted(struct buffer *text, const char **names, size_t count)
{
    qsort(names, count, sizeof(*names), by_octets);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(text, '\x1e');
        buffer_append_text(text, names[i]);
    }
}

char *sasl_announcement(unsigned offered, const struct sasl_binding *bindings,
                        size_t bindings_count)
{
    const char *names[SASL_MECHANISMS];
    struct buffer text = {0};
    size_t count = 0;

    for (size_t i = 0; i < SASL_MECHANISMS; i++)
        if (offered & 1U << i)
            names[count++] = mechanisms[i].name;
    append_sorted(&text, names, count);
    if (bindings_count > 0)
        buffer_append_char(&text, '\x1f');
    count = 0;
    for (size_t i = 0; i < bindings_count && i < SASL_MECHANISMS; i++)
        names[count++] = bindings[i].name;
    append_sorted(&text, names, count);
    return buffer_take(&text);
}
