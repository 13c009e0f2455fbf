# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The other end of TLS by OpenSSL, which shows more of it than Python's own module: channel bindings
# (RFC 9266, RFC 5929), renegotiation, versions.

import hashlib
import select
import time

from OpenSSL import SSL, crypto

SECONDS = 60
EXPORTER = b"EXPORTER-Channel-Binding"
VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


def make_context(authority, version=None, certificate=None, alpn=None, ciphers=None):
    """certificate: (chain, key) files; authority None: whatever the server shows is believed."""
    context = SSL.Context(SSL.TLS_METHOD)
    if authority:
        context.load_verify_locations(authority)
        context.set_verify(SSL.VERIFY_PEER, lambda *arguments: arguments[-1])
    if version:
        context.set_min_proto_version(VERSIONS[version])
        context.set_max_proto_version(VERSIONS[version])
    if certificate:
        context.use_certificate_chain_file(certificate[0])
        context.use_privatekey_file(certificate[1])
    if alpn:
        context.set_alpn_protos(alpn)
    if ciphers:
        context.set_cipher_list(ciphers)
    return context


class TlsSocket:
    """TLS over a connected socket, with the methods of a socket."""

    def __init__(self, sock, context, name=None, session=None):
        self._socket = sock
        self._timeout = SECONDS
        sock.setblocking(False)
        self.tls = SSL.Connection(context, sock)
        self.tls.set_connect_state()
        if name:
            self.tls.set_tlsext_host_name(name.encode())
        if session:
            self.tls.set_session(session)
        self._wait(self.tls.do_handshake)

    def _wait(self, call, *arguments):
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return call(*arguments)
            except SSL.WantReadError:
                self._select([self._socket], [], deadline)
            except SSL.WantWriteError:
                self._select([], [self._socket], deadline)

    def _select(self, readers, writers, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not any(select.select(readers, writers, [], left)):
            raise TimeoutError("nothing came")

    def settimeout(self, seconds):
        self._timeout = seconds

    def fileno(self):
        return self._socket.fileno()

    def sendall(self, data):
        while data:
            data = data[self.send(data):]

    def send(self, data):
        try:
            return self._wait(self.tls.send, data)
        except SSL.Error as problem:
            raise ConnectionError(str(problem)) from problem

    def recv(self, size):
        try:
            return self._wait(self.tls.recv, size)
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as problem:
            raise ConnectionError(str(problem)) from problem

    def renegotiate(self):
        self.tls.renegotiate()
        self._wait(self.tls.do_handshake)

    def exporter(self):
        """tls-exporter: the context is there, and empty."""
        return self.tls.export_keying_material(EXPORTER, 32, b"")

    def end_point(self):
        """tls-server-end-point of a certificate that is signed with SHA-256."""
        return hashlib.sha256(self.certificate()).digest()

    def unique(self):
        """tls-unique (RFC 5929 §3): the client's Finished."""
        return self.tls.get_finished()

    def certificate(self):
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, self.tls.get_peer_certificate())

    def version(self):
        return self.tls.get_protocol_version_name()

    def close(self):
        self._socket.close()


def encrypt(stream, context, name="", session=None):
    """Goes on inside TLS on a stream that is in clear; `name` None: no SNI."""
    name = stream.domain if name == "" else name
    stream.socket = TlsSocket(stream.socket, context, name, session)
    stream.forget()
    return stream
