// SPDX-License-Identifier: AGPL-3.0-or-later
//
// node xmpp.js URL JID PASSWORD PEER: logs in, says hello to PEER, ends when the answer is there.

const {client, xml} = require("@xmpp/client");
const [service, jid, password, peer] = process.argv.slice(2);
const [username, domain] = jid.split("@");
const xmpp = client({service, domain, username, password});

xmpp.on("error", (problem) => {
  console.log("failed", problem.message);
  process.exit(1);
});
xmpp.on("online", async (address) => {
  console.log("connected", address.toString());
  await xmpp.send(xml("presence"));
  await xmpp.send(xml("message", {to: peer, type: "chat"}, xml("body", {}, "hello")));
});
xmpp.on("stanza", async (stanza) => {
  if (!stanza.is("message") || !stanza.getChild("body")) return;
  console.log("got", stanza.getChildText("body"));
  await xmpp.stop();
  console.log("disconnected");
  process.exit(0);
});
xmpp.start().catch(() => {});
