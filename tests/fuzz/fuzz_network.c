/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Network documents: what parses is written as a document that parses and is written as the same;
 * joined with itself it has the same body.
 */
#include <string.h>

#include "common/network/network.h"
#include "tests/fuzz/fuzz.h"

static struct network *parse(const char *text, size_t length)
{
    struct network *network = NULL;

    return network_parse("fuzz", text, length, NULL, &network) == 0 ? network : NULL;
}

static void check_written(const struct network *network)
{
    struct buffer first = {0}, second = {0};

    network_write(&first, network);
    struct network *again = parse(first.data, first.length);
    /* What a newer release knows is not written. */
    MUST(again != NULL);
    network_write(&second, again);
    MUST(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    network_unref(again);
    buffer_fini(&first);
    buffer_fini(&second);
}

static void check_merged(const struct network *network)
{
    struct buffer text = {0};
    uint8_t before[NETWORK_DIGEST_SIZE], after[NETWORK_DIGEST_SIZE];

    network_merge(&text, network, network);
    struct network *merged = parse(text.data, text.length);
    if (merged != NULL) { /* two signatures may be in the name of one keyholder */
        MUST(merged->body_length == network->body_length);
        network_digest(network, before);
        network_digest(merged, after);
        MUST(memcmp(before, after, sizeof(before)) == 0);
    }
    network_unref(merged);
    buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct network *network = parse((const char *)bytes, length);
    const char *problem;

    if (network == NULL)
        return 0;
    (void)!network_verify(network, &problem);
    check_written(network);
    check_merged(network);
    network_unref(network);
    return 0;
}
