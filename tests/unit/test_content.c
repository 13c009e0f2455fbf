/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kind of message something is (docs/rules/messages.md): a row for each kind.
 */
#include "c2s/sm/content.h"

#include "tests/unit/fake_client.h"

#define HINT(name)   "<" name " xmlns='urn:xmpp:hints'/>"
#define STATE        "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
#define RECEIPT      "<received xmlns='urn:xmpp:receipts' id='1'/>"
#define MARKER       "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"
#define PRIVATE      "<private xmlns='urn:xmpp:carbons:2'/>"
#define MUC_USER(in) "<x xmlns='http://jabber.org/protocol/muc#user'>" in "</x>"
#define BODY         "<body>b</body>"
#define OMEMO(in)    "<encrypted xmlns='urn:xmpp:omemo:2'>" in "</encrypted>"
#define RETRACT      "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>"
#define CALL(name)   "<" name " xmlns='urn:xmpp:jingle-message:0' id='1'/>"

/* k(ept), a(rchived), f(leeting), c(onversation), p(rivate), r(oom's), w(akes), takes b(ack) */
static const struct {
    const char *type, *payload, *is;
} rows[] = {
    {"chat", BODY, "kacw"},
    {"normal", BODY, "kacw"},
    {"normal", "<subject>s</subject>", "ka"},
    {"chat", "", "fc"},
    {"normal", "", "f"},
    {"normal", "<x xmlns='x'/>", "ka"},
    {"chat", STATE, "fc"},
    {"normal", STATE, "fc"},
    {"chat", STATE "<thread>t</thread>" HINT("no-permanent-store"), "fc"},
    {"chat", STATE "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>" HINT("no-copy") PRIVATE, "fcp"},
    {"chat", STATE BODY, "kacw"},
    {"chat", STATE HINT("store"), "kafc"},
    {"chat", BODY HINT("no-store"), "cw"},
    {"chat", BODY HINT("no-permanent-store"), "kcw"},
    {"chat", BODY HINT("store") HINT("no-store"), "cw"},
    {"chat", BODY HINT("no-copy"), "kacpw"},
    {"chat", BODY PRIVATE, "kacpw"},
    {"normal", RECEIPT, "kac"},
    {"chat", RECEIPT, "kac"},
    {"normal", "<request xmlns='urn:xmpp:receipts'/>" BODY, "kacw"},
    {"normal", MARKER, "kac"},
    {"normal", MARKER HINT("no-store"), "c"},
    {"headline", BODY, ""},
    {"headline", BODY HINT("store"), "ka"},
    {"headline", RECEIPT, "c"},
    {"groupchat", BODY, "cw"},
    {"groupchat", BODY HINT("store"), "cw"},
    {"error", BODY, "c"},
    {"error", BODY HINT("store") HINT("no-copy"), "c"},
    {"error", BODY PRIVATE, "cp"},
    {"chat", BODY MUC_USER(""), "kacrw"},
    {"normal", MUC_USER("<invite from='a@b'/>"), "kac"},
    {"normal", MUC_USER("<decline from='a@b'/>"), "kar"},
    {"normal", "<x xmlns='jabber:x:conference' jid='r@c'/>", "kac"},
    {"normal", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>" HINT("store"), "ka"},
    {"chat",
     "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload/></encrypted>" HINT("store"),
     "kacw"},
    {"chat", OMEMO("<payload/>"), "kacw"},
    {"normal", OMEMO("<payload/>"), "kaw"},
    {"chat", OMEMO("") BODY, "kac"},
    {"groupchat", OMEMO("<payload/>"), "w"},
    {"normal", "<openpgp xmlns='urn:xmpp:openpgp:0'>b</openpgp>", "kaw"},
    {"chat", CALL("propose"), "kacw"},
    {"chat", CALL("retract"), "kac"},
    {"chat", CALL("accept"), "kac"},
    {"error", CALL("propose"), ""},
    {"headline", CALL("propose"), ""},
    {"chat", RETRACT, "kacb"},
    {"normal", RETRACT HINT("no-store"), "kab"},
    {"chat", RETRACT HINT("no-permanent-store") BODY, "kacwb"},
    {"groupchat", RETRACT, ""},
    {"error", RETRACT, ""},
    {"headline", RETRACT, "b"},
};

static void add(char *is, char letter, bool holds)
{
    if (holds) {
        is[strlen(is)] = letter;
    }
}

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *xml = xasprintf("<message type='%s'>%s</message>", rows[i].type, rows[i].payload);
        char is[12] = "";
        int problem;
        struct stanza *message = fake_parse(xml, &problem);

        add(is, 'k', content_is_kept(message));
        add(is, 'a', content_is_archived(message));
        add(is, 'f', content_is_fleeting(message));
        add(is, 'c', content_is_conversation(message));
        add(is, 'p', content_is_private(message));
        add(is, 'r', content_is_of_room(message));
        add(is, 'w', content_wakes(message));
        add(is, 'b', content_retracts(message));
        if (strcmp(is, rows[i].is) != 0) {
            fail_msg("%s is '%s', not '%s'", xml, is, rows[i].is);
        }
        stanza_unref(message);
        free(xml);
    }
}

static void test_said(void **state)
{
    static const struct {
        const char *payload;
        bool said;
    } said[] = {
        {BODY, true},
        {"<subject>s</subject>", true},
        {RETRACT, true},
        {STATE "<thread>t</thread>", false},
        {STATE HINT("store"), true},
        {BODY HINT("no-store"), false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        char *xml = xasprintf("<message type='groupchat'>%s</message>", said[i].payload);
        int problem;
        struct stanza *message = fake_parse(xml, &problem);

        if (content_is_said(message) != said[i].said) {
            fail_msg("%s", xml);
        }
        stanza_unref(message);
        free(xml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_said, fake_setup, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
