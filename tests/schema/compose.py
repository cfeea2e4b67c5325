"""compose.py - each port that docker-compose opens on the host leads to one that is listened on in its container, with
TLS as without, and of two machines.

What is published by a further file is added to what the first one has: none can take a port away.
"""

import re
import sys
from pathlib import Path

from schemas import yaml

FOLDER = Path(__file__).resolve().parents[2] / "compose"
PLAIN = ["docker-compose.yml"]
WAYS = [PLAIN, PLAIN + ["docker-compose.tls.yml"], ["docker-compose.two.yml"]]


def merged(names):
    services = {}
    for name in names:
        for service, has in yaml.safe_load((FOLDER / name).read_text())["services"].items():
            into = services.setdefault(service, {"ports": [], "command": []})
            into["ports"] = into["ports"] + has.get("ports", [])
            into["command"] = has.get("command", into["command"])
    return services


def listened(services, service):
    """The ports on which others than the container itself are heard."""
    if service.startswith("broker"):  # setup DIR LISTENER[,LISTENER...] [SUBJECTS]
        setup = services["setup"]["command"]
        if setup[0] == "bash":  # with other commands
            setup = next(line.split() for line in setup[-1].splitlines() if line.startswith("/opt/studio/setup "))
        return {listener.split()[0] for listener in setup[2].split(",")}
    flags = " ".join(services[service]["command"])
    return {port for host, port in re.findall(r"([\d.]+):(\d+)", flags) if host == "0.0.0.0"}


faults = 0
for way in WAYS:
    services = merged(way)
    for service in (name for name in services if name.startswith(("broker", "agent"))):
        if not services[service]["ports"]:
            print(f"{' and '.join(way)}: {service}: nobody can come to it")
            faults += 1
        for port in services[service]["ports"]:
            inside = port.rsplit(":", 1)[1]
            if inside not in listened(services, service):
                print(f"{' and '.join(way)}: {service}: {port} leads nowhere")
                faults += 1
sys.exit(faults > 0)
