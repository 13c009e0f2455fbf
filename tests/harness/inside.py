#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The process that holds the namespaces of tests/harness/namespace.py: gives them a loopback
# interface and a resolv.conf, says so, then connects for those outside: "HOST PORT" is answered
# with the socket. It ends when nobody holds the other end of its channel.

import fcntl
import socket
import struct
import subprocess
import sys

GET_FLAGS, SET_FLAGS = 0x8913, 0x8914  # SIOCGIFFLAGS, SIOCSIFFLAGS (netdevice(7))
UP = 1
SECONDS = 60


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, GET_FLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("h", request, 16)[0] | UP
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh22x", b"lo", flags))


def connect(channel, request):
    host, port = request.decode().split()
    try:
        with socket.create_connection((host, int(port)), SECONDS) as connection:
            socket.send_fds(channel, [b"ok"], [connection.fileno()])
    except OSError as problem:
        channel.send(str(problem).encode() or b"failed")


def main():
    channel = socket.socket(fileno=int(sys.argv[1]))
    raise_loopback()
    subprocess.run(["mount", "--bind", sys.argv[2], "/etc/resolv.conf"], check=True)
    channel.send(b"ready")
    while request := channel.recv(4096):
        connect(channel, request)


main()
