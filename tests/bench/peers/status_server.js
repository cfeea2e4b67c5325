/*
 * What the agent is measured beside: a status server in memory on the npm packages ws and mqtt.
 *
 * Same updates, same answers, same pushes, one event to MQTT (QoS 1) for each update and the
 * retained document at most every 100 ms and table, as the agent does; no disk, no tokens, no
 * checks of values. Usage: status_server.js BROKER_URI  (prints `listening on ws://127.0.0.1:PORT`)
 */
'use strict';
const { WebSocketServer, WebSocket } = require('ws');
const mqtt = require('mqtt');

const names = ['SDP', 'IDP', 'BROKER', 'ZCam', 'ROULETTE', 'SHAKER', 'BARCODE_SCANNER', 'NFC_SCANNER'];
const normal = (key) => key.replaceAll('_', '').toLowerCase();
const keys = new Map(names.map((name) => [normal(name), name]));
const tables = new Map();
const broker = mqtt.connect(process.argv[2], { protocolVersion: 5 });
let seq = 0;

function open(id) {
    if (!tables.has(id)) {
        const state = { TABLE_ID: id, UPTIME: 0, TIMESTAMP: '', MAINTENANCE: false };
        for (const name of names) state[name] = 'down';
        tables.set(id, { id, state, subscribers: new Set(), timer: null });
    }
    return tables.get(id);
}

function publish(table, changes, by) {
    const event = { seq: ++seq, table_id: table.id, rev: table.state.UPTIME, ts: new Date().toISOString(), by, changes };
    broker.publish(`studio/tables/${table.id}/changes`, JSON.stringify(event), { qos: 1 });
    table.timer ??= setTimeout(() => {
        table.timer = null;
        broker.publish(`studio/tables/${table.id}/status`, JSON.stringify(table.state), { qos: 1, retain: true });
    }, 100);
}

function update(table, message, by) {
    const changes = {};
    for (const [key, value] of Object.entries(message)) {
        const name = keys.get(normal(key)) ?? key;
        if (table.state[name] !== value) changes[name] = [table.state[name], value];
        table.state[name] = value;
    }
    table.state.UPTIME++;
    table.state.TIMESTAMP = new Date().toISOString().slice(0, 19);
    publish(table, changes, by);
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 1024 });
server.on('connection', (socket, request) => {
    const query = new URL(request.url, 'ws://localhost').searchParams;
    const id = query.get('id');
    const table = open(id.split('_')[0]);
    if (query.has('subscribe')) table.subscribers.add(socket);
    socket.send(JSON.stringify(table.state));
    socket.on('message', (text) => {
        update(table, JSON.parse(text), id);
        socket.send(JSON.stringify({ status: 'updated', table_id: table.id }));
        if (!table.subscribers.size) return;
        const push = JSON.stringify({ event: 'status', data: table.state });
        for (const s of table.subscribers) if (s.readyState === WebSocket.OPEN) s.send(push);
    });
    socket.on('close', () => table.subscribers.delete(socket));
    socket.on('error', () => {});
});
broker.on('connect', () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
