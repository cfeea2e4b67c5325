"""What an update costs the agent, counted by callgrind: see cost.sh.

Usage: cost.py AGENT FIGURES [--write]

One client sends the same updates to its own table and watches it, each after the answer and the push of the
one before, so that each is a batch and a commit of its own; no broker. Counted is the difference between
a long and a short run: what starting, logging in and stopping cost is in both.
"""
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

SHORT, LONG = 304, 912  # multiples of the updates below
ALLOWED = 1.10
ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign"}
UPDATES = [
    b'{"sdp":"up","roulette":"down"}',
    b'{"event":"service_status","data":{"sdp":"standby","zCam":"up"},"request_id":"r-1"}',
    b'{"LAMP":{"color":"green","level":3}}',
    b'{"maintenance":true}',
    b'{"sdp":"calibration","idp":"up","roulette":"up","request_id":17}',
    b'{"event":"service_status","data":{"zCam":"down","barcode_scanner":"up"}}',
    b'{"LAMP":null,"LEVEL":7}',
    b'{"maintenance":false,"barcode_scanner":"down"}',
]
UPGRADE = (b"GET /?id=ARO-001_pc&token=MY_TOKEN&subscribe=ARO-001 HTTP/1.1\r\nHost: localhost\r\n"
           b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
CONFIG = "[limits]\nupdates_per_second = 0\n[log]\nlevel = error\n"


def write(path, text):
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(UPGRADE)
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass
        self.receive()  # the document

    def receive(self):
        """The next text; a ping is answered."""
        while True:
            kind, size = self.file.read(2)
            if size == 126:
                size = int.from_bytes(self.file.read(2), "big")
            text = self.file.read(size)
            if kind == 0x81:
                return text
            if kind != 0x89:
                sys.exit(f"the agent sends a frame of kind {kind:#x}: {text}")
            self.socket.sendall(bytes([0x8A, 0x80 | size]) + bytes(4) + text)

    def update(self, text):
        self.socket.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        answer, push = self.receive(), self.receive()
        if not answer.startswith(b'{"status":"updated"') or not push.startswith(b'{"event":"status"'):
            sys.exit(f"{text} is answered {answer} and {push}")


def counted(path):
    """Instructions and allocations in a file of callgrind's: https://valgrind.org/docs/manual/cl-format.html"""
    names, called, instructions, allocations = {}, "", 0, 0
    with open(path) as file:
        for line in file:
            named = re.match(r"c?fn=\((\d+)\)(?: (\S+))?", line)
            if named:
                if named[2]:
                    names[named[1]] = named[2].split("@")[0].split("'")[0]
                called = names[named[1]] if line[0] == "c" else ""
            elif line.startswith("calls=") and called in ALLOCATORS:
                allocations += int(line[6:].split()[0])
            elif line.startswith("totals:"):
                instructions = int(line.split()[1])
    return instructions, allocations


def run(agent, updates):
    with tempfile.TemporaryDirectory() as folder:
        data, config, out = folder + "/data", folder + "/config", folder + "/out"
        os.mkdir(data, 0o700)
        write(data + "/tokens", f"* device sha256:{hashlib.sha256(b'MY_TOKEN').hexdigest()}\n")
        write(config, CONFIG)
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, "--log-file=" + folder + "/log",
                   agent, "-c", config, "--listen", "localhost:0", "--data", data]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        try:
            line = process.stdout.readline()
            if not line:
                sys.exit("the agent does not start under valgrind")
            client = Client(int(line.rsplit(b":", 1)[1]))
            for i in range(updates):
                client.update(UPDATES[i % len(UPDATES)])
            process.send_signal(signal.SIGTERM)
            if process.wait(120) != 0:
                sys.exit("the agent has failed")
        finally:
            process.kill()
        return counted(out)


def main():
    agent, path = sys.argv[1:3]
    short, long = run(agent, SHORT), run(agent, LONG)
    found = {name: (more - less) / (LONG - SHORT)
             for name, less, more in zip(("instructions", "allocations"), short, long)}
    if "--write" in sys.argv:
        with open(path, "w") as file:
            file.writelines(f"{name} {value:.1f}\n" for name, value in found.items())
    with open(path) as file:
        committed = {name: float(value) for name, value in (line.split() for line in file)}
    failed = False
    for name, value in found.items():
        ratio = value / committed[name]
        print(f"{name} an update: {value:.1f}, committed {committed[name]:.1f}: {ratio:.3f}")
        failed |= ratio > ALLOWED
    if failed:
        print(f"Over {ALLOWED:.2f} of what is committed. If there is a reason: tests/lint/cost.sh SOURCE_DIR "
              "BUILD_DIR --write, and commit tests/lint/cost.figures with it.")
    elif min(found[name] / committed[name] for name in found) < 2 - ALLOWED:
        print("Less than is committed: keep it with --write, else what was won can be lost unseen.")
    sys.exit(failed)


main()
