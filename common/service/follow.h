/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Following stanzas hop by hop: what `kontalkctl trace` asks each daemon. A watch is a request on
 * the control socket that names an address. Where a daemon decides something about a stanza it says
 * FOLLOW(root, "…"), and each watch whose address the stanza is from or for gets a line, a JSON
 * object: when, the daemon, the stanza, the decision.
 *
 * Of a stanza a line has its name, type, id, addresses and size, the names of its children and of
 * the condition of an error; never text inside of it: nothing else is looked at, so what people say
 * cannot get into a line. What a watch may write is bounded: FOLLOW_RATE lines a second, and no
 * more than its reader takes; it says how many it left out. It ends with its time or its
 * connection. While there is none a hop costs one comparison.
 */
#pragma once

#include "common/base/macros.h"
#include "common/io/loop.h"
#include "common/service/control.h"
#include "common/xmpp/element.h"

#define FOLLOW_WATCHES_MAX 8
#define FOLLOW_SECONDS_MAX 3600
#define FOLLOW_RATE        100 /* lines a second for a watch */
#define FOLLOW_BURST       200
/* Of one value in a line: longer ones are cut. */
#define FOLLOW_VALUE_MAX 256

struct follow_watch;
extern struct follow_watch *follow_watches; /* NULL: nobody follows anything */

/* Whether anybody does. FOLLOW_NOTHING: a build for tests/bench/bench_trace, as if there were no
 * hops. */
#ifdef FOLLOW_NOTHING
#define FOLLOWED false
#else
#define FOLLOWED __builtin_expect(follow_watches != NULL, 0)
#endif

/* root: of a stanza, or an envelope around one (docs/NETWORK.md), which is what is followed then.
 * What is behind it is evaluated only if somebody watches; it must have nothing that was said. */
#define FOLLOW(root, ...)                                                                          \
    do {                                                                                           \
        if (FOLLOWED)                                                                              \
            follow_hop(root, __VA_ARGS__);                                                         \
    } while (0)
/* Set by follow_open(). */
extern void (*follow_hop)(const struct element *root, const char *format, ...) PRINTF_LIKE(2, 3);

/* The command of the control socket: "trace ADDRESS SECONDS [ID]". name: of the process, lives on.
 */
void follow_open(struct loop *loop, struct control *control, const char *name);
/* All watches end; before control_close(). */
void follow_close(void);
