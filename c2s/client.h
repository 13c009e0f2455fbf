/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One client: its connection, its XML stream and what has been reached on it. Internal to c2s;
 * plugins see plugin.h.
 *
 *    connected ─► (TLS) ─► SASL ─► bind ─► session ─► ended ─► connection closed ─► freed
 *
 * client.c        life: stream and transport, closing
 * client_tcp.c    the transport TCP; WebSocket and BOSH are in c2s/web
 * client_time.c   its one timer: login, silence, closing, rates
 * client_tls.c    STARTTLS and what a certificate proves
 * client_sasl.c   the SASL feature; login.c the exchange that waits for database and threads
 * sasl2.c         the same as XEP-0388 has it, with what a client asks for together with it
 * client_register.c  accounts for those who are invited
 * client_bind.c   resource binding
 * client_stanza.c stanzas in and out: who may say what, rates
 * client_plugin.c top-level elements that are the plugin's, another stream's session
 * client_out.c    what the plugin says to a client
 *
 * The account of a client can be served by another worker. Then this one is its front, and that one
 * has a client without connection, to which its plugin speaks as to any other (c2s/front).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/domain.h"
#include "c2s/plugin.h"
#include "c2s/rate.h"
#include "c2s/transport.h"
#include "c2s/worker.h"
#include "common/io/conn.h"
#include "common/io/timer.h"
#include "common/sasl/sasl.h"
#include "common/stream/stream.h"

struct login;
struct sasl2;
struct registration;
struct channel;

/* What the plugin does to a client whose connection is at another worker (c2s/front): the functions
 * of plugin.h with the same names. */
struct client_ops {
    void (*bound)(struct client *client, const struct jid *full);
    void (*bind_refused)(struct client *client, enum stanza_condition condition, const char *type,
                         const char *app_name);
    void (*resumed)(struct client *client, const struct jid *full);
    void (*begun)(struct client *client, const struct jid *full, bool resumed,
                  const struct element *results);
    void (*begin_refused)(struct client *client, enum sasl_condition condition);
    void (*released)(struct client *client);
    void (*send)(struct client *client, const struct element *element);
    bool (*is_full)(const struct client *client);
    bool (*has_drained)(const struct client *client);
    void (*close)(struct client *client, int condition, const char *text,
                  const struct element *app);
    void (*read)(struct client *client, bool go_on);
    const char *(*address)(const struct client *client);
    const char *(*stream_id)(const struct client *client);
    const char *(*lang)(const struct client *client);
};

/* Deadlines that share the client's timer; 0: none. */
enum client_deadline {
    DEADLINE_LOGIN,  /* a session must be there */
    DEADLINE_STREAM, /* what the stream machine waits for */
    DEADLINE_IDLE,   /* silence: ask whether it is still there; then give up */
    DEADLINE_SEND,   /* it must have read something of what is queued */
    DEADLINE_RATE,   /* it may go on sending */
    DEADLINE_ANSWER, /* the refusal of a login is told */
    DEADLINE_TLS,    /* its handshake may begin */
    DEADLINE_OWNER,  /* the worker that serves its account must have answered */
    DEADLINE_PART,   /* what it was told last may have reached it */
    CLIENT_DEADLINES
};

struct client {
    struct client *prev, *next; /* worker->clients, or those of a trunk */
    struct worker *worker;
    const struct client_ops *ops; /* of a client without connection here; NULL: it has one */
    /* To the worker that has the other half: of a client with a connection, to the one that serves
     * it in place of our plugin. NULL: none. */
    struct channel *channel;
    struct domains *domains;
    const struct domain
        *domain; /* set by the first stream header, never changed (CVE-2018-10847) */
    struct transport transport;
    struct stream *stream;
    struct timer *timer;
    uint64_t deadlines[CLIENT_DEADLINES];
    uint64_t since_us;
    uint64_t heard_ms; /* when it last sent anything */
    uint64_t written;  /* bytes, and how many of them it had taken when DEADLINE_SEND was set */
    uint64_t taken;
    struct rate bytes;
    struct rate stanzas;
    struct jid *jid;               /* bare once authenticated, full once bound */
    enum sasl_mechanism mechanism; /* by which it came; valid with jid */
    void *session;                 /* the plugin's */
    bool bound;                    /* a resource: since then also if the session has left it */
    struct login *login;
    struct sasl2 *sasl2;               /* from its <authenticate/> to the answer */
    struct registration *registration; /* since it has shown an invitation; NULL: it has not */
    char *from;                        /* of the stream header: a bare JID, or NULL */
    char *device;                      /* the id of its user agent, or NULL */
    int64_t token;                     /* by which it came; -1: none */
    char *bind_id;                     /* of the bind request being answered */
    uint8_t tries;                     /* of <auth/> */
    bool stranger;                     /* counted by admission */
    bool direct_tls;
    bool pinged;   /* asked whether it is still there */
    bool slowed;   /* reading is stopped by the rate limit */
    bool waiting;  /* reading is stopped until router and database take more */
    uint8_t parts; /* how often it was looked at since DEADLINE_PART began */
    unsigned held; /* by the plugin */
    enum client_end end;
    bool ended; /* the stream is over; the connection is closing */
};

/* As it is by TCP; and where each element comes in a frame of its own, behind TLS already. */
extern const struct stream_profile client_profile, client_profile_framed;
extern const struct stream_feature client_starttls, client_sasl, client_sasl2, client_register,
    client_bind, client_plugin;

/* Takes the descriptor. */
void client_accept(struct worker *worker, int fd, const char *peer, bool direct_tls);
/* Whether one more from there is let in; then it counts as a stranger until it has a session. */
MUST_CHECK bool client_is_welcome(struct worker *worker, const char *peer);
/* Says so once a minute for an address. reason: the key of the limit, or "stopping". */
void client_not_welcome(struct worker *worker, const char *peer, const char *reason);
/* A client that is let in. Its transport is to be set, and client_begin() to follow. */
struct client *client_new(struct worker *worker, const struct stream_profile *profile,
                          const char *peer);
void client_begin(struct client *client);
/* The connection of a client by TCP; NULL: it comes another way. */
struct conn *client_conn(struct client *client);
/* The worker stops, or may not go on: system-shutdown. `text` tells people why; NULL: nothing. */
void client_shutdown(struct client *client, const char *text);

/* What the transport has to say. */
void client_transport_secured(struct client *client);
void client_transport_data(struct client *client, const char *bytes, size_t length);
/* What is queued has become little after it was much (CONN_LOW_WATER, CONN_HIGH_WATER). */
void client_transport_drained(struct client *client);
/* The last call: the client is freed. */
void client_transport_closed(struct client *client, int reason);

/* client_time.c */
void client_deadline(struct client *client, enum client_deadline which, uint64_t after_ms);
void client_timer_fired(void *user);
void client_heard(struct client *client, size_t bytes);
void client_watch_queue(struct client *client);
/* It does not read what waits for it: its connection is cut. */
void client_stuck(struct client *client, const char *limit);
/* The worker goes, and this client's stream has ended: its connection is cut as soon as its system
 * has what it was told, and is not waited for any longer. */
void client_part(struct client *client);
/* The session exists: strangers' limits end. */
void client_time_bound(struct client *client);

/* client_tls.c: TLS begins, when its turn has come. */
void client_begin_tls(struct client *client);
void client_tls_turn(struct client *client);
/* What the certificate of the other end proves, as JIDs; false: nothing. */
bool client_certificate_proves(void *client, const char *bare_jid);
/* The one account of the client's domain that it proves, as a new string; NULL: none or several. */
char *client_certificate_user(struct client *client);
bool client_has_certificate(struct client *client);

/* client_sasl.c */
/* What may be used on this connection now (bits), tokens aside; advertised and accepted alike
 * (CVE-2017-10807). */
unsigned client_mechanisms(struct client *client);
/* The bits of those that are bound to the connection. */
unsigned client_bound_mechanisms(unsigned mechanisms);
/* As elements <mechanism/>. */
void client_add_mechanisms(struct element *list, const char *ns, unsigned mechanisms);
/* As many tries as a stream has are over: it is ended. */
bool client_has_tried_enough(struct client *client);
/* Whose the stream is from now on. ERR_LIMIT: the name is too long. */
MUST_CHECK int client_set_account(struct client *client, const char *local,
                                  enum sasl_mechanism mechanism);
void client_log_authenticated(struct client *client);

/* What has been proven. */
struct login_result {
    const char *local;
    enum sasl_mechanism mechanism;
    int64_t token;             /* -1: none */
    const struct buffer *data; /* additional data of success, maybe empty */
    bool begins;               /* where it is served, XEP-0388 is known */
};

/* How the messages of a login are written: RFC 6120 §6, XEP-0388. */
struct login_profile {
    void (*challenge)(struct client *client, const struct buffer *message);
    void (*succeeded)(struct client *client, const struct login_result *result);
    void (*failed)(struct client *client, enum sasl_condition condition);
};
extern const struct login_profile login_sasl, login_sasl2;

/* sasl2.c */
void sasl2_free(struct sasl2 *sasl2);
/* A user agent's id, as it is kept: a new string, in lower case; NULL: it is none. */
char *sasl2_device(const char *id);

/* login.c: the exchange. device: may be NULL. */
struct login *login_new(struct client *client, const struct login_profile *profile,
                        unsigned offered, const char *device);
void login_begin(struct login *login, int mechanism, const char *initial, size_t length,
                 bool has_initial);
void login_continue(struct login *login, const char *response, size_t length);
/* The password of this account has changed: whoever is proving the old one has to begin anew. */
void login_outdate(struct client *client, const struct jid *account);
/* Ends it at once; also when the client is gone while something is under way. */
void login_abandon(struct client *client);
/* One is under way, which is verified here. */
bool login_is_ours(const struct client *client);
/* What the home of an account elsewhere says (c2s/front/visit.h). */
void login_visit_challenge(struct client *client, const struct buffer *message);
void login_visit_succeeded(struct client *client, const struct buffer *message, bool begins);
void login_visit_failed(struct client *client, enum sasl_condition condition, bool counts);
/* Tells a refusal that was held back. */
void login_answer(struct client *client);

/* client_register.c: the client is gone. NULL is allowed. */
void registration_abandon(struct registration *registration);
/* Tells a refusal that was held back. */
void registration_answer(struct client *client);

/* How a stream ends for its session when we end it with this condition; -1: in order. */
enum client_end client_end_of(int condition);
/* client_plugin.c: an element that is no stanza; false: nobody knows it. */
bool client_element(struct client *client, struct element *element);

/* client_stanza.c, client_bind.c */
/* Router and database take more again. */
void client_drained(struct client *client);
void client_stanza(void *user, struct stanza *stanza, int problem, const char *bytes,
                   size_t length);
/* What a stanza of a client has to be before anybody believes it; false: it speaks for others. */
bool client_stamp(const struct client *client, struct stanza *stanza);
/* A stanza before the session: only a bind request is one. To be consumed. */
void client_bind_stanza(struct client *client, struct stanza *stanza, int problem);
/* The resource it asks for; false: malformed. NULL: the server shall choose. */
bool client_wanted_resource(struct arena *arena, const struct element *bind, const char **resource);
/* It has a session now. */
void client_join_session(struct client *client, const struct jid *full, void *session);
/* The same for one that has its connection here. */
void client_enter_session(struct client *client, const struct jid *full, void *session);
