/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Configuration files: what loads is dumped to a file that loads to the same.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/config/config.h"
#include "tests/fuzz/fuzz.h"

static struct config *load(const char *bytes, size_t length)
{
    struct config *config = NULL;
    int fd = memfd_create("config", MFD_CLOEXEC);
    char *path = xasprintf("/proc/self/fd/%d", fd);
    FILE *errors = fopen("/dev/null", "we");

    MUST(fd >= 0 && errors != NULL);
    MUST(write(fd, bytes, length) == (ssize_t)length);
    if (config_load(path, errors, &config) != 0)
        config = NULL;
    fclose(errors);
    close(fd);
    free(path);
    return config;
}

static char *dump(const struct config *config, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    config_dump(config, 0, out);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct config *config = load((const char *)bytes, length);
    size_t first_length, second_length;

    if (config == NULL)
        return 0;
    char *first = dump(config, &first_length);
    struct config *again = load(first, first_length);
    MUST(again != NULL);
    char *second = dump(again, &second_length);
    MUST(first_length == second_length && memcmp(first, second, first_length) == 0);
    free(first);
    free(second);
    config_free(config);
    config_free(again);
    return 0;
}
