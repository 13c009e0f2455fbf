/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network of nodes: the table of verbs, and what they share.
 */
#include "kontalkctl/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

int64_t network_now(void)
{
    return clock_wall_us() / 1000000;
}

const char *network_path(const struct ctl *ctl)
{
    const char *path = config_text(ctl->config, "node", NULL, "document");

    if (!path)
        ctl_fail("the configuration names no network document ([node] document)");
    return path;
}

char *network_pending_path(const char *path)
{
    return xasprintf("%s.next", path);
}

int network_must_load(const char *path, struct network **network)
{
    return network_load(path, stderr, network);
}

/* --- changes --- */

/* Those of a newer release have parts that would be lost. */
static struct network *editable(struct network *network)
{
    if (network->format <= NETWORK_FORMAT)
        return network;
    ctl_fail("the document is of a newer release (format %u): it can be changed only there",
             network->format);
    network_unref(network);
    return NULL;
}

static struct network *load_pending(const char *path, const char *pending)
{
    struct network *in_force, *network;

    if (network_must_load(path, &in_force) != 0)
        return NULL;
    uint64_t serial = in_force->serial;
    network_unref(in_force);
    if (network_must_load(pending, &network) != 0)
        return NULL;
    if (network->serial > serial)
        return editable(network);
    ctl_fail("%s is older than the document in force: remove it", pending);
    network_unref(network);
    return NULL;
}

static struct network *load_for_next(const char *path)
{
    struct network *network;

    if (network_must_load(path, &network) != 0)
        return NULL;
    network->serial++;
    return editable(network);
}

struct network *network_edit(const struct ctl *ctl)
{
    const char *path = network_path(ctl);

    if (!path)
        return NULL;
    char *pending = network_pending_path(path);
    struct network *network =
        access(pending, F_OK) == 0 ? load_pending(path, pending) : load_for_next(path);
    free(pending);
    return network;
}

static int save(const char *path, const char *text, size_t length)
{
    return network_save(path, text, length) == 0
               ? EXIT_SUCCESS
               : ctl_fail("%s cannot be written: %s", path, strerror(errno));
}

int network_put(const char *path, const struct network *network)
{
    return save(path, network->text, network->text_length);
}

int network_pend_take(const struct ctl *ctl, struct network *network)
{
    char *pending = network_pending_path(network_path(ctl));
    struct buffer text = {0};
    struct network *checked = NULL;
    int status = EXIT_FAILURE;

    network_write(&text, network);
    if (network_parse(pending, text.data, text.length, stderr, &checked) == 0)
        status = save(pending, text.data, text.length);
    for (size_t i = 0; status == EXIT_SUCCESS && i < network->suspensions_count; i++)
        printf("the suspension of %s ends with it\n", network->suspensions[i].host);
    if (status == EXIT_SUCCESS)
        printf("serial %llu waits in %s: `kontalkctl network sign KEY`, %u of %zu keyholders\n",
               (unsigned long long)checked->serial, pending, checked->required_signatures,
               checked->keyholders_count);
    network_unref(checked);
    network_unref(network);
    buffer_fini(&text);
    free(pending);
    return status;
}

struct network *network_append_signature(const struct network *network,
                                         const struct network_signature *signature)
{
    struct buffer text = {0};
    struct network *made = NULL;

    buffer_append(&text, network->text, network->text_length);
    network_write_signature(&text, signature);
    (void)!network_parse("the signed document", text.data, text.length, stderr, &made);
    buffer_fini(&text);
    return made;
}

/* --- keys --- */

const struct network_keyholder *network_load_key(const struct network *network, const char *file,
                                                 struct signing_key **key)
{
    const char *problem;
    uint8_t public[SIGNING_KEY_SIZE];

    if (signing_key_load(file, key, &problem) != 0) {
        ctl_fail("%s: %s", file, problem);
        return NULL;
    }
    signing_key_public(*key, public);
    const struct network_keyholder *holder = network_find_key(network, public);
    if (!holder) {
        ctl_fail("%s is the key of none of the keyholders", file);
        signing_key_free(*key);
        *key = NULL;
    }
    return holder;
}

char *network_fingerprint(const struct network_member *member)
{
    uint8_t digest[CRYPTO_HASH_MAX];
    struct buffer bytes = {0}, hex = {0}, groups = {0};

    buffer_append_text(&bytes, member->host);
    buffer_append_char(&bytes, '\0');
    buffer_append(&bytes, member->pin, sizeof(member->pin));
    buffer_append(&bytes, member->signing_key, sizeof(member->signing_key));
    crypto_digest(CRYPTO_SHA256, bytes.data, bytes.length, digest);
    hex_encode(&hex, digest, 20); /* 160 bits: nobody makes a second node with the same */
    for (size_t i = 0; i < hex.length; i += 4)
        buffer_printf(&groups, "%s%.4s", i > 0 ? " " : "", hex.data + i);
    buffer_fini(&bytes);
    buffer_fini(&hex);
    return buffer_take(&groups);
}

/* --- asking daemons --- */

/* Daemons follow the file by themselves; this is for where they cannot watch it. */
static int reload(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const daemons[] = {"net", "c2s", "s2s"};
    static const char *const words[] = {"reload"};
    int worst = EXIT_SUCCESS;

    (void)argc, (void)argv;
    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
        if (ctl_ask(ctl, daemons[i], 1, words) == ERR_INVALID)
            worst = EXIT_FAILURE;
    return worst;
}

static int status(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"status"};
    static const char *const envelopes[] = {"show", "envelopes"};

    (void)argc, (void)argv;
    int error = ctl_ask(ctl, "net", 1, words);
    /* Links can be looked at without c2s. */
    if (!error && ctl_ask(ctl, "c2s", ARRAY_SIZE(envelopes), envelopes) == ERR_INVALID)
        error = ERR_INVALID;
    return ctl_asked("net", error);
}

const struct ctl_verb network_verbs[] = {
    {"network request", 2, 64, network_request,
     "DIRECTORY ADDRESS … [operator=URI]  asks to become a member, on standard output; makes keys"},
    {"network init", 3, 3, network_init,
     "NAME KEY REQUEST  begins a network with that node, and NAME as its keyholder"},
    {"network add", 1, 8, network_add,
     "REQUEST [ROLE …] [active]  a further member: front home s2s registrar"},
    {"network activate", 1, 1, network_activate, "HOST  a member serves users from now on"},
    {"network drain", 1, 1, network_drain, "HOST  a member gets nothing new"},
    {"network remove", 1, 2, network_remove, "HOST [with-homes]  it is a member no longer"},
    {"network registrar", 1, 2, network_registrar,
     "HOME [without-former]  another home gives names out; the former one is lost, with its key"},
    {"network renew", 0, 1, network_renew, "[TIME]  the document expires later: in a year"},
    {"network next", 0, 0, network_next, "  a copy of the document, to be changed by hand"},
    {"network sign", 1, 2, network_sign_pending,
     "KEY [FILE]  signs what waits; once enough have, it is in force"},
    {"network install", 1, 1, network_install, "FILE  puts a signed document in force here"},
    {"network suspend", 1, 3, network_suspend,
     "HOST [KEY [DURATION]]  cut off by the next document; with KEY at once, for a day at most"},
    {"network show", 0, 1, network_show, "[FILE]  members, homes and keyholders"},
    {"network reload", 0, 0, reload, "  the daemons read the document again"},
    {"network status", 0, 0, status,
     "  who is linked with whom, and what others have sent that did not get in"},
    {0},
};
