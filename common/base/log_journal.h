/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lines for the journal of systemd, in its native protocol: beside the line, MESSAGE=, each field
 * is one of the entry, `jid=…` as XMPP_JID=…, so that `journalctl XMPP_JID=…` finds it. For log.c
 * only; without libsystemd, which would bring compression libraries into network daemons.
 *
 * Source: systemd.journal-fields(7); https://systemd.io/JOURNAL_NATIVE_PROTOCOL
 */
#pragma once

#include <stdbool.h>

#include "common/base/log.h"

/* Whether standard error goes there (sd-daemon(3), $JOURNAL_STREAM). */
bool log_journal_is_stderr(void);
/* `priority`: a digit of syslog(3). False: it was not taken; nothing waits for the journal. */
bool log_journal_send(char priority, const char *line, const char *event,
                      const struct log_field *fields);
/* Another socket than the system's, for tests. */
void log_journal_set_socket(const char *path);
