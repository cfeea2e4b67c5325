"""openapi.py [--write] - include/openapi.json is include/openapi.yaml with all it refers to inside.

That is what the agent serves. --write makes it so.
"""

import json
import re
import sys

from schemas import FOLDER, Schemas, follow, load, yaml

SOURCE, MADE = FOLDER.parent / "openapi.yaml", FOLDER.parent / "openapi.json"
METHODS = {"get", "post", "delete", "put", "patch"}


class OpenApi:
    """The description of the HTTP API."""

    def __init__(self):
        self.document = yaml.safe_load(SOURCE.read_text())
        self.paths = []  # (pattern, address, its operations)
        for address, item in self.document["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]*", re.escape(address))
            self.paths.append((re.compile(pattern), address, item))

    def operation(self, method, path):
        """What a request of this kind is; None: it is not described."""
        for pattern, _, item in self.paths:
            if pattern.fullmatch(path):
                return item.get(method.lower())
        return None

    def response(self, operation, status):
        """{media type: schema} of an answer, None: the description knows no such answer."""
        found = operation["responses"].get(status)
        if found is None and status[0] in "45":
            found = operation["responses"].get("default")
        if found is None:
            return None
        found = follow(self.document, found) if "$ref" in found else found
        return {media: content.get("schema", {}) for media, content in found.get("content", {}).items()}

    def examples(self):
        """(where, schema, value) of each."""
        def within(node, where):
            if isinstance(node, list):
                for each in node:
                    yield from within(each, where)
            elif isinstance(node, dict):
                if "example" in node:
                    yield where, node["schema"], node["example"]
                for name, example in node.get("examples", {}).items():
                    yield f"{where} {name}", node["schema"], example["value"]
                for key, each in node.items():
                    if key not in ("example", "examples", "schema"):
                        yield from within(each, f"{where}/{key}" if key[0] == "/" or not where else where)
        yield from within(self.document["paths"], "")
        yield from within(self.document["components"], "components")

    def names(self):
        """The schemas it refers to."""
        return set(re.findall(r"schema/([\w-]+\.json)", json.dumps(self.document)))

    def bundle(self):
        """The document on its own."""
        schemas, inside = load(), {}

        def target(reference, name):
            file, _, path = reference.partition("#")
            file = file.removeprefix("schema/") or name
            if file and file not in inside:
                inside[file] = None
                inside[file] = rewrite(schemas[file], file)
            return f"#/components/schemas/{file.removesuffix('.json')}{path}" if file else reference

        def rewrite(node, name=""):
            if isinstance(node, list):
                return [rewrite(each, name) for each in node]
            if not isinstance(node, dict):
                return node
            return {key: target(each, name) if key == "$ref" else rewrite(each, name)
                    for key, each in node.items() if key != "$schema"}

        document = rewrite(self.document)
        document["components"]["schemas"] = {
            file.removesuffix(".json"): inside[file] for file in sorted(inside)}
        return document

    def text(self):
        return json.dumps(self.bundle(), ensure_ascii=False, separators=(",", ":")) + "\n"


def faults(api):
    """What is wrong with the description itself."""
    if not MADE.is_file() or MADE.read_text() != api.text():
        yield "openapi.json is not what openapi.yaml says: run tests/schema/openapi.py --write"
    bundle = api.bundle()
    for reference in set(re.findall(r'"\$ref": "(#[^"]*)"', json.dumps(bundle))):
        try:
            follow(bundle, {"$ref": reference})
        except KeyError:
            yield f"openapi.yaml refers to {reference}, which is not there"
    schemas, count = Schemas(closed=True), 0
    for where, schema, value in api.examples():
        wrong, count = schemas.wrong(schema, value), count + 1
        if wrong:
            yield f"openapi.yaml: the example of {where}: {wrong}"
    if not count:
        yield "openapi.yaml has no example"
    seen = set()
    for _, address, item in api.paths:
        holes = set(re.findall(r"\{(\w+)\}", address))
        for method in METHODS & set(item):
            operation = item[method]
            given = [follow(api.document, each) if "$ref" in each else each
                     for each in item.get("parameters", []) + operation.get("parameters", [])]
            if {each["name"] for each in given if each["in"] == "path"} != holes:
                yield f"openapi.yaml: {method} {address} and its parameters differ"
            if operation["operationId"] in seen:
                yield f"openapi.yaml: {operation['operationId']} is there twice"
            seen.add(operation["operationId"])


def main():
    api = OpenApi()
    if sys.argv[1:] == ["--write"]:
        MADE.write_text(api.text())
        return 0
    wrong = list(faults(api))
    print("\n".join(wrong) or f"{len(api.paths)} paths, no fault")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
