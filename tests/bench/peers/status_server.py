"""What the agent is measured beside: a status server in memory on python3-websockets.

Same updates, same answers, same pushes as the agent; no broker, no disk, no tokens, no checks of
values. Usage: status_server.py  (prints `listening on ws://127.0.0.1:PORT`)
"""
import asyncio
import json
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import websockets

NAMES = ("SDP", "IDP", "BROKER", "ZCam", "ROULETTE", "SHAKER", "BARCODE_SCANNER", "NFC_SCANNER")
KEYS = {name.replace("_", "").lower(): name for name in NAMES}
tables = {}
subscribers = {}


def new_table(table_id):
    table = {"TABLE_ID": table_id, "UPTIME": 0, "TIMESTAMP": "", "MAINTENANCE": False}
    table.update({name: "down" for name in NAMES})
    return table


async def serve(socket):
    path = socket.path if hasattr(socket, "path") else socket.request.path  # before websockets 14
    query = parse_qs(urlsplit(path).query)
    table_id = query["id"][0].split("_")[0]
    table = tables.setdefault(table_id, new_table(table_id))
    if "subscribe" in query:
        subscribers.setdefault(table_id, set()).add(socket)
    await socket.send(json.dumps(table))
    try:
        async for text in socket:
            for key, value in json.loads(text).items():
                table[KEYS.get(key.replace("_", "").lower(), key)] = value
            table["UPTIME"] += 1
            table["TIMESTAMP"] = datetime.utcnow().isoformat(timespec="seconds")
            await socket.send(json.dumps({"status": "updated", "table_id": table_id}))
            if subscribers.get(table_id):
                push = json.dumps({"event": "status", "data": table})
                websockets.broadcast(subscribers[table_id], push)
    except websockets.ConnectionClosed:
        pass
    finally:
        subscribers.get(table_id, set()).discard(socket)


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, backlog=1024) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening on ws://127.0.0.1:{port}", flush=True)
        await asyncio.Future()


asyncio.run(main())
