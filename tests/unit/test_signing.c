/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of Ed25519 keys and signatures, and of the keys of nodes with their pins.
 */
#include "common/tls/signing.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tls/pin.h"
#include "tests/unit/tls_ends.h"

/* RFC 8032 §7.1, test 2. */
static void test_the_vector_of_the_rfc(void **state)
{
    static const uint8_t public[] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a,
                                     0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
                                     0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c,
                                     0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
    uint8_t signature[] = {0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82,
                           0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50,
                           0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08,
                           0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13,
                           0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a,
                           0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

    (void)state;
    assert_true(signature_is_good(public, "\x72", 1, signature));
    assert_false(signature_is_good(public, "\x73", 1, signature));
    signature[0] ^= 1;
    assert_false(signature_is_good(public, "\x72", 1, signature));
}

static void test_keys_in_files(void **state)
{
    struct world *world = *state;
    struct signing_key *key = signing_key_generate(), *loaded, *other = signing_key_generate();
    uint8_t public[SIGNING_KEY_SIZE], again[SIGNING_KEY_SIZE], signature[SIGNATURE_SIZE];
    char *file = xasprintf("%s/signing.pem", world->pki.directory);
    const char *problem = NULL;
    struct stat status;

    assert_int_equal(signing_key_load(file, &loaded, &problem), ERR_NOT_FOUND);
    assert_int_equal(signing_key_save(key, file), 0);
    assert_int_equal(signing_key_save(other, file), ERR_EXISTS);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(signing_key_load(file, &loaded, &problem), 0);
    signing_key_public(key, public);
    signing_key_public(loaded, again);
    assert_memory_equal(public, again, sizeof(public));
    signing_key_sign(loaded, "hello", 5, signature);
    assert_true(signature_is_good(public, "hello", 5, signature));
    signing_key_public(other, again);
    assert_false(signature_is_good(again, "hello", 5, signature));
    assert_int_equal(chmod(file, 0644), 0);
    signing_key_free(loaded);
    assert_int_equal(signing_key_load(file, &loaded, &problem), ERR_DENIED);
    unlink(file);
    free(file);
    signing_key_free(key);
    signing_key_free(other);
}

/* Another kind of key is none. */
static void test_other_keys_are_refused(void **state)
{
    struct world *world = *state;
    struct signing_key *loaded;
    const char *problem = NULL;

    assert_int_equal(chmod(world->a.key, 0600), 0);
    assert_int_equal(signing_key_load(world->a.key, &loaded, &problem), ERR_INVALID);
    assert_non_null(problem);
}

struct node_key {
    char *certificate, *key;
    uint8_t pin[TLS_PIN_SIZE];
};

static struct node_key new_node_key(struct world *world, const char *host)
{
    struct node_key made = {
        .certificate = xasprintf("%s/%s.crt", world->pki.directory, host),
        .key = xasprintf("%s/%s.key", world->pki.directory, host),
    };
    const char *problem = NULL;

    assert_int_equal(tls_node_key_make(host, made.certificate, made.key, &problem), 0);
    assert_int_equal(tls_node_key_make(host, made.certificate, made.key, &problem), ERR_EXISTS);
    assert_int_equal(tls_pin_of_file(made.certificate, made.pin, &problem), 0);
    return made;
}

static void free_node_key(struct node_key *key)
{
    assert_int_equal(unlink(key->certificate), 0);
    assert_int_equal(unlink(key->key), 0);
    free(key->certificate);
    free(key->key);
}

static struct tls_context *node_context(const struct node_key *key, enum tls_role role)
{
    const struct tls_settings settings = {
        .role = role, .request_certificate = true, .ca_file = key->certificate};
    struct tls_context *context;
    const char *problem = NULL;

    assert_int_equal(tls_context_new(&settings, &context, &problem), 0);
    assert_int_equal(
        tls_context_add_certificate(context, NULL, key->certificate, key->key, &problem), 0);
    return context;
}

/* Both ends see the pin of the other. */
static void test_pins_of_peers(void **state)
{
    struct world *world = *state;
    struct node_key alpha = new_node_key(world, "alpha.example.net");
    struct node_key beta = new_node_key(world, "beta.example.net");
    struct tls_context *client = node_context(&alpha, TLS_CLIENT);
    struct tls_context *server = node_context(&beta, TLS_SERVER);
    uint8_t pin[TLS_PIN_SIZE];

    connect_sides(world);
    struct pair pair = new_pair(world, client, server, "beta.example.net");
    assert_handshake(&pair);
    assert_int_equal(tls_pin_of_peer(pair.client, pin), 0);
    assert_memory_equal(pin, beta.pin, sizeof(pin));
    assert_int_equal(tls_pin_of_peer(pair.server, pin), 0);
    assert_memory_equal(pin, alpha.pin, sizeof(pin));
    assert_memory_not_equal(alpha.pin, beta.pin, sizeof(pin));
    free_pair(&pair);
    tls_context_unref(client);
    tls_context_unref(server);
    free_node_key(&alpha);
    free_node_key(&beta);
}

static void test_no_pins(void **state)
{
    struct world *world = *state;
    uint8_t pin[TLS_PIN_SIZE];
    const char *problem = NULL;

    assert_int_equal(tls_pin_of_file("/nonexistent", pin, &problem), ERR_SYSTEM);
    assert_int_equal(tls_pin_of_file(world->a.key, pin, &problem), ERR_INVALID);
    assert_int_equal(tls_node_key_make("a", "/nonexistent/c", "/nonexistent/k", &problem),
                     ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vector_of_the_rfc),
        cmocka_unit_test(test_keys_in_files),
        cmocka_unit_test(test_other_keys_are_refused),
        cmocka_unit_test(test_pins_of_peers),
        cmocka_unit_test(test_no_pins),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
