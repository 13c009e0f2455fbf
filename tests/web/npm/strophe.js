// SPDX-License-Identifier: AGPL-3.0-or-later
//
// node strophe.js URL JID PASSWORD PEER: logs in, says hello to PEER, ends when the answer is there.
// The URL is that of a WebSocket or of BOSH.

const http = require("http");

// Node.js 18 has it, but not where browsers have it.
global.crypto ??= require("crypto").webcrypto;

// What strophe.js needs of a browser's XMLHttpRequest, on one connection for each request.
global.XMLHttpRequest = class {
  constructor() { this.readyState = 0; this.headers = {}; this.responseText = ""; }
  open(method, url) { this.method = method; this.url = url; this.readyState = 1; }
  setRequestHeader(name, value) { this.headers[name] = value; }
  getAllResponseHeaders() { return ""; }
  getResponseHeader() { return null; }
  overrideMimeType() {}
  abort() { this.onreadystatechange = null; if (this.request) this.request.destroy(); }
  send(data) {
    this.headers["Content-Length"] = Buffer.byteLength(data);
    this.request = http.request(this.url, {method: this.method, headers: this.headers}, (answer) => {
      this.status = answer.statusCode;
      answer.setEncoding("utf8");
      answer.on("data", (text) => { this.responseText += text; });
      answer.on("end", () => this.changed(4));
    });
    this.request.on("error", () => { this.status = 0; this.changed(4); });
    this.request.end(data);
  }
  changed(state) { this.readyState = state; if (this.onreadystatechange) this.onreadystatechange(); }
};

// What xmldom has not, and browsers have.
const {DOMParser} = require("@xmldom/xmldom");
const element = new DOMParser().parseFromString("<a/>", "text/xml").documentElement;
Object.defineProperties(Object.getPrototypeOf(Object.getPrototypeOf(element)), {
  firstElementChild: {
    get() {
      let child = this.firstChild;
      while (child && child.nodeType !== 1) child = child.nextSibling;
      return child || null;
    },
  },
  parentElement: {
    get() { return this.parentNode && this.parentNode.nodeType === 1 ? this.parentNode : null; },
  },
});

const {Strophe, $msg, $pres} = require("strophe.js");
const [url, jid, password, peer] = process.argv.slice(2);
const connection = new Strophe.Connection(url);

function onMessage(message) {
  console.log("got", message.getElementsByTagName("body")[0].textContent);
  connection.disconnect();
  return true;
}

connection.connect(jid, password, (status) => {
  if (status === Strophe.Status.CONNECTED) {
    console.log("connected", connection.jid);
    connection.addHandler(onMessage, null, "message");
    connection.send($pres());
    connection.send($msg({to: peer, type: "chat"}).c("body").t("hello"));
  } else if (status === Strophe.Status.DISCONNECTED) {
    console.log("disconnected");
    process.exit(0);
  } else if (status === Strophe.Status.AUTHFAIL || status === Strophe.Status.CONNFAIL) {
    console.log("failed", status);
    process.exit(1);
  }
});
