/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The modules of the session manager in the order of their hooks. The order is protocol, so it is
 * code: each line says why it stands where it stands.
 */
#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/admin.h"
#include "c2s/sm/archive.h"
#include "c2s/sm/archive_prefs.h"
#include "c2s/sm/caps.h"
#include "c2s/sm/carbons.h"
#include "c2s/sm/commands.h"
#include "c2s/sm/csi.h"
#include "c2s/sm/disco.h"
#include "c2s/sm/forged.h"
#include "c2s/sm/notices.h"
#include "c2s/sm/offline.h"
#include "c2s/sm/preauth.h"
#include "c2s/sm/presence.h"
#include "c2s/sm/push.h"
#include "c2s/sm/reports.h"
#include "c2s/sm/retraction.h"
#include "c2s/sm/roster.h"
#include "c2s/sm/sm.h"
#include "c2s/sm/smacks.h"
#include "c2s/sm/stanza_id.h"
#include "c2s/sm/subscription.h"

extern const struct sm_module access_module, archive_rate_module, avatar_module, binding_module,
    bookmarks_module, blocking_module, bundle_module, contact_module, displayed_module,
    external_module, far_in_module, far_out_module, gateway_module, homes_module, invite_module,
    last_module, lookup_module, outbox_module, ping_module, places_module, photo_module,
    private_module, register_module, retention_module, services_module, taker_module, time_module,
    vcard_module, vcard4_module, version_module, words_module;
extern const struct sm_module peer_hash_module;

const struct sm_module *const sm_modules[] = {
    &places_module, /* no hooks: who waits for it is told at the end, while others are there */
    &bundle_module, /* what those have said is sent */
    &far_in_module, /* what comes and goes so */
    &far_out_module,
    &services_module,     /* no hooks: queues of accounts ask it */
    &words_module,        /* no hooks: outbox and taker speak by it */
    &outbox_module,       /* no hooks: store.c and letters.c fill it */
    &gateway_module,      /* the same for what others offer to elsewhere */
    &homes_module,        /* no hooks: it counts */
    &taker_module,        /* the same the other way */
    &admin_module,        /* workers ask accounts: no list of theirs stands before that */
    &blocking_module,     /* nothing from or to a blocked address is seen by any other */
    &displayed_module,    /* what it takes out of messages nobody else is to see */
    &roster_module,       /* refuses forged pushes before anybody takes them for something else */
    &subscription_module, /* before presence: what it takes is presence by name only; its requests
                             are shown before old messages */
    &invited_module,      /* asks for a subscription itself */
    &probe_module,        /* asks the roster, changes nothing */
    &pubsub_module,       /* sees presence that is not refused, and takes answers it has asked for;
                             before presence goes out */
    &presence_module, /* after whoever may refuse a presence stanza or make something else of it */
    &smacks_module,   /* what a session leaves behind, before offline looks for somebody else */
    &offline_module,  /* old messages after presence has been told, before anything new */
    &notices_module,  /* what is new, after what is old */
    &confirm_module,  /* takes answers to questions of the server; asked by offline at the end */
    &push_module,     /* takes answers of app servers, which no other is to see */
    &last_module,     /* notes what presence has ended with */
    &binding_module,
    /* From here on only iq and what is announced, in the order in which disco shows it. */
    &disco_module,
    &commands_module,
    &invite_module,
    &caps_module, /* of what disco shows, so after whatever adds to it at start */
    &contact_module,
    &external_module,
    &reports_module, /* blocking tells it */
    &ping_module,
    &register_module,
    &time_module,
    &version_module,
    &vcard_module,
    &vcard4_module,
    &photo_module,  /* no hooks: presence asks it */
    &avatar_module, /* no hooks but of its nodes */
    &private_module,
    &bookmarks_module, /* no hooks: private storage asks it */
    &access_module,
    &archive_module,
    &archive_prefs_module,
    &archive_rate_module,
    &retraction_module, /* no hooks: asked by store_rows.c */
    &carbons_module,
    &csi_module,
    &stanza_id_module,
    &lookup_module,    /* asked by components alone */
    &retention_module, /* asked by nobody */
    &peer_hash_module, /* no hooks: asked by store_rows.c */
    &forged_module,    /* its work is done before all hooks */
    NULL,
};
