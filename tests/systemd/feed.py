#!/usr/bin/python3
"""feed.py - updates of one table over WebSocket, so many at once, each counted when it is acknowledged.

    feed.py PORT ID TOKEN COUNT [WINDOW]

Prints how many were acknowledged when all are (COUNT), or when the connection has ended. Python's own library alone.
"""
import os
import socket
import struct
import sys


def frame(text):
    data = text.encode()
    assert len(data) < 126
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


class Frames:
    """The texts of unmasked frames, whatever pieces they come in."""

    def __init__(self):
        self.rest = b""

    def add(self, data):
        self.rest += data
        at, texts = 0, []
        while len(self.rest) - at >= 2:
            size, head = self.rest[at + 1] & 0x7F, 2
            if size == 126:
                if len(self.rest) - at < 4:
                    break
                size, head = struct.unpack(">H", self.rest[at + 2:at + 4])[0], 4
            if len(self.rest) - at < head + size:
                break
            if self.rest[at] & 0x0F == 1:
                texts.append(self.rest[at + head:at + head + size])
            at += head + size
        self.rest = self.rest[at:]
        return texts


def main():
    port, name, token, count = sys.argv[1:5]
    window = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    count = int(count)
    s = socket.create_connection(("127.0.0.1", int(port)))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall(f"GET /?id={name}&token={token} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3R1ZGlvLXN0dWRpby1zdA==\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        data = s.recv(65536)
        if not data:
            sys.exit("not let in")
        head += data
    if b" 101 " not in head:
        sys.exit(head.decode())
    two = [frame('{"sdp":"up"}'), frame('{"sdp":"down"}')]
    frames, sent, acked = Frames(), 0, -1  # the first text is the document
    data = head.split(b"\r\n\r\n", 1)[1]
    try:
        while acked < count:
            for text in frames.add(data):
                if acked >= 0 and b'"updated"' not in text:
                    sys.exit(text.decode())
                acked += 1
            more = min(window - (sent - max(acked, 0)), count - sent)
            if acked >= 0 and more > 0:
                s.sendall(b"".join(two[(sent + i) % 2] for i in range(more)))
                sent += more
            if acked < count:
                data = s.recv(1 << 16)
                if not data:
                    break
    except OSError:
        pass
    print(max(acked, 0))


main()
