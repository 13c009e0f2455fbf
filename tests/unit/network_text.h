/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Network documents for tests: three members, two keyholders of whom one has to sign. What tests
 * change is given as text.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/memory.h"
#include "common/network/network.h"
#include "tests/unit/unit.h"

#define NETWORK_TEXT_NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */

struct network_world {
    struct signing_key *holders[3]; /* ada, bea, and a stranger */
    struct signing_key *nodes[3];
};

static inline void network_world_init(struct network_world *world)
{
    for (size_t i = 0; i < 3; i++) {
        world->holders[i] = signing_key_generate();
        world->nodes[i] = signing_key_generate();
    }
}

static inline void network_world_fini(struct network_world *world)
{
    for (size_t i = 0; i < 3; i++) {
        signing_key_free(world->holders[i]);
        signing_key_free(world->nodes[i]);
    }
}

/* The world is the state of a group of tests. */
static inline int network_world_setup(void **state)
{
    static struct network_world world;

    network_world_init(&world);
    *state = &world;
    return 0;
}

static inline int network_world_teardown(void **state)
{
    network_world_fini(*state);
    return 0;
}

static inline void network_text_key(struct buffer *out, const struct signing_key *key)
{
    uint8_t public[SIGNING_KEY_SIZE];

    signing_key_public(key, public);
    base64_encode(out, public, sizeof(public));
}

static inline void network_text_member(struct buffer *out, const struct network_world *world,
                                       size_t i, const char *more)
{
    static const char *const hosts[] = {"alpha", "beta", "gamma"};
    uint8_t pin[TLS_PIN_SIZE];

    memset(pin, (int)i + 1, sizeof(pin));
    buffer_printf(out,
                  "[member \"%s.example.net\"]\nnumber = %zu\naddress = 192.0.2.%zu:5271\npin = ",
                  hosts[i], i + 1, i + 1);
    base64_encode(out, pin, sizeof(pin));
    buffer_append_text(out, "\nsigning-key = ");
    network_text_key(out, world->nodes[i]);
    buffer_printf(out, "\n%s\n", more);
}

/* free() it. */
static inline char *network_text(const struct network_world *world, uint64_t serial,
                                 unsigned required, const char *beta_home)
{
    struct buffer out = {0};

    buffer_printf(&out,
                  "# the network\n[network \"example.net\"]\nformat = 1\nserial = %llu\n"
                  "expires = 2027-06-01T00:00:00Z\nregistrar = alpha\nrequired-signatures = %u\n\n",
                  (unsigned long long)serial, required);
    for (size_t i = 0; i < 2; i++) {
        buffer_printf(&out, "[keyholder \"%s\"]\nkey = ", i == 0 ? "ada" : "bea");
        network_text_key(&out, world->holders[i]);
        buffer_append_text(&out, "\n\n");
    }
    network_text_member(&out, world, 0,
                        "role = front\nrole = home\nrole = s2s\nrole = registrar\nstate = active");
    network_text_member(&out, world, 1,
                        "role = front\nrole = home\noperator = mailto:ops@beta.example\n"
                        "state = draining");
    network_text_member(&out, world, 2, "role = front\nstate = joining");
    buffer_printf(&out, "[home \"alpha\"]\nepoch = 1\nhost = alpha.example.net\n\n%s\n",
                  beta_home ? beta_home : "[home \"beta\"]\nepoch = 3\nhost = beta.example.net\n");
    return buffer_take(&out);
}

static inline struct network *network_must_parse(const char *text, size_t length)
{
    struct network *network = NULL;

    assert_int_equal(network_parse("doc", text, length, stderr, &network), 0);
    return network;
}

/* Takes the text; signed by those keyholders whose bits are set. */
static inline struct network *network_signed(const struct network_world *world, char *text,
                                             unsigned signers)
{
    static const char *const names[] = {"ada", "bea", "eve"};
    struct network *body = network_must_parse(text, strlen(text));
    struct buffer out = {0};

    buffer_append_text(&out, text);
    for (size_t i = 0; i < 3; i++) {
        struct network_signature signature = {.keyholder = names[i]};
        if (!(signers & 1U << i))
            continue;
        network_sign(body, world->holders[i], signature.value);
        network_write_signature(&out, &signature);
    }
    struct network *network = network_must_parse(out.data, out.length);
    assert_true(network->body_length == strlen(text));
    network_unref(body);
    buffer_fini(&out);
    free(text);
    return network;
}
