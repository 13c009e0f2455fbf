/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of the session manager.
 */
#include "common/config/items.h"

static const char *const push_summary[] = {"message-count", "last-message-sender",
                                           "last-message-body", NULL};
static const char *const transports[] = {"udp", "tcp", NULL};

/* clang-format off */
const struct config_item config_sm_items[] = {
    {"sm", "shortcut", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether stanzas between two accounts of one worker stay inside it. The result is the same as "
     "by way of the router."},
    {"sm", "roster-size", CONFIG_NUMBER, 0, "5000", 1, 1000000, NULL,
     "How many contacts an account may have."},
    {"sm", "roster-groups", CONFIG_NUMBER, 0, "32", 1, 10000, NULL,
     "How many groups a contact may be in."},
    {"sm", "blocklist-size", CONFIG_NUMBER, 0, "5000", 1, 1000000, NULL,
     "How many addresses an account may block (XEP-0191)."},
    {"sm", "directed-presence", CONFIG_NUMBER, 0, "1000", 1, 1000000, NULL,
     "To how many addresses a client may have sent presence that its contacts do not get."},
    {"sm", "resume-time", CONFIG_DURATION, 0, "600s", 0, 24 * HOUR, NULL,
     "For how long a client whose connection was lost may go on with its session (XEP-0198). Until "
     "then its contacts see it as it was. 0: not at all."},
    {"sm", "presence-timeout", CONFIG_DURATION, 0, "600s", 0, 24 * HOUR, NULL,
     "After a node of the network has not been reachable for so long, accounts that have their home "
     "there are shown as unavailable."},
    {"sm", "resume-location", CONFIG_TEXT, 0, NULL, PLAIN_ROW,
     "Where clients shall connect for that, as name:port. Without it they look as usual."},
    {"sm", "unacknowledged-stanzas", CONFIG_NUMBER, 0, "256", 1, 100000, NULL,
     "How many stanzas that a client has not acknowledged (XEP-0198) are kept in memory. Stored "
     "messages beyond that wait in the database."},
    {"sm", "unacknowledged-size", CONFIG_SIZE, 0, "1M", 4 * KIB, GIB, NULL,
     "How large these may be together."},
    {"sm", "offline-messages", CONFIG_NUMBER, 0, "1000", 0, 1000000, NULL,
     "How many messages are kept for an account that is away (XEP-0160); further ones go back as "
     "errors."},
    {"sm", "offline-size", CONFIG_SIZE, 0, "10M", 0, 64 * GIB, NULL,
     "How large these messages may be together."},
    {"sm", "vcard-size", CONFIG_SIZE, 0, "64k", KIB, 16 * MIB, NULL,
     "The largest vCard (XEP-0054)."},
    {"sm", "private-size", CONFIG_SIZE, 0, "64k", KIB, 16 * MIB, NULL,
     "The largest element of the private storage (XEP-0049)."},
    {"sm", "pubsub-nodes", CONFIG_NUMBER, 0, "250", 1, 100000, NULL,
     "Nodes of an account, or of the pubsub service (XEP-0060)."},
    {"sm", "pubsub-items", CONFIG_NUMBER, 0, "1000", 1, 100000, NULL,
     "Items of a node; what its configuration calls 'max'."},
    {"sm", "pubsub-item-size", CONFIG_SIZE, 0, "64k", KIB, 16 * MIB, NULL,
     "The largest item."},
    {"sm", "pubsub-size", CONFIG_SIZE, 0, "16M", KIB, 64 * GIB, NULL,
     "How large all items of an account may be together."},
    {"sm", "pubsub-affiliations", CONFIG_NUMBER, 0, "1000", 1, 100000, NULL,
     "Addresses that a node has an affiliation for."},
    {"sm", "pubsub-subscriptions", CONFIG_NUMBER, 0, "10000", 1, 1000000, NULL,
     "Subscriptions of a node."},
    {"sm", "pubsub-contacts", CONFIG_NUMBER, 0, "10000", 1, 1000000, NULL,
     "Resources of contacts that an account tells of its items without a subscription."},
    {"sm", "pubsub-clients", CONFIG_NUMBER, 0, "10000", 1, 1000000, NULL,
     "Kinds of clients whose features are remembered (XEP-0115)."},
    {"sm", "outbox-domain", CONFIG_NUMBER, 0, "10000", 1, 10000000, NULL,
     "Messages that may wait for one other domain; one more is refused."},
    {"sm", "outbox-sender", CONFIG_NUMBER, 0, "1000", 1, 10000000, NULL,
     "Messages of one account that may wait for other domains; one more is refused."},
    {"sm", "outbox-expiry", CONFIG_DURATION, 0, "7d", SECOND, 365 * 24 * HOUR, NULL,
     "How long a message waits for another domain, before its sender gets an error."},
    {"sm", "private-elements", CONFIG_NUMBER, 0, "100", 1, 10000, NULL,
     "How many elements an account may have there."},
    {"sm", "archive-queries", CONFIG_NUMBER, 0, "5", 1, 1000000, NULL,
     "How many queries to its archive (XEP-0313) an account may make in a second; some more wait "
     "their turn, further ones are refused."},
    {"sm", "retention-interval", CONFIG_DURATION, 0, "1h", 100, 7 * 24 * HOUR, NULL,
     "How long after each search for what is too old ([domain] archive-retention) the next begins."},
    {"sm", "command-time", CONFIG_DURATION, 0, "10m", 10, 24 * HOUR, NULL,
     "How long a form of an ad-hoc command (XEP-0050) may be filled in."},
    {"sm", "invite-users", CONFIG_BOOL, 0, "no", PLAIN_ROW,
     "Whether each user may invite people, who become contacts of his (XEP-0401) and, unless they have "
     "an account elsewhere, get one here ([domain] invitations). Administrators always may."},
    {"sm", "invite-limit", CONFIG_NUMBER, 0, "10", 1, 100000, NULL,
     "How many invitations a user may make in invite-time; administrators as many as they like."},
    {"sm", "invite-time", CONFIG_DURATION, 0, "1d", SECOND, 365 * 24 * HOUR, NULL,
     "The time in which invite-limit is counted."},
    {"sm", "invite-lifetime", CONFIG_DURATION, 0, "7d", SECOND, 365 * 24 * HOUR, NULL,
     "How long an invitation is good that somebody makes with a client."},
    {"sm", "push-services", CONFIG_NUMBER, 0, "16", 1, 1000, NULL,
     "How many services for push notifications (XEP-0357) an account may have enabled."},
    {"sm", "push-summary", CONFIG_CHOICE, CONFIG_LIST, "message-count", 0, 0, push_summary,
     "What a push notification tells of the message it is about. It passes through the hands of "
     "others."},
    {"sm", "push-retry", CONFIG_DURATION, 0, "30s", 10, HOUR, NULL,
     "After how long a push service that could not be reached is tried again; each failure doubles "
     "it, up to an hour."},
    {"sm", "report-address", CONFIG_JID, CONFIG_LIST, NULL, PLAIN_ROW,
     "Who gets reports of abuse (XEP-0377) as messages, beside the administrators. Where the address "
     "is of another domain: only reports that may be handed on to others."},
    {0},
};

const struct config_item config_external_service_items[] = {
    {"external-service", "type", CONFIG_TEXT, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "What it is: stun, stuns, turn, turns or another name of the registry of XEP-0215."},
    {"external-service", "host", CONFIG_TEXT, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "Its name or address."},
    {"external-service", "port", CONFIG_NUMBER, 0, NULL, 1, 65535, NULL,
     "The port it listens at."},
    {"external-service", "transport", CONFIG_CHOICE, 0, NULL, 0, 0, transports,
     "How it is reached."},
    {"external-service", "label", CONFIG_TEXT, 0, NULL, PLAIN_ROW, "A name for users to read."},
    {"external-service", "secret-file", CONFIG_FILE_SECRET, 0, NULL, PLAIN_ROW,
     "A secret that this service shares with a TURN server (use-auth-secret of coturn): each account "
     "gets credentials of its own, which end after lifetime."},
    {"external-service", "lifetime", CONFIG_DURATION, 0, "12h", 60 * SECOND, 7 * 24 * HOUR, NULL,
     "How long such credentials are good."},
    {"external-service", "username", CONFIG_TEXT, 0, NULL, PLAIN_ROW,
     "Without a secret: the name that all users get, with the password in password-file."},
    {"external-service", "password-file", CONFIG_FILE_SECRET, 0, NULL, PLAIN_ROW,
     "The file with the password of username, which all users get."},
    {0},
};
/* clang-format on */
