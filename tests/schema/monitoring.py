"""monitoring.py [--rules] - compose/monitoring/ asks for what the agent tells.

The dashboard is what its schema says (dashboard.json, as much of Grafana's as it uses), its panels do not
lie on each other, and it and the rules name only figures that section 5 of include/PROTOCOL.md names;
each of those is in one of the two. With --rules: prints the expressions of the dashboard as recording
rules instead, for promtool to read.
"""

import json
import re
import sys
from pathlib import Path

from schemas import jsonschema, yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "compose" / "monitoring"
NAME = re.compile(r"\bstudio_[a-z_]+")
faults = []


def fault(text):
    faults.append(text)
    print(text)


def expressions(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def print_rules(dashboard):
    rules = []
    for n, expression in enumerate(expressions(dashboard)):
        for variable, value in (("$__rate_interval", "5m"), ("$instance", ".*"), ("$table", "ARO-001")):
            expression = expression.replace(variable, value)
        rules.append({"record": f"dashboard:{n}", "expr": expression})
    print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))


def told():
    """The figures of the page: names as samples have them, histograms without their endings."""
    page = (ROOT / "include" / "PROTOCOL.md").read_text()
    section = page[page.index("\n## 5. "):page.index("\n## 6. ")]
    return set(NAME.findall(section))


def asked(texts):
    names = set()
    for text in texts:
        names |= {re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", name) for name in NAME.findall(text)}
    return names


def overlap(a, b):
    return (a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and
            a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


def check_dashboard(dashboard):
    schema = json.loads((Path(__file__).parent / "dashboard.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(dashboard):
        fault(f"dashboard.json: {'/'.join(map(str, error.absolute_path))}: {error.message}")
    panels = dashboard["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        fault("dashboard.json: two panels have one id")
    for i, panel in enumerate(panels):
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            fault(f"dashboard.json: {panel['title']} is wider than the page")
        for other in panels[:i]:
            if overlap(place, other["gridPos"]):
                fault(f"dashboard.json: {panel['title']} lies on {other['title']}")
    for expression in expressions(dashboard):
        if "studio_table_state" in expression and "$table" not in expression and "left_out" not in expression:
            fault(f"dashboard.json: of tables left out nothing is said: {expression}")
    known = {variable["name"] for variable in dashboard["templating"]["list"]} | {"__rate_interval"}
    for name in sorted(set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard))) - known - {"__all"}):
        fault(f"dashboard.json: ${name} is no variable of it")


def main():
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    if "--rules" in sys.argv:
        print_rules(dashboard)
        return 0
    check_dashboard(dashboard)
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    tests = yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
    fired = {test["alertname"] for run in tests for test in run["alert_rule_test"] if test.get("exp_alerts")}
    for rule in rules:
        if rule["alert"] not in fired:
            fault(f"rules.test.yml never sees {rule['alert']} fire")
    page = told()
    used = asked([*expressions(dashboard), *(rule["expr"] for rule in rules)])
    for name in sorted(used - page):
        fault(f"{name} is asked for, but not in section 5 of PROTOCOL.md")
    for name in sorted(page - used):
        fault(f"{name} of PROTOCOL.md is neither in the dashboard nor in a rule")
    print(f"{len(dashboard['panels'])} panels, {len(rules)} rules, {len(used)} figures")
    return 1 if faults else 0


sys.exit(main())
