/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What people say to rooms (fuzz_muc.c). %q is the id of an iq, %* is anything; the others are
 * blanks for the words of their row.
 */
#pragma once

#include <stddef.h>

#include "common/base/macros.h"

#define CONFERENCE "rooms.h.test"
#define MUC        "http://jabber.org/protocol/muc"
#define FORM(type) "<x xmlns='jabber:x:data' type='" type "'>"
#define FUZZ_FAILS 255

#define FUZZ_CONFIG                                                                                \
    "[node]\nhost = h.test\nnetwork = h.test\n"                                                    \
    "[muc]\ndomain = " CONFERENCE "\nconninfo = host=/nowhere\nrate = 1000000\n"

struct fuzz_words {
    char blank;
    const char *const *words;
    size_t count;
};

#define WORDS(letter, name, ...) static const char *const name[] = {__VA_ARGS__};
#include "tests/fuzz/fuzz_muc_words.h"
#undef WORDS

static const struct fuzz_words fuzz_words[] = {
#define WORDS(letter, name, ...) {letter, name, ARRAY_SIZE(name)},
#include "tests/fuzz/fuzz_muc_words.h"
#undef WORDS
    {'\0', NULL, 0},
};

#define IQ(type, payload)   "<iq from='%F' to='%R' id='%q' type='" type "'>" payload "</iq>"
#define TO_NICK(payload)    "<iq from='%F' to='%R/%n' id='t%q' type='%g'>" payload "</iq>"
#define SAID(more, payload) "<message from='%F' to='%R' id='%i' " more ">" payload "</message>"
#define USER(payload)       "<x xmlns='" MUC "#user'>" payload "</x>"
#define COMMAND(payload)                                                                           \
    IQ("set", "<command xmlns='http://jabber.org/protocol/commands' node='%k' action='%x' "        \
              "sessionid='%i'>" payload "</command>")

static const char *const fuzz_steps[] = {
    "<presence from='%F' to='%R/%n'><x xmlns='" MUC "'><password>%v</password>"
    "<history maxstanzas='%v' seconds='%v' since='%v'/></x></presence>",
    "<presence from='%F' to='%R/%n'><x xmlns='" MUC "'/></presence>",
    "<presence from='%F' to='%R/%n'><show>%v</show></presence>",
    "<presence from='%F' to='%R/%n' type='unavailable'><status>%v</status></presence>",
    "<presence from='%F' to='%R/%n' type='%t'/>",
    "<presence from='%F' to='%R/%n' type='error'/>",
    SAID("type='groupchat'", "<body>%v</body>"),
    SAID("type='groupchat'", "<subject>%v</subject>"),
    SAID("type='groupchat'", "%*"),
    SAID("type='error'", "%*"),
    SAID("type='%t'", "<body>%v</body>"),
    SAID("", USER("<invite to='%J'><reason>%v</reason></invite><password>%v</password>")),
    SAID("", USER("<invite to='%J'/><invite to='%J'/>")),
    SAID("", USER("<decline to='%J'/>")),
    SAID("", FORM("submit") "<field var='FORM_TYPE'><value>" MUC "#request</value></field>"
                            "<field var='muc#role'><value>%o</value></field>"
                            "<field var='muc#jid'><value>%J</value></field>"
                            "<field var='muc#roomnick'><value>%n</value></field>"
                            "<field var='muc#request_allow'><value>%v</value></field></x>"),
    SAID("type='groupchat'", "<retract xmlns='urn:xmpp:message-retract:1' id='%i'/>"),
    "<message from='%F' to='%R/%n' type='%t' id='%i'><body>%v</body></message>",
    "<message from='%F' to='%R/%n' type='error' id='%i'/>",
    IQ("get", "<query xmlns='" MUC "#owner'/>"),
    IQ("set", "<query xmlns='" MUC "#owner'/>"),
    IQ("set", "<query xmlns='" MUC "#owner'>" FORM("%x") "</x></query>"),
    IQ("set", "<query xmlns='" MUC "#owner'>" FORM(
                  "submit") "<field var='FORM_TYPE'><value>" MUC "#roomconfig</value></field>"
                            "<field var='%f'><value>%v</value></field>"
                            "<field var='%f'><value>%v</value><value>%o</value></field>"
                            "<field var='muc#roomconfig_persistentroom'><value>%b</value></field>"
                            "</x></query>"),
    IQ("set",
       "<query xmlns='" MUC "#owner'><destroy jid='%R'><reason>%v</reason></destroy></query>"),
    IQ("get", "<query xmlns='" MUC "#admin'><item affiliation='%a'/></query>"),
    IQ("get", "<query xmlns='" MUC "#admin'><item role='%o'/></query>"),
    IQ("set", "<query xmlns='" MUC "#admin'><item jid='%J' nick='%n' affiliation='%a'/></query>"),
    IQ("set", "<query xmlns='" MUC "#admin'><item nick='%n' role='%o'/></query>"),
    IQ("set", "<query xmlns='" MUC "#admin'><item jid='%J' affiliation='%a'/>"
              "<item jid='%J' affiliation='%a'/><item nick='%n' role='%o'/></query>"),
    IQ("%g", "<query xmlns='jabber:iq:register'/>"),
    IQ("set", "<query xmlns='jabber:iq:register'><remove/></query>"),
    IQ("set", "<query xmlns='jabber:iq:register'>" FORM(
                  "submit") "<field var='FORM_TYPE'><value>" MUC "#register</value></field>"
                            "<field var='muc#register_roomnick'><value>%n</value></field>"
                            "</x></query>"),
    IQ("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='%k'/>"),
    IQ("get", "<query xmlns='http://jabber.org/protocol/disco#items' node='%k'>"
              "<set xmlns='http://jabber.org/protocol/rsm'><max>%v</max><after>%i</after></set>"
              "</query>"),
    IQ("get", "<ping xmlns='urn:xmpp:ping'/>"),
    TO_NICK("<ping xmlns='urn:xmpp:ping'/>"),
    TO_NICK("<query xmlns='jabber:iq:version'/>"),
    "<iq from='%F' to='%R/%n' id='%i' type='result'/>",
    IQ("set", "<query xmlns='urn:xmpp:mam:2' queryid='%i'>" FORM(
                  "submit") "<field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
                            "<field var='start'><value>%v</value></field>"
                            "<field var='with'><value>%J</value></field></x>"
                            "<set xmlns='http://jabber.org/protocol/rsm'><max>%v</max>"
                            "<before>%i</before></set></query>"),
    IQ("get", "<metadata xmlns='urn:xmpp:mam:2'/>"),
    IQ("get", "<query xmlns='urn:xmpp:mam:2'/>"),
    IQ("set", "<moderate xmlns='urn:xmpp:message-moderate:1' id='%i'>"
              "<retract xmlns='urn:xmpp:message-retract:1'/><reason>%v</reason></moderate>"),
    IQ("set", "<vCard xmlns='vcard-temp'><PHOTO><TYPE>%v</TYPE><BINVAL>%v</BINVAL></PHOTO>"
              "</vCard>"),
    IQ("get", "<vCard xmlns='vcard-temp'/>"),
    COMMAND(""),
    COMMAND(FORM("submit") "<field var='hats#jid'><value>%J</value></field>"
                           "<field var='hat'><value>%v</value></field>"
                           "<field var='hats#title'><value>%v</value></field>"
                           "<field var='hats#uri'><value>%v</value></field></x>"),
    IQ("%g", "%*"),
    "<iq from='%F' to='%R' id='%q' type='%g'/>",
};
static const size_t fuzz_steps_count = ARRAY_SIZE(fuzz_steps);
