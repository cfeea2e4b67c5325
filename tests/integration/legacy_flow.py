"""The earlier system's message flow, with a client that is not ours (Python's websockets).

Usage: legacy_flow.py URL    e.g. ws://localhost:8080; the token is MY_TOKEN.

A plain client that sends and then receives, one answer for one message, first authenticated by the
address, then by a message, and what the earlier system refused. Exits with 0 if all went as it should.
"""

import asyncio
import json
import sys

import websockets

TOKEN = "MY_TOKEN"


async def receive(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), 20))


async def ask(ws, message):
    await ws.send(json.dumps(message))
    return await receive(ws)


def expect(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: expected {wanted}, got {got}")


async def work(ws, table, document):
    """What a dealer PC does with a connection, however it was authenticated."""
    updated = {"status": "updated", "table_id": table}
    received = {"status": "received", "table_id": table}
    expect(document["TABLE_ID"], table, "first document")

    for value in ("up", "down", "standby", "calibration", "exception"):
        expect(await ask(ws, {"sdp": value}), updated, f"sdp {value}")
        expect(await ask(ws, {"idp": value}), updated, f"idp {value}")
    for device in ("broker", "zCam", "roulette", "shaker", "barcode_scanner", "nfc_scanner"):
        for value in ("up", "down", "up"):
            expect(await ask(ws, {device: value}), updated, f"{device} {value}")
    expect(
        await ask(ws, {"sdp": "up", "roulette": "up", "zCam": "down"}), updated, "several at once"
    )
    expect(await ask(ws, {"maintenance": True}), updated, "maintenance on")
    expect(await ask(ws, {"maintenance": False}), updated, "maintenance off")
    envelope = {"event": "service_status", "data": {"sdp": "calibration"}}
    expect(await ask(ws, envelope), updated, "envelope")
    expect(await ask(ws, {"event": "exception", "data": "NO BALL DETECT"}), received, "exception")
    signal = {
        "signal": {
            "msgId": "1",
            "metadata": {
                "title": "SENSOR STUCK",
                "description": "Sensor broken causes auto-recovery failure",
                "code": "ARE.3",
                "suggestion": "Clean or replace the ball",
            },
        },
        "cmd": {},
    }
    expect(await ask(ws, {"event": "exception", "data": signal}), received, "exception with signal")

    error = await ask(ws, {"sdp": "sideways"})
    expect(list(error), ["error"], "a wrong value")
    await ws.send("this is not JSON")
    expect(await receive(ws), {"error": "Invalid JSON format"}, "not JSON")

    status = (await ask(ws, {"event": "get"}))["data"]
    for field, value in {
        "SDP": "calibration",
        "IDP": "exception",
        "BROKER": "up",
        "ZCam": "down",
        "ROULETTE": "up",
        "MAINTENANCE": False,
    }.items():
        expect(status[field], value, field)
    expect(status["UPTIME"], document["UPTIME"] + 32, "UPTIME")


async def by_address(url):
    async with websockets.connect(f"{url}/?id=ARO-001_dealerPC&token={TOKEN}") as ws:
        await work(ws, "ARO-001", await receive(ws))


async def by_message(url):
    async with websockets.connect(url) as ws:
        welcome = {"message": "Connected to Studio WebSocket Server", "status": "ready"}
        expect(await receive(ws), welcome, "welcome")
        await work(ws, "ARO-002", await ask(ws, {"id": "ARO-002_dealerPC", "token": TOKEN}))


async def refused(url, query, reason):
    async with websockets.connect(url + query) as ws:
        try:
            sys.exit(f"{query}: let in with {await asyncio.wait_for(ws.recv(), 20)}")
        except websockets.ConnectionClosed as closed:
            expect((closed.code, closed.reason), (1008, reason), query)


async def two_clients(url):
    """Two clients of one table see each other's updates when they ask."""
    address = f"{url}/?id=ARO-003_%s&token={TOKEN}"
    async with websockets.connect(address % "one") as one:
        await receive(one)
        expect((await ask(one, {"shaker": "up"}))["status"], "updated", "the first client")
        async with websockets.connect(address % "two") as two:
            expect((await receive(two))["SHAKER"], "up", "what the second client sees")
            await ask(two, {"shaker": "down"})
        expect((await ask(one, {"event": "get"}))["data"]["SHAKER"], "down", "and the first again")


async def main(url):
    await by_address(url)
    await by_message(url)
    await two_clients(url)
    await refused(url, "/?id=ARO-001_dealerPC", "Missing authentication parameters")
    await refused(url, f"/?token={TOKEN}", "Missing authentication parameters")
    await refused(url, "/?id=ARO-001_dealerPC&token=wrong", "Invalid credentials")
    await refused(url, f"/?id=_dealerPC&token={TOKEN}", "Invalid table id")
    print("the earlier flow works, both ways of authenticating")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
