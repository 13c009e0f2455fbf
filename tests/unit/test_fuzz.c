/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The corpora of the fuzzers (tests/fuzz), replayed without an engine: every input that ever broke
 * something is there. A fuzzer aborts when something that must hold does not.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buffer.h"
#include "common/base/memory.h"
#include "tests/unit/unit.h"

/* The Makefile gives each fuzzer's entry the name of its file. */
typedef int fuzzer(const uint8_t *bytes, size_t length);
extern fuzzer fuzz_batch, fuzz_config, fuzz_http, fuzz_jid, fuzz_muc, fuzz_network, fuzz_sasl,
    fuzz_stream, fuzz_xml;

struct corpus {
    fuzzer *run;
    const char *directory;
};

static void replay_file(const struct corpus *corpus, const char *name)
{
    char *path = xasprintf("%s/%s", corpus->directory, name);
    struct buffer content = {0};
    FILE *file = fopen(path, "re");
    size_t got;

    assert_non_null(file);
    while ((got = fread(buffer_reserve(&content, 4096), 1, 4096, file)) > 0)
        buffer_added(&content, got);
    fclose(file);
    free(path);
    corpus->run((const uint8_t *)content.data, content.length);
    buffer_fini(&content);
}

static void test_corpus(void **state)
{
    const struct corpus *corpus = *state;
    DIR *directory = opendir(corpus->directory);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        replay_file(corpus, entry->d_name);
        count++;
    }
    closedir(directory);
    assert_true(count > 0);
}

#define CORPUS(name)                                                                               \
    {                                                                                              \
        "corpus_" #name, test_corpus, NULL, NULL, &(struct corpus)                                 \
        {                                                                                          \
            fuzz_##name, "tests/fuzz/corpus/" #name                                                \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORPUS(batch),   CORPUS(config), CORPUS(http),   CORPUS(jid), CORPUS(muc),
        CORPUS(network), CORPUS(sasl),   CORPUS(stream), CORPUS(xml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
