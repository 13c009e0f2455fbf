/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Signing, suspending, and putting documents in force.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/config/number.h"
#include "kontalkctl/network.h"

/* --- in force --- */

/* Whether it may follow what is in force here; the first document only has to be signed. An exit
 * status. */
static int check_next(const char *path, const struct network *network)
{
    struct network *in_force = NULL;
    const char *problem = NULL;

    if (access(path, F_OK) == 0 && network_must_load(path, &in_force) != 0)
        return EXIT_FAILURE;
    int error = in_force ? network_verify_next(in_force, network, &problem)
                         : network_verify(network, &problem);
    int status = error ? ctl_fail("%s", problem) : EXIT_SUCCESS;
    network_unref(in_force);
    return status;
}

static int put_in_force(const char *path, const struct network *network)
{
    int status = network_put(path, network);

    if (status == EXIT_SUCCESS)
        printf("serial %llu is in force\n", (unsigned long long)network->serial);
    return status;
}

int network_install(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *path = network_path(ctl);
    const char *domain = config_text(ctl->config, "node", NULL, "network");
    struct network *network = NULL;

    (void)argc;
    if (!path || network_must_load(argv[0], &network) != 0)
        return EXIT_FAILURE;
    int status = strcmp(network->domain, domain) == 0
                     ? check_next(path, network)
                     : ctl_fail("%s is for %s, this node for %s", argv[0], network->domain, domain);
    if (status == EXIT_SUCCESS)
        status = put_in_force(path, network);
    network_unref(network);
    return status;
}

/* --- sign --- */

/* What stands in the way of a signature in this name; NULL: nothing. */
static const char *why_not(const struct network *network, const char *name,
                           const uint8_t value[SIGNATURE_SIZE])
{
    for (size_t i = 0; i < network->signatures_count; i++) {
        if (strcmp(network->signatures[i].keyholder, name) != 0)
            continue;
        /* Ed25519 signs one text in one way only. */
        return memcmp(network->signatures[i].value, value, SIGNATURE_SIZE) == 0
                   ? "has signed it already"
                   : "has signed another text, which was changed since: remove that signature";
    }
    return NULL;
}

/* The document with one more signature; NULL: complained. */
static struct network *sign(const struct network *network, const struct network *judge,
                            const char *key_file)
{
    struct signing_key *key = NULL;
    const struct network_keyholder *holder = network_load_key(judge, key_file, &key);
    struct network_signature signature = {0};
    struct network *made = NULL;

    if (!holder)
        return NULL;
    signature.keyholder = holder->name;
    network_sign(network, key, signature.value);
    const char *problem = why_not(network, holder->name, signature.value);
    if (problem)
        ctl_fail("%s %s", holder->name, problem);
    else
        made = network_append_signature(network, &signature);
    signing_key_free(key);
    return made;
}

/* Enough of the keyholders of both: then it is in force, else it waits for more. */
static int after_signing(const char *path, const char *pending, const struct network *in_force,
                         const struct network *network)
{
    size_t own = network_count_signatures(network, network);
    size_t old = network_count_signatures(network, in_force);

    if (own >= network->required_signatures && old >= in_force->required_signatures) {
        int status = check_next(path, network);
        if (status == EXIT_SUCCESS)
            status = put_in_force(path, network);
        return status;
    }
    int status = network_put(pending, network);
    if (status == EXIT_SUCCESS)
        printf("signed by %zu of %u: pass %s on to the next keyholder\n", own,
               network->required_signatures, pending);
    return status;
}

static bool is_in_force(const char *path, const struct network *network)
{
    struct network *in_force = NULL;
    bool same = network_load(path, NULL, &in_force) == 0 && in_force->serial == network->serial;

    network_unref(in_force);
    return same;
}

/* Former keyholders sign, too, a document that names others: by the keys of both. */
static const struct network *judge_of(const struct network *in_force, const struct network *next,
                                      const char *key_file)
{
    struct signing_key *key = NULL;
    const char *problem;
    uint8_t public[SIGNING_KEY_SIZE];

    if (signing_key_load(key_file, &key, &problem) != 0)
        return next;
    signing_key_public(key, public);
    signing_key_free(key);
    return network_find_key(next, public) ? next : in_force;
}

int network_sign_pending(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *path = network_path(ctl);
    struct network *in_force = NULL, *next = NULL, *made = NULL;
    int status = EXIT_FAILURE;

    if (!path)
        return EXIT_FAILURE;
    char *pending = argc > 1 ? xstrdup(argv[1]) : network_pending_path(path);
    if (access(pending, F_OK) != 0)
        ctl_fail("nothing waits to be signed: there is no %s", pending);
    else if (network_must_load(path, &in_force) == 0 && network_must_load(pending, &next) == 0)
        made = sign(next, judge_of(in_force, next, argv[0]), argv[0]);
    if (made)
        status = after_signing(path, pending, in_force, made);
    /* What is in force waits no longer; a file of somebody's is left alone. */
    if (status == EXIT_SUCCESS && argc == 1 && is_in_force(path, made))
        unlink(pending);
    network_unref(in_force);
    network_unref(next);
    network_unref(made);
    free(pending);
    return status;
}

/* --- suspend --- */

static int read_duration(const char *text, int64_t *seconds)
{
    int64_t ms;

    if (config_number_parse(CONFIG_DURATION, text, &ms) != 0 || ms < 1000 ||
        ms / 1000 > NETWORK_SUSPENSION_MAX)
        return ctl_fail("'%s' is not a duration up to 24h", text);
    *seconds = ms / 1000;
    return EXIT_SUCCESS;
}

static int suspend(const char *path, const struct network *network, const char *host,
                   const char *key_file, int64_t seconds)
{
    struct network_suspension suspension = {
        .host = host, .begins = network_now(), .ends = network_now() + seconds};
    struct signing_key *key = NULL;
    const struct network_keyholder *holder = network_load_key(network, key_file, &key);
    struct buffer text = {0};
    struct network *made = NULL;

    if (!holder)
        return EXIT_FAILURE;
    suspension.signature.keyholder = holder->name;
    network_sign_suspension(network, key, &suspension);
    signing_key_free(key);
    buffer_append(&text, network->text, network->text_length);
    network_write_suspension(&text, &suspension);
    int error = network_parse("the document", text.data, text.length, stderr, &made);
    int status = error ? EXIT_FAILURE : network_put(path, made);
    if (status == EXIT_SUCCESS)
        printf("%s is suspended for %lld s\n", host, (long long)seconds);
    network_unref(made);
    buffer_fini(&text);
    return status;
}

static bool is_suspended_once(const struct network *network, const char *host)
{
    for (size_t i = 0; i < network->suspensions_count; i++)
        if (strcmp(network->suspensions[i].host, host) == 0)
            return true;
    return false;
}

int network_suspend(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *path = network_path(ctl);
    struct network *network = NULL;
    int64_t seconds = NETWORK_SUSPENSION_MAX;
    int status = EXIT_FAILURE;

    if (argc == 1)
        return network_set_state(ctl, argv[0], NETWORK_SUSPENDED);
    if (!path || (argc > 2 && read_duration(argv[2], &seconds) != EXIT_SUCCESS) ||
        network_must_load(path, &network) != 0)
        return EXIT_FAILURE;
    if (!network_member_by_host(network, argv[0]))
        ctl_fail("%s is no member", argv[0]);
    else if (network_is_expired(network, network_now()))
        ctl_fail("the document has expired: only a new one can follow");
    else if (is_suspended_once(network, argv[0]))
        ctl_fail("%s was suspended under this serial: only a new document can do it again",
                 argv[0]);
    else
        status = suspend(path, network, argv[0], argv[1], seconds);
    network_unref(network);
    return status;
}
