"""documents.py - include/PROTOCOL.md and include/schema/ are sound, and say the same.

Every schema and asyncapi.yaml can be read and all that they refer to is there; every example of the
page is what its schema says; every topic of the page is in asyncapi.yaml, every field of the program in
the page and the schemas; every test that the page names exists.
"""

import json
import re
import sys
from pathlib import Path

from openapi import OpenApi
from schemas import FOLDER, Api, Schemas, follow, jsonschema, load, value_fault

ROOT = FOLDER.parents[1]
PAGE = ROOT / "include" / "PROTOCOL.md"
TOPIC = re.compile(r"(studio/(?:tables|agents)/[^\s`]+)")
faults = []


def fault(text):
    faults.append(text)
    print(text)


def references(node):
    """Every {"$ref": …} below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


def check_schemas():
    everything = load()
    for name, schema in everything.items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            fault(f"{name}: {error.message}")
        for reference in references(schema):
            file, _, path = reference.partition("#")
            try:
                follow(everything[file or name], {"$ref": "#" + path} if path else {"$ref": "#/title"})
            except KeyError:
                fault(f"{name} refers to {reference}, which is not there")


def check_api(api):
    used = set()
    for reference in references(api.document):
        if reference.startswith("#"):
            try:
                follow(api.document, {"$ref": reference})
            except KeyError:
                fault(f"asyncapi.yaml refers to {reference}, which is not there")
        elif (FOLDER / reference).is_file():
            used.add(reference)
        else:
            fault(f"asyncapi.yaml refers to {reference}, which is not there")
    for channel in api.document["channels"].values():
        named = set(re.findall(r"\{(\w+)\}", channel["address"]))
        if named != set(channel.get("parameters", {})):
            fault(f"asyncapi.yaml: {channel['address']} and its parameters differ")
    http = OpenApi().names() | {"http-error.json"}
    for name in sorted(set(load()) - used - http - {"common.json"}):
        fault(f"{name} is used by no message of asyncapi.yaml or openapi.yaml")


def check_topics(api, page):
    told = {re.sub(r"<(\w+)>", r"{\1}", topic) for topic in re.findall(r"^\| `(studio/\S+)` \|", page, re.M)}
    described = {channel["address"] for channel in api.document["channels"].values()}
    for topic in sorted(told ^ (described - {"/"})):
        fault(f"{topic} is not in both of PROTOCOL.md and asyncapi.yaml")


class Examples:
    """The messages in fenced blocks and in code spans."""

    def __init__(self, api):
        self.api, self.schemas, self.count = api, Schemas(closed=True), 0
        self.everything = set(load())
        self.fields = self.schemas.all["status-document.json"]["properties"]

    def message(self, where, text, names):
        self.count += 1
        try:
            wrong, schema = self.schemas.fault(json.loads(text), names)
        except ValueError as error:
            wrong, schema = f"not JSON: {error}", None
        if wrong:
            fault(f"PROTOCOL.md:{where}: {schema or 'example'}: {wrong}: {text[:200]}")

    def topic(self, where, topic, payload):
        found = self.api.topic(topic)
        if found is None:
            fault(f"PROTOCOL.md:{where}: {topic} is not a topic of asyncapi.yaml")
        elif "text" not in found[2]:
            self.message(where, payload, found[2])
        elif value_fault(payload, ["up", "down", "true", "false"]):
            fault(f"PROTOCOL.md:{where}: {payload} is no value")

    def line(self, where, line, after):
        if line.startswith("> ") and after.startswith('< {"error":"Invalid value'):
            self.count += 1
            if self.schemas.fault(json.loads(line[2:]), self.api.heard)[0] is None:
                fault(f"PROTOCOL.md:{where}: the agent refuses this, the schema does not: {line}")
        elif line[:2] in ("> ", "< "):
            self.message(where, line[2:], self.api.heard if line[0] == ">" else self.api.sent)
        elif line.startswith("studio/"):
            self.topic(where, *line.split(" ", 1))
        elif line.startswith("{"):
            self.message(where, line, self.everything)
        else: # a command
            topic = TOPIC.search(line)
            for payload in re.findall(r"-m '?(\{.*?\}|\S+?)'?$", line):
                self.topic(where, topic[1], payload)

    def span(self, where, text):
        if text.startswith("{") and "…" not in text:
            self.message(where, text, self.everything)

    def read(self, page):
        block, start = None, 0
        for number, line in enumerate(page.splitlines(), 1):
            if line.startswith("```"):
                if block is not None and language == "json":
                    self.message(start, " ".join(block), self.everything)
                elif block is not None and not language:
                    for offset, each in enumerate(block, 1):
                        self.line(start + offset, each, "".join(block[offset:offset + 1]))
                language = line[3:] if block is None else None
                block, start = ([], number) if block is None else (None, 0)
            elif block is not None:
                block.append(line)
            else:
                for text in re.findall(r"`([^`]+)`", line):
                    self.span(number, text)


def rows(text, fields, values):
    """{field: values} of a Markdown table whose columns `fields` and `values` have them."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and "/" not in line and re.search(r"`(up|true)`", cells[values]):
            for name in re.findall(r"\w+", cells[fields]):
                found[name] = set(re.findall(r"`(\w+)`", cells[values]))
    return found


def check_fields(page):
    """README.md's table of fields is checked against the program; the others against that one."""
    program = rows((ROOT / "README.md").read_text(), 1, 2)
    schemas = load()
    words = schemas["common.json"]["$defs"]
    described = {}
    for name, schema in schemas["status-document.json"]["properties"].items():
        kind = schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else None
        if kind in ("service", "device", "flag"):
            described[name] = set(words[kind].get("enum", ["true", "false"]))
    changes = schemas["change-event.json"]["properties"]["changes"]["properties"]
    if not program or described != program:
        fault(f"README.md and status-document.json differ in fields or values: {program} {described}")
    if {name for name, schema in changes.items() if schema} != set(program):
        fault("README.md and change-event.json differ in fields")
    if rows(page, 1, 3) != program:
        fault(f"README.md and PROTOCOL.md differ in fields or values: {rows(page, 1, 3)}")


def check_tests(page):
    named = sorted(set(re.findall(r"`(test_\w+)/(\w+)`", page)))
    for file, function in named:
        texts = [path.read_text() for path in (ROOT / "tests").rglob(f"{file}.c")]
        if not any(re.search(rf"\bvoid {function}\(void", text) and text.count(function) > 1
                   for text in texts):
            fault(f"PROTOCOL.md names {file}/{function}, which is no test")
    return len(named)


def main():
    api, page = Api(), PAGE.read_text()
    examples = Examples(api)
    check_schemas()
    check_api(api)
    check_topics(api, page)
    check_fields(page)
    examples.read(page)
    tests = check_tests(page)
    if not examples.count or not tests:
        fault("no example or no test was found in PROTOCOL.md")
    print(f"{examples.count} examples, {tests} tests named, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
