/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * WORDS(blank, name, words…), for fuzz_muc_steps.h alone.
 */
/* clang-format off */
WORDS('F', fuzz_senders, "a@h.test/1", "a@h.test/2", "b@h.test/1", "c@x.test/\xc3\xa4", "h.test",
      "d@x.test")
WORDS('J', fuzz_jids, "a@h.test", "b@h.test", "c@x.test", "d@x.test/1", "x.test", "h.test", "@", "",
      "one@" CONFERENCE)
WORDS('R', fuzz_rooms, "one@" CONFERENCE, "one@" CONFERENCE, "one@" CONFERENCE, "two@" CONFERENCE,
      CONFERENCE)
WORDS('n', fuzz_nicks, "one", "two", "\xc3\xa4", "ONE", "three", "")
WORDS('a', fuzz_affiliations, "owner", "admin", "member", "none", "outcast", "king", "")
WORDS('o', fuzz_roles, "moderator", "participant", "visitor", "none", "king", "")
WORDS('v', fuzz_values, "", "1", "0", "-1", "99999999999999999999", "true", "members", "anyone",
      "moderators", "participants", "none", "2026-01-01T00:00:00Z", "text &lt;&amp;", "AAAA",
      "urn:x", "moderator")
WORDS('b', fuzz_booleans, "1", "0")
WORDS('i', fuzz_ids, "", "1", "2", "tq0", "tq1", "x")
WORDS('t', fuzz_types, "chat", "normal", "groupchat", "headline", "subscribe", "probe", "error", "")
WORDS('g', fuzz_requests, "get", "set")
WORDS('x', fuzz_actions, "submit", "cancel", "execute", "complete", "next", "")
WORDS('k', fuzz_nodes, "", "urn:xmpp:hats:commands:assign", "urn:xmpp:hats:commands:unassign",
      "urn:xmpp:hats:commands:list", "http://jabber.org/protocol/muc#rooms", "x-roomuser-item",
      "urn:xmpp:hats:commands:list-assigned", "http://jabber.org/protocol/commands", "urn:xmpp:hats:commands:create",
      "urn:xmpp:hats:commands:destroy")
WORDS('f', fuzz_fields, "muc#roomconfig_roomname", "muc#roomconfig_lang",
      "muc#roomconfig_publicroom", "muc#roomconfig_membersonly", "muc#roomconfig_moderatedroom",
      "muc#roomconfig_passwordprotectedroom", "muc#roomconfig_roomsecret", "muc#roomconfig_whois",
      "muc#roomconfig_changesubject", "muc#roomconfig_allowinvites", "muc#roomconfig_allowpm",
      "muc#roomconfig_allowregister", "muc#roomconfig_maxusers",
      "muc#roomconfig_presencebroadcast", "muc#roomconfig_getmemberlist",
      "muc#roomconfig_enablelogging", "muc#maxhistoryfetch", "muc#roomconfig_persistentroom")
/* clang-format on */
