/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The names of the mechanisms and what is in them.
 */
#include <string.h>

#include "common/sasl/sasl.h"

static const struct {
    const char *name;
    int hash; /* -1: not SCRAM */
    bool plus;
} mechanisms[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA_512_PLUS] = {"SCRAM-SHA-512-PLUS", CRYPTO_SHA512, true},
    [SASL_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", CRYPTO_SHA256, true},
    [SASL_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", CRYPTO_SHA1, true},
    [SASL_SCRAM_SHA_512] = {"SCRAM-SHA-512", CRYPTO_SHA512, false},
    [SASL_SCRAM_SHA_256] = {"SCRAM-SHA-256", CRYPTO_SHA256, false},
    [SASL_SCRAM_SHA_1] = {"SCRAM-SHA-1", CRYPTO_SHA1, false},
    [SASL_EXTERNAL] = {"EXTERNAL", -1, false},
    [SASL_PLAIN] = {"PLAIN", -1, false},
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
