/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Making what was not there before: the request of a node, and the first document of a network.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/network.h"

#define YEAR ((int64_t)365 * 24 * 3600)

/* --- request --- */

struct keys {
    char *certificate, *key, *signing;
    struct signing_key *signing_key;
    uint8_t pin[TLS_PIN_SIZE];
};

static void keys_free(struct keys *keys)
{
    free(keys->certificate);
    free(keys->key);
    free(keys->signing);
    signing_key_free(keys->signing_key);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* What is there stays. */
static int make_tls_key(const struct keys *keys, const char *host)
{
    const char *problem;

    if (exists(keys->certificate) && exists(keys->key))
        return EXIT_SUCCESS;
    if (tls_node_key_make(host, keys->certificate, keys->key, &problem) != 0)
        return ctl_fail("no key can be made in %s and %s: %s", keys->key, keys->certificate,
                        problem);
    return EXIT_SUCCESS;
}

static int make_signing_key(struct keys *keys)
{
    const char *problem;

    if (!exists(keys->signing)) {
        keys->signing_key = signing_key_generate();
        if (signing_key_save(keys->signing_key, keys->signing) == 0)
            return EXIT_SUCCESS;
        return ctl_fail("%s cannot be written: %s", keys->signing, strerror(errno));
    }
    if (signing_key_load(keys->signing, &keys->signing_key, &problem) != 0)
        return ctl_fail("%s: %s", keys->signing, problem);
    return EXIT_SUCCESS;
}

static int make_keys(struct keys *keys, const char *host, const char *directory)
{
    const char *problem;

    keys->certificate = xasprintf("%s/node.crt", directory);
    keys->key = xasprintf("%s/node.key", directory);
    keys->signing = xasprintf("%s/signing.key", directory);
    if (mkdir(directory, 0755) != 0 && errno != EEXIST)
        return ctl_fail("%s cannot be made: %s", directory, strerror(errno));
    if (make_tls_key(keys, host) != EXIT_SUCCESS || make_signing_key(keys) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    if (tls_pin_of_file(keys->certificate, keys->pin, &problem) != 0)
        return ctl_fail("%s: %s", keys->certificate, problem);
    return EXIT_SUCCESS;
}

/* [node] home, or the first label of the host. In the arena. */
static const char *home_name(const struct ctl *ctl, struct arena *arena, const char *host)
{
    const char *name = config_text(ctl->config, "node", NULL, "home");

    return name ? name : arena_strndup(arena, host, strcspn(host, "."));
}

/* The arguments are addresses, and one may say who the operator is. */
static void read_arguments(struct network_member *member, const char **addresses, size_t argc,
                           const char *const *argv)
{
    static const char prefix[] = "operator=";

    for (size_t i = 0; i < argc; i++) {
        if (strncmp(argv[i], prefix, strlen(prefix)) == 0)
            member->operator_name = argv[i] + strlen(prefix);
        else
            addresses[member->addresses_count++] = argv[i];
    }
    member->addresses = addresses;
}

static void write_request(struct buffer *text, const struct ctl *ctl, struct arena *arena,
                          const struct keys *keys, struct network_member *member)
{
    struct network_keyholder holder = {.name = member->host};
    struct network_home home = {
        .name = home_name(ctl, arena, member->host), .epoch = 1, .member = member};
    const struct network request = {
        .domain = config_text(ctl->config, "node", NULL, "network"),
        .format = NETWORK_FORMAT,
        .serial = 1,
        .expires = network_now() + YEAR,
        .last_number = 1,
        .required_signatures = 1,
        .registrar = &home,
        .keyholders = &holder,
        .keyholders_count = 1,
        .members = member,
        .members_count = 1,
        .homes = &home,
        .homes_count = 1,
    };

    memcpy(holder.key, member->signing_key, SIGNING_KEY_SIZE);
    (void)keys;
    network_write(text, &request);
}

/* Signed by whoever has the key that is asked for. NULL: complained. */
static struct network *sign_alone(const struct buffer *text, const struct signing_key *key)
{
    struct network *body = NULL;
    struct network_signature signature = {0};

    if (network_parse("request", text->data, text->length, stderr, &body) != 0)
        return NULL;
    signature.keyholder = body->keyholders[0].name;
    network_sign(body, key, signature.value);
    struct network *made = network_append_signature(body, &signature);
    network_unref(body);
    return made;
}

static int print_request(const struct ctl *ctl, const struct keys *keys,
                         struct network_member *member)
{
    struct arena *arena = arena_new();
    struct buffer text = {0};

    write_request(&text, ctl, arena, keys, member);
    struct network *request = sign_alone(&text, keys->signing_key);
    if (request) {
        char *fingerprint = network_fingerprint(member);
        fwrite(request->text, 1, request->text_length, stdout);
        fprintf(stderr, "fingerprint: %s\n", fingerprint);
        free(fingerprint);
    }
    int status = request ? EXIT_SUCCESS : EXIT_FAILURE;
    network_unref(request);
    buffer_fini(&text);
    arena_free(arena);
    return status;
}

int network_request(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct keys keys = {0};
    const char **addresses = xcalloc(argc, sizeof(*addresses));
    struct network_member member = {
        .host = config_text(ctl->config, "node", NULL, "host"),
        .number = 1,
        .roles = NETWORK_FRONT | NETWORK_HOME | NETWORK_S2S | NETWORK_REGISTRAR,
        .state = NETWORK_JOINING,
    };

    int status = make_keys(&keys, member.host, argv[0]);
    if (status == EXIT_SUCCESS) {
        read_arguments(&member, addresses, argc - 1, argv + 1);
        memcpy(member.pin, keys.pin, sizeof(member.pin));
        signing_key_public(keys.signing_key, member.signing_key);
        status = print_request(ctl, &keys, &member);
    }
    keys_free(&keys);
    free(addresses);
    return status;
}

/* --- init --- */

/* A new key, or one that is there: somebody may be keyholder of several networks. */
static struct signing_key *keyholder_key(const char *file)
{
    struct signing_key *key = NULL;
    const char *problem;

    if (!exists(file)) {
        key = signing_key_generate();
        if (signing_key_save(key, file) == 0)
            return key;
        ctl_fail("%s cannot be written: %s", file, strerror(errno));
        signing_key_free(key);
        return NULL;
    }
    if (signing_key_load(file, &key, &problem) != 0)
        ctl_fail("%s: %s", file, problem);
    return key;
}

/* The request is nearly it: another keyholder, and its member begins to work. */
static int begin_network(const char *path, const char *name, const struct signing_key *key,
                         struct network *request)
{
    struct buffer text = {0};

    request->keyholders[0].name = name;
    signing_key_public(key, request->keyholders[0].key);
    request->members[0].state = NETWORK_ACTIVE;
    network_write(&text, request);
    struct network *network = sign_alone(&text, key);
    int status = network ? network_put(path, network) : EXIT_FAILURE;
    if (status == EXIT_SUCCESS)
        printf("%s begins with %s; its keyholder is %s\n", network->domain,
               network->members[0].host, name);
    network_unref(network);
    buffer_fini(&text);
    return status;
}

int network_init(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    const char *path = network_path(ctl), *problem;
    struct network *request = NULL;

    (void)argc;
    if (!path)
        return EXIT_FAILURE;
    if (exists(path))
        return ctl_fail("%s is there already", path);
    if (network_must_load(argv[2], &request) != 0)
        return EXIT_FAILURE;
    int status = EXIT_FAILURE;
    struct signing_key *key = NULL;
    if (network_check_request(request, &problem) != 0)
        ctl_fail("%s: %s", argv[2], problem);
    else if ((key = keyholder_key(argv[1])) != NULL)
        status = begin_network(path, argv[0], key, request);
    signing_key_free(key);
    network_unref(request);
    return status;
}
