/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A load of XMPP clients for benchmarks, told on standard input what to do; tests/bench/load.py
 * talks to it. It answers each line with "ok SECONDS", or ends with status 1.
 *
 *     login COUNT AT_ONCE           log clients in until there are COUNT
 *     talk MESSAGES PAIRS AT_ONCE   chat messages between pairs of them
 *     enter SERVICE COUNT SIZE      so many clients into rooms of that size
 *     say MESSAGES AT_ONCE          messages in the first room, by all of it in turn
 *     enable COUNT                  that many clients have XEP-0198
 *     acks MESSAGES RATE PAIRS      so many messages a second of these pairs, each followed by
 * <r/>; the answer has the same as for delays: how long the acknowledgements took delays MESSAGES
 * PAUSE_MS      messages from the first to the second, one at a time; the answer has median, 99th
 * percentile and maximum too, in microseconds
 *
 * At the end of its input the clients leave. It connects to nothing but the address it is given,
 * from addresses in 127.1.0.0/16 and beyond, one for each client.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "tests/bench/crowd.h"

static int tell(int error, const struct crowd_delays *delays, struct buffer *more)
{
    if (!error)
        buffer_printf(more, " %" PRIu64 " %" PRIu64 " %" PRIu64, delays->median,
                      delays->percentile_99, delays->longest);
    return error;
}

/* What belongs into the answer goes into `more`, which is empty. */
static int obey(struct crowd *crowd, const char *line, struct buffer *more)
{
    size_t a, b, c;
    char name[256];
    struct crowd_delays delays;

    if (sscanf(line, "enter %255s %zu %zu", name, &a, &b) == 3)
        return crowd_enter(crowd, name, a, b);
    if (sscanf(line, "say %zu %zu", &a, &b) == 2)
        return crowd_say(crowd, a, b);
    if (sscanf(line, "login %zu %zu", &a, &b) == 2)
        return crowd_login(crowd, a, b);
    if (sscanf(line, "talk %zu %zu %zu", &a, &b, &c) == 3)
        return crowd_talk(crowd, a, b, c);
    if (sscanf(line, "enable %zu", &a) == 1)
        return crowd_enable(crowd, a);
    if (sscanf(line, "acks %zu %zu %zu", &a, &b, &c) == 3)
        return tell(crowd_acks(crowd, a, b, c, &delays), &delays, more);
    if (sscanf(line, "delays %zu %zu", &a, &b) == 2)
        return tell(crowd_delays(crowd, a, b, &delays), &delays, more);
    fprintf(stderr, "load: not understood: %s", line);
    return ERR_INVALID;
}

static int serve(struct crowd *crowd)
{
    char *line = NULL;
    size_t size = 0;
    int error = 0;

    while (!error && getline(&line, &size, stdin) > 0) {
        struct buffer more = {0};
        uint64_t begin = clock_monotonic_ms();
        error = obey(crowd, line, &more);
        if (!error) {
            printf("ok %.3f%s\n", (double)(clock_monotonic_ms() - begin) / 1000,
                   more.data ? more.data : "");
            fflush(stdout);
        }
        buffer_fini(&more);
    }
    free(line);
    return error;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct crowd *crowd;

    if (argc != 4) {
        fprintf(stderr, "usage: load ADDRESS:PORT CA-FILE ACCOUNTS-FILE\n");
        return 2;
    }
    const struct crowd_settings settings = {
        .server = argv[1], .ca_file = argv[2], .accounts_file = argv[3]};
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    raise_descriptor_limit();
    if (crowd_new(&settings, &crowd) != 0 || serve(crowd) != 0 || crowd_logout(crowd) != 0)
        return EXIT_FAILURE;
    crowd_free(crowd);
    return EXIT_SUCCESS;
}
