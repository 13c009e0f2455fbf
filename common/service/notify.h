/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The service manager's notification protocol (sd_notify(3)): a datagram to $NOTIFY_SOCKET.
 */
#pragma once

#include <stdint.h>

/* Sends "READY=1", "STATUS=…" and so on; nothing happens without a service manager. */
void notify_send(const char *state);
/* Half of the watchdog's interval in ms, or 0 if there is none for this process. */
uint64_t notify_watchdog_ms(void);
