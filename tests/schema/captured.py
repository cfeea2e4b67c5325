"""captured.py FOLDER - holds what the agent said in the integration tests against include/schema/.

FOLDER has one file for each test program, written by tests/support/capture.c, and `begun` while CTest
has just run some of them. Says which message of which program broke which schema, and how.
"""

import collections
import json
import re
import sys
from pathlib import Path

from openapi import OpenApi
from schemas import Api, Schemas, value_fault

SHOWN = 20
RETAINED = {"status", "fields", "presence"}  # an empty payload says that it is gone
API, HTTP = Api(), OpenApi()
STREAM = {"status": "status-document.json", "change": "change-event.json", "removed": "change-event.json",
          "exception": "exception-event.json", "reset": "stream-reset.json"}


def records(path):
    """(kind, channel, payload) of each."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        head, at = data[at:data.index(b"\n", at)], data.index(b"\n", at) + 1
        channel, size = head.rsplit(b"\t", 1)
        payload, at = data[at:at + int(size)], at + int(size)
        if data[at:at + 1] != b"\n":
            raise ValueError(f"cut short at byte {at}")
        at += 1
        kind, channel = channel.decode().split(" ", 1)
        yield kind, channel, payload


def configured(text, key):
    """The values of `key = a,b` in INI texts."""
    lines = re.findall(rf"^\s*{key}\s*=\s*(.*)$", text, re.M)
    return sorted({value.strip() for line in lines for value in line.split(",")})


class Program:
    """What one test program has captured."""

    def __init__(self, path, seen):
        self.name, self.seen, self.faults = path.name, seen, {}
        self.messages = self.upgrades = 0
        everything = list(records(path))
        config = "\n".join(data.decode() for kind, _, data in everything if kind == "agent")
        self.schemas = Schemas(closed=True, service=configured(config, "service_values"),
                               device=configured(config, "device_values"))
        self.own = {(topic, data) for kind, topic, data in everything if kind == "own"}
        self.roots = {"studio", *configured(config, "topic_root")}
        self.fields = {}  # as `info` lists them
        for kind, topic, data in everything:
            info = re.fullmatch(r"(.+)/agents/[^/]+/info", topic) if kind == "mqtt" else None
            if info and data and (topic, data) not in self.own:
                self.roots.add(info[1])
                self.fields.update(json.loads(data)["fields"])
        self.done = set()  # messages that differ in digits only are looked at once
        for kind, channel, data in everything:
            self.upgrades += kind == "upgrade"
            if kind in ("websocket", "mqtt", "http", "request", "sse"):
                self.look(kind, channel, data)

    def look(self, kind, channel, data):
        key = (kind, channel, re.sub(rb"[0-9]+", b"0", data))
        if key in self.done:
            self.messages += 1
            return
        self.done.add(key)
        fault, schema = getattr(self, kind)(channel, data)
        if schema is None and fault is None:
            return
        self.messages += 1
        self.seen[schema] += 1
        if fault:
            text = data.decode(errors="replace")
            self.faults.setdefault(f"broke {schema or 'every schema'}: {fault}", []).append(
                f"{kind} {channel}\n        {text[:2000]}")

    def json(self, data, names):
        try:
            return self.schemas.fault(json.loads(data), names)
        except ValueError as error:
            return f"not JSON: {error}", None

    def websocket(self, channel, data):
        names = {"welcome.json", "status-document.json"} if channel == "first" else API.sent
        return self.json(data, names)

    def mqtt(self, topic, data):
        root = next((root for root in self.roots if topic.startswith(root + "/")), None)
        if root is None or (topic, data) in self.own:
            return None, None  # answers elsewhere, and the test's own
        found = API.topic(topic, root)
        if found is None:
            return "a topic the protocol does not know", None
        match, key, names, sent = found
        if not sent:
            return None, None  # a command of another client
        if key in RETAINED and not data:
            return None, key
        if key == "fields":
            return self.value(match["field"], data.decode()), key
        if key == "check":
            return (None if data.decode() == topic else "not its own topic"), key
        if key == "replayed" and b'"seq":' in data and not data.endswith(b',"replay":true}'):
            return "replayed without \"replay\":true", key
        return self.json(data, names)

    def value(self, field, text):
        allowed = self.fields.get(field)
        if allowed is None and field in self.schemas.all["status-document.json"]["properties"]:
            return "no `info` was received to check it by"
        names = None if allowed is None else [
            value if isinstance(value, str) else json.dumps(value) for value in allowed]
        return value_fault(text, names)

    def described(self, what, schema, data):
        try:
            return self.schemas.wrong(schema, json.loads(data)), what
        except ValueError as error:
            return f"not JSON: {error}", what

    def http(self, channel, data):
        """An answer; channel is method, target and status."""
        method, target, status = channel.split(" ")
        path = target.split("?")[0]
        operation = HTTP.operation(method, path)
        if method == "HEAD" or (not data and operation is None):
            return None, None
        if operation is None or status in ("400", "405", "411", "413", "431", "501"):
            return self.json(data, {"problem.json", "http-error.json"}) if data.startswith(b"{") else (None, None)
        media = HTTP.response(operation, status)
        if media is None:
            return f"a status the description does not know: {status}", operation["operationId"]
        if not media:
            return ("a body" if data else None), operation["operationId"]
        for name, schema in media.items():
            return self.described(operation["operationId"], schema, data) if name.endswith("json") else (None, None)

    def request(self, channel, data):
        """The body of a request; one that was carried out must be described."""
        method, target, status = channel.split(" ")
        operation = HTTP.operation(method, target.split("?")[0])
        if status != "200" or operation is None or "requestBody" not in operation:
            return None, None
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return self.described(operation["operationId"] + " body", schema, data)

    def sse(self, event, data):
        if event not in STREAM:
            return f"an event the protocol does not know: {event}", None
        return self.json(data, {STREAM[event]})


def main():
    folder = Path(sys.argv[1])
    begun = folder / "begun"
    seen = collections.Counter()
    files = sorted(path for path in folder.glob("*") if path != begun) if folder.is_dir() else []
    fresh = begun.exists()
    begun.unlink(missing_ok=True)
    if not files and not fresh:
        print("skipped: no integration test has run")
        return 77
    programs = [Program(path, seen) for path in files]
    messages = sum(program.messages for program in programs)
    faults = [f"{program.name}: {fault}\n    {examples[0]}\n    ({len(examples)} such messages)"
              for program in programs for fault, examples in program.faults.items()]
    for fault in faults[:SHOWN]:
        print(fault)
    if len(faults) > SHOWN:
        print(f"... and {len(faults) - SHOWN} more")
    if not files:
        faults.append("nothing")
        print("integration tests ran and nothing was captured")
    for program in programs:
        if program.upgrades and not program.messages:
            faults.append("nothing")
            print(f"{program.name}: clients were connected and nothing of what they heard was captured")
    print(f"{messages} messages of {len(files)} programs, {sum(seen.values())} different:",
          ", ".join(f"{name or '?'} {count}" for name, count in sorted(seen.items(), key=str)))
    return 1 if faults else 0


sys.exit(main())
