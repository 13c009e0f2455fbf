/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of c2s/front: lines (a trunk with its I/O) and channels (one client on a line).
 */
#pragma once

#include "c2s/front/front.h"
#include "c2s/front/trunk.h"
#include "common/base/table.h"

/* Elements for a client that are on their way and of which the front has not said that the client
 * takes them: the owner stops above the first and cuts the client off at the second. */
#define CHANNEL_WINDOW 128
#define CHANNEL_LIMIT  8192
/* The front tells after so many. */
#define CHANNEL_CREDIT 32
/* Channels of a trunk that may be without a session: of clients that log in. */
#define CHANNEL_STRANGERS 1024
/* Of what a front tells of a client: its address, the id and the language of its stream. */
#define CHANNEL_TEXT_MAX 255
/* What may come for a client that is held. */
#define CHANNEL_HELD_MAX 256
/* A client without a session waits so long for each answer of the owner. */
#define CHANNEL_ANSWER_MS 10000

/* What nobody of ours would say (docs/FRONTS.md). */
enum front_refusal {
    FRONT_REFUSED_KIND,  /* no frame, question or answer */
    FRONT_REFUSED_OPEN,  /* a client that is logged in, from another node */
    FRONT_REFUSED_ROLE,  /* the member may not be a front */
    FRONT_REFUSED_MANY,  /* too many trunks, or clients that log in */
    FRONT_REFUSED_FROM,  /* a stanza of somebody else */
    FRONT_REFUSED_EARLY, /* what only a client with a session, or without one, can say */
    FRONT_REFUSED_HOME,  /* a home gives a session of somebody else */
    FRONT_REFUSALS
};

struct line {
    struct front *front;
    struct trunk *trunk;
    bool opened;       /* by us: we are the front; else the owner */
    char *incarnation; /* of the worker at the other end, as the router tells; NULL: unknown */
    uint64_t next_id;
    struct channel *channels; /* by id */
    size_t strangers;         /* of them: without a session yet; as owner */
    const char *dead;         /* why; it is about to be freed */
    struct line *prev, *next; /* front->lines */
};

/* What came for a client that is held. */
struct held {
    struct arena *arena;
    struct element *element;
    struct held *prev, *next;
};

struct channel {
    uint64_t id; /* given by the front, never again on this line */
    struct line *line;
    struct client *client;
    UT_hash_handle hh;

    uint64_t passed;   /* elements for the client: owner: sent, front: handed to it */
    uint64_t credited; /* of them the front has told that there is room for more */
    bool over;         /* the owner has ended it: nothing more is said */
    unsigned paused;   /* the owner has stopped reading so many times; of the front */

    /* Of the owner. */
    uint64_t drained; /* so many had the client's system taken when it last said something */
    bool asked;       /* the front waits for <go/> before it sends more */
    bool full;        /* the plugin's writable() is owed */
    bool stranger;    /* counted by the line */
    char *address, *stream_id, *lang;
    struct held *held;
    unsigned held_count;
    struct loop_task *turn;
    struct home_login *login; /* NULL: it is over */
};

struct front {
    struct worker *worker;
    struct visit *visits; /* logins that look for the worker of their account (visit.c) */
    uint64_t next_visit;
    struct jid *self; /* alpha.example.net/c2s-1 */
    struct line *lines;
    struct timer *timer;
    struct loop_task *settle;
    struct loop_task *bury;
    /* What the router says of the workers of this node. */
    size_t members_count;
    char **members, **incarnations;
    unsigned char owner[SLOTS];
    uint64_t refused[FRONT_REFUSALS];
};

/* front.c */
/* The line to this worker that we have opened, or open now. */
struct line *line_to(struct front *front, const struct jid *worker);
/* The same for a worker of this node, by its id. NULL: it can have no address. */
struct line *line_in_node(struct front *front, const char *worker_id);
/* The timer runs as long as there is anything to look after. */
void front_keep_looking(struct front *front);
/* outdated.c: another worker of this node has changed an account. */
void front_take_changed(struct line *line, const struct element *changed);
/* refusals.c */
/* Counts it and says so. */
void front_refuse(struct front *front, const struct jid *peer, enum front_refusal what);
void line_refuse(struct line *line, enum front_refusal what);
void front_show_refusals(const struct front *front, struct control_request *request);
/* Whether this worker may have the connections of our accounts' clients. */
bool front_may_be_front(const struct front *front, const struct jid *worker);
/* Whether there may be a trunk to it at all. */
bool front_may_talk(const struct front *front, const struct jid *worker);
/* channel.c */
struct channel *channel_new(struct line *line, uint64_t id, struct client *client);
struct channel *channel_find(struct line *line, uint64_t id);
/* It has a session. */
void channel_no_stranger(struct channel *channel);
/* Out of the table and freed; the client's pointer to it is cleared. */
void channel_free(struct channel *channel);
/* An element for the other half, to be filled and sent by channel_send(). */
struct element *channel_begin(struct channel *channel, const char *name);
void channel_send(struct channel *channel);
void channel_say(struct channel *channel, const char *name);
/* The front has asked the owner for something; that has answered. */
void channel_expect(struct channel *channel);
void channel_answered(struct channel *channel);

/* owner.c */
void held_free(struct held *held);
/* The plugin hears that the client has gone; then the channel is gone. */
void owner_end(struct client *client, enum client_end how);
/* owner_begin.c: asked for, and answered. */
void owner_begin(struct channel *channel, struct element *element);
void owner_begun(struct client *client, const struct jid *full, bool resumed,
                 const struct element *results);
void owner_begin_refused(struct client *client, enum sasl_condition condition);
/* relay.c and owner.c: what the other half says. */
void relay_receive(struct line *line, uint64_t id, struct element *element);
void owner_receive(struct line *line, uint64_t id, struct element *element);
/* The owner has said what nobody of ours would: the client's stream ends. */
void relay_refuse(struct client *client, enum front_refusal what);
/* The line is dead, or says that there is no such channel. */
void relay_cut(struct channel *channel);
void owner_cut(struct channel *channel);
/* The line has room. */
void owner_room(struct channel *channel);
