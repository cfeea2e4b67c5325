#!/usr/bin/python3
"""knock.py PORT - connects and asks for /healthz, over and over until SIGTERM; says when the first was
answered, and in the end how that went."""
import signal
import socket
import sys
import time

done = False


def stop(*_):
    global done
    done = True


signal.signal(signal.SIGTERM, stop)
asked = refused = cut = 0
slowest = 0.0
while not done:
    begun = time.monotonic()
    asked += 1
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                cut += 1
            elif slowest == 0.0:
                print("begun", flush=True)
    except ConnectionRefusedError:
        refused += 1
    except OSError:
        cut += 1
    slowest = max(slowest, time.monotonic() - begun)
print(f"{asked} connections, {refused} refused, {cut} cut off, the slowest answered after {slowest:.1f} s")
