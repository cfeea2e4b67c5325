"""include/schema/ as something to hold messages against."""

import copy
import json
import re
import sys
from pathlib import Path

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-jsonschema, python3-yaml)")
    sys.exit(77)

FOLDER = Path(__file__).resolve().parents[2] / "include" / "schema"



def refuses(message):
    return "error" in message


# How messages that may come the same way are told apart: the first that fits, and those of its kind.
MARKS = [
    ("status-document.json", lambda m: "TABLE_ID" in m),
    ("problem.json", lambda m: "title" in m),
    ("history.json", lambda m: "events" in m),
    ("tables.json", lambda m: set(m) == {"tables"}),
    ("agent.json", lambda m: "info" in m and "health" in m),
    ("welcome.json", lambda m: "message" in m),
    ("stream-reset.json", lambda m: refuses(m) and "epoch" in m and "oldest_seq" in m),
    ("http-error.json", refuses),
    ("error.json", refuses),
    ("replay-error.json", refuses),
    ("login.json", lambda m: "token" in m),
    ("push-status.json", lambda m: m.get("event") == "status"),
    ("push-exception.json", lambda m: m.get("event") == "exception" and "seq" in m),
    ("push-removed.json", lambda m: m.get("event") == "removed"),
    ("push-lagged.json", lambda m: m.get("event") == "lagged"),
    ("exception.json", lambda m: m.get("event") == "exception"),
    ("update-envelope.json", lambda m: m.get("event") == "service_status"),
    ("subscribe.json", lambda m: m.get("event") in ("subscribe", "unsubscribe")),
    ("get.json", lambda m: m.get("event") in ("get", "status")),
    ("remove-table.json", lambda m: m.get("event") == "remove_table"),
    ("change-event.json", lambda m: "changes" in m),
    ("exception-event.json", lambda m: "seq" in m and "via" in m),
    ("replay-end.json", lambda m: "end" in m),
    ("replay-request.json", lambda m: "from_seq" in m or "from_rev" in m),
    ("presence.json", lambda m: "clients" in m and "online" in m),
    ("availability.json", lambda m: "state" in m and "boot" in m),
    ("info.json", lambda m: "protocol" in m),
    ("health.json", lambda m: "backlog" in m and "ts" in m),
    ("readyz.json", lambda m: "store" in m and "broker" in m),
    ("healthz.json", lambda m: m.get("status") == "ok"),
    ("answer.json", lambda m: "status" in m),
    ("update.json", lambda m: True),
]


def load():
    """Every schema by its file's name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def close(schema):
    """Readers ignore unknown keys, so the schemas allow them; the agent itself sends none."""
    if isinstance(schema, list):
        for each in schema:
            close(each)
    elif isinstance(schema, dict):
        for each in schema.values():
            close(each)
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)


class Schemas:
    """Checks messages; `service` and `device` are the values a configuration has added."""

    def __init__(self, closed=False, service=(), device=()):
        self.all = copy.deepcopy(load())
        words = self.all["common.json"]["$defs"]
        words["service"]["enum"] += service
        words["device"]["enum"] += device
        if closed:
            close(self.all)
        base = FOLDER.as_uri() + "/"
        self.store = {base + name: schema for name, schema in self.all.items()}
        self.validators = {
            name: self.validator(base + name, schema) for name, schema in self.all.items()
        }

    def validator(self, uri, schema):
        return jsonschema.Draft202012Validator(
            schema, resolver=jsonschema.RefResolver(uri, schema, store=self.store)
        )

    def wrong(self, schema, value):
        """What is wrong with a value that a schema of openapi.yaml should describe; None: nothing."""
        validator = self.validator(FOLDER.parent.as_uri() + "/openapi.yaml", schema)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        return None if error is None else f"{error.json_path}: {error.message}"

    def fault(self, message, names):
        """What is wrong with a message that one of these schemas should describe; None: nothing.
        The second result is the schema that was taken."""
        if not isinstance(message, dict):
            return "not a JSON object", None
        first = next((fits for name, fits in MARKS if name in names and fits(message)), None)
        wrong = []
        for name in [name for name, fits in MARKS if name in names and fits is first]:
            error = jsonschema.exceptions.best_match(self.validators[name].iter_errors(message))
            if error is None:
                return None, name
            wrong.append((f"{error.json_path}: {error.message}", name))
        if wrong:
            return wrong[0]
        return f"it is none of {', '.join(sorted(names))}", None


class Api:
    """asyncapi.yaml: which messages travel where."""

    def __init__(self):
        self.document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
        self.topics = []  # (pattern, channel, names of schemas, sent by the agent)
        self.sent, self.heard = self.websocket("answerAndPush"), self.websocket("hear")
        sent = {op["channel"]["$ref"] for op in self.document["operations"].values()
                if op["action"] == "send"}
        for key, channel in self.document["channels"].items():
            if channel["address"].startswith("studio/"):
                pattern = re.escape(channel["address"][len("studio"):])
                pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]*)", pattern)
                names = {self.schema(message) for message in channel["messages"].values()}
                self.topics.append((re.compile(pattern), key, names, f"#/channels/{key}" in sent))

    def schema(self, reference):
        payload = follow(self.document, reference)["payload"]
        return payload["schema"]["$ref"] if "schema" in payload else "text"

    def websocket(self, operation):
        messages = self.document["operations"][operation]["messages"]
        return {self.schema(follow(self.document, message)) for message in messages}

    def topic(self, topic, root="studio"):
        """(match, channel, schemas, sent by the agent) of a topic under `root`; None if it is not one."""
        for pattern, key, names, sent in self.topics:
            match = pattern.fullmatch(topic[len(root):]) if topic.startswith(root) else None
            if match:
                return match, key, names, sent
        return None


def follow(document, reference):
    """What `{"$ref": "#/a/b"}` stands for."""
    node = document
    for step in reference["$ref"][2:].split("/"):
        node = node[step]
    return node


def value_fault(text, allowed):
    """The payload of a `fields` topic: one of `allowed`, or JSON text if the field is custom (None)."""
    if allowed is not None:
        return None if text in allowed else f"{text!r} is not one of {', '.join(allowed)}"
    try:
        json.loads(text)
    except ValueError as error:
        return f"not JSON: {error}"
    return None
