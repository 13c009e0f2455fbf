/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who has signed a network document, and whether it may follow another.
 */
#include <inttypes.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/network/network.h"
#include "common/tls/crypto.h"

/* What is signed begins with what it is, so that no signature can be used for anything else. */
#define DOCUMENT_PREFIX   "urn:kontalk:document:1\n"
#define SUSPENSION_PREFIX "urn:kontalk:suspension:1\n"

static void document_bytes(struct buffer *out, const struct network *network)
{
    buffer_append_text(out, DOCUMENT_PREFIX);
    buffer_append(out, network->text, network->body_length);
}

static void suspension_bytes(struct buffer *out, const struct network *network,
                             const struct network_suspension *suspension)
{
    buffer_printf(out, SUSPENSION_PREFIX "%s\n%" PRIu64 "\n%s\n%" PRId64 "\n%" PRId64 "\n",
                  network->domain, network->serial, suspension->host, suspension->begins,
                  suspension->ends);
}

static void sign(const struct signing_key *key, struct buffer *bytes,
                 uint8_t signature[SIGNATURE_SIZE])
{
    signing_key_sign(key, bytes->data, bytes->length, signature);
    buffer_fini(bytes);
}

void network_sign(const struct network *network, const struct signing_key *key,
                  uint8_t signature[SIGNATURE_SIZE])
{
    struct buffer bytes = {0};

    document_bytes(&bytes, network);
    sign(key, &bytes, signature);
}

void network_sign_suspension(const struct network *network, const struct signing_key *key,
                             struct network_suspension *suspension)
{
    struct buffer bytes = {0};

    suspension_bytes(&bytes, network, suspension);
    sign(key, &bytes, suspension->signature.value);
}

const struct network_keyholder *network_find_key(const struct network *network,
                                                 const uint8_t key[SIGNING_KEY_SIZE])
{
    for (size_t i = 0; i < network->keyholders_count; i++) {
        if (memcmp(network->keyholders[i].key, key, SIGNING_KEY_SIZE) == 0)
            return &network->keyholders[i];
    }
    return NULL;
}

static bool any_signature_of(const struct network *network, const struct buffer *bytes,
                             const struct network_keyholder *holder)
{
    for (size_t i = 0; i < network->signatures_count; i++) {
        if (signature_is_good(holder->key, bytes->data, bytes->length,
                              network->signatures[i].value))
            return true;
    }
    return false;
}

/* By key, not by name: a keyholder may have another name in another document, and counts once. */
size_t network_count_signatures(const struct network *network, const struct network *judge)
{
    struct buffer bytes = {0};
    size_t count = 0;

    document_bytes(&bytes, network);
    for (size_t i = 0; i < judge->keyholders_count; i++)
        count += any_signature_of(network, &bytes, &judge->keyholders[i]);
    buffer_fini(&bytes);
    return count;
}

static bool is_signed(const struct network *network, const struct network_suspension *suspension)
{
    const struct network_keyholder *holder =
        network_keyholder_by_name(network, suspension->signature.keyholder);
    struct buffer bytes = {0};

    suspension_bytes(&bytes, network, suspension);
    bool good = holder && signature_is_good(holder->key, bytes.data, bytes.length,
                                            suspension->signature.value);
    buffer_fini(&bytes);
    return good;
}

static int check_count(const struct network *network, const struct network *judge,
                       const char **problem)
{
    size_t count = network_count_signatures(network, judge);

    if (count >= judge->required_signatures)
        return 0;
    *problem = arena_printf(
        network->arena, "%zu of the keyholders of serial %" PRIu64 " have signed it, %u have to",
        count, judge->serial, judge->required_signatures);
    return ERR_DENIED;
}

int network_verify(const struct network *network, const char **problem)
{
    int error = check_count(network, network, problem);

    for (size_t i = 0; !error && i < network->suspensions_count; i++) {
        if (!is_signed(network, &network->suspensions[i])) {
            *problem =
                arena_printf(network->arena, "the suspension of %s is not signed by a keyholder",
                             network->suspensions[i].host);
            error = ERR_DENIED;
        }
    }
    return error;
}

int network_check_request(const struct network *network, const char **problem)
{
    if (network->members_count != 1 || network->homes_count != 1 ||
        network->keyholders_count != 1 ||
        memcmp(network->keyholders[0].key, network->members[0].signing_key, SIGNING_KEY_SIZE) !=
            0) {
        *problem = "this is not the request of a node";
        return ERR_INVALID;
    }
    return network_verify(network, problem) == 0 ? 0 : ERR_INVALID;
}

/* An old holder of a home must not come back, and two must not serve one at a time. */
static const char *check_homes(const struct network *network, const struct network *next)
{
    for (size_t i = 0; i < network->homes_count; i++) {
        const struct network_home *home = &network->homes[i];
        const struct network_home *then = network_home_by_name(next, home->name);
        if (!then)
            continue;
        if (then->epoch < home->epoch)
            return arena_printf(next->arena, "the epoch of home %s is lower than it was",
                                home->name);
        if (then->epoch == home->epoch && strcmp(then->member->host, home->member->host) != 0)
            return arena_printf(next->arena, "home %s moves without a higher epoch", home->name);
    }
    return NULL;
}

/* Another registrar has to know the one before it: it gives no name before it has all that were
 * given, and one that has never heard of any would begin with nothing. */
static const char *check_registrar(const struct network *network, const struct network *next)
{
    const char *name = next->registrar->name;

    if (strcmp(network->registrar->name, name) == 0)
        return NULL;
    if (!network_home_by_name(network, name))
        return arena_printf(next->arena, "home %s is new and cannot be the registrar yet", name);
    if (!network_member_by_host(network, next->registrar->member->host))
        return arena_printf(next->arena, "%s is new and cannot serve another registrar yet",
                            next->registrar->member->host);
    return NULL;
}

static bool are_equal(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The office goes on without the one who had it: whatever that one still says must not count, nor
 * its data, whoever comes back with them. */
static const char *check_lost(const struct network *network, const struct network *next)
{
    const char *name = next->lost_registrar;

    if (!name || (are_equal(network->lost_registrar, name) &&
                  are_equal(network->registrar->name, next->registrar->name)))
        return NULL;
    const struct network_home *lost = network_home_by_name(next, name);
    if (!are_equal(network->registrar->name, name))
        return arena_printf(next->arena, "home %s, which is to be lost, was not the registrar",
                            name);
    if (lost->epoch <= network->registrar->epoch)
        return arena_printf(next->arena, "home %s is lost without a higher epoch", name);
    return NULL;
}

int network_verify_next(const struct network *network, const struct network *next,
                        const char **problem)
{
    if (strcmp(network->domain, next->domain) != 0) {
        *problem =
            arena_printf(next->arena, "it is for %s, not for %s", next->domain, network->domain);
        return ERR_DENIED;
    }
    if (next->serial <= network->serial) {
        *problem =
            arena_printf(next->arena, "its serial is %" PRIu64 ", the one in force has %" PRIu64,
                         next->serial, network->serial);
        return ERR_EXISTS;
    }
    int error = check_count(next, network, problem);
    if (!error)
        error = network_verify(next, problem);
    if (!error && ((*problem = check_homes(network, next)) != NULL ||
                   (*problem = check_registrar(network, next)) != NULL ||
                   (*problem = check_lost(network, next)) != NULL))
        error = ERR_DENIED;
    return error;
}

/* --- merging --- */

static const struct network_suspension *suspension_of(const struct network *network,
                                                      const char *host)
{
    for (size_t i = 0; i < network->suspensions_count; i++) {
        if (strcmp(network->suspensions[i].host, host) == 0)
            return &network->suspensions[i];
    }
    return NULL;
}

/* Whatever the order, both sides come to the same. */
static bool is_earlier(const struct network_suspension *a, const struct network_suspension *b)
{
    if (a->begins != b->begins)
        return a->begins < b->begins;
    if (a->ends != b->ends)
        return a->ends < b->ends;
    return memcmp(a->signature.value, b->signature.value, SIGNATURE_SIZE) < 0;
}

static void merge_suspensions(struct buffer *out, const struct network *a, const struct network *b)
{
    for (size_t i = 0; i < a->members_count; i++) {
        const struct network_suspension *one = suspension_of(a, a->members[i].host);
        const struct network_suspension *other = suspension_of(b, a->members[i].host);
        if (one || other)
            network_write_suspension(out, !one || (other && is_earlier(other, one)) ? other : one);
    }
}

static const struct network_signature *signature_of(const struct network *network,
                                                    const struct network_keyholder *holder)
{
    struct buffer bytes = {0};
    const struct network_signature *found = NULL;

    document_bytes(&bytes, network);
    for (size_t i = 0; !found && i < network->signatures_count; i++) {
        if (signature_is_good(holder->key, bytes.data, bytes.length, network->signatures[i].value))
            found = &network->signatures[i];
    }
    buffer_fini(&bytes);
    return found;
}

static bool has_signature(const struct network *network, const uint8_t value[SIGNATURE_SIZE])
{
    for (size_t i = 0; i < network->signatures_count; i++) {
        if (memcmp(network->signatures[i].value, value, SIGNATURE_SIZE) == 0)
            return true;
    }
    return false;
}

/* Of `b` only what a keyholder has made: a peer could add as many others as it likes. */
static void merge_signatures(struct buffer *out, const struct network *a, const struct network *b)
{
    for (size_t i = 0; i < a->signatures_count; i++)
        network_write_signature(out, &a->signatures[i]);
    for (size_t i = 0; i < a->keyholders_count; i++) {
        const struct network_signature *found = signature_of(b, &a->keyholders[i]);
        if (found && !has_signature(a, found->value))
            network_write_signature(out, found);
    }
}

void network_merge(struct buffer *out, const struct network *a, const struct network *b)
{
    buffer_append(out, a->text, a->body_length);
    merge_suspensions(out, a, b);
    merge_signatures(out, a, b);
}

void network_digest(const struct network *network, uint8_t digest[NETWORK_DIGEST_SIZE])
{
    struct buffer bytes = {0};

    buffer_append(&bytes, network->text, network->body_length);
    merge_suspensions(&bytes, network, network);
    crypto_digest(CRYPTO_SHA256, bytes.data, bytes.length, digest);
    buffer_fini(&bytes);
}
