/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The clock of this machine: kept by somebody (NTP), and equal to that of the database.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/timex.h>

#include "common/base/clock.h"
#include "kontalkctl/check/database.h"

#define MOST_US 1000000

/* adjtimex(2) */
static void check_kept(struct check *check)
{
    struct timex state = {0};
    int result = adjtimex(&state);

    if (result < 0)
        check_add(check, CHECK_NOTE, "NTP", NULL, "the kernel does not tell how the clock is kept");
    else if (result == TIME_ERROR || (state.status & STA_UNSYNC))
        check_add(check, CHECK_WARNING, "NTP",
                  "timedatectl set-ntp true (apt install systemd-timesyncd, or chrony)",
                  "nobody keeps the clock of this machine: certificates, tokens and times of "
                  "messages depend on it");
    else
        check_add(check, CHECK_OK, "NTP", NULL, "the clock is kept, within %ld ms",
                  state.maxerror / 1000);
}

static void judge_difference(struct check *check, int64_t difference_us, int64_t doubt_us)
{
    if (llabs(difference_us) > MOST_US + doubt_us)
        check_add(check, CHECK_WARNING, "database",
                  "timedatectl set-ntp true, on this machine and on that of the database",
                  "its clock differs from that of this machine by %" PRId64 " ms",
                  difference_us / 1000);
    else
        check_add(check, CHECK_OK, "database", NULL, "its clock is that of this machine");
}

void check_clock(struct check *check)
{
    const char *problem = NULL;

    check_kept(check);
    struct db_session *session = database_open(check, &problem);
    if (!session) {
        check_add(check, CHECK_NOTE, "database", NULL, "its clock is not known: %s", problem);
        return;
    }
    int64_t begun_us = clock_wall_us();
    struct db_result *result =
        database_ask(check, session,
                     "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &problem);
    int64_t doubt_us = clock_wall_us() - begun_us;
    if (result)
        judge_difference(check, db_get_int(result, 0, 0) - begun_us - doubt_us / 2, doubt_us);
    db_result_free(result);
    db_session_close(session);
}
