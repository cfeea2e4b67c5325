/* test_examples.mjs - the examples of client/examples, run as they stand there. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import RED from 'node-red';
import { Client, Process, Stage, until } from './stage.mjs';

const stage = new Stage();
let device, watcher;
const heard = new Map();

before(async () => {
    await stage.open();
    device = new Client(stage, 'ARO-001_dealerPC', 'device');
    await device.opened;
    watcher = await mqtt.connectAsync(`mqtt://127.0.0.1:${stage.brokerPort}`);
    watcher.on('message', (topic, payload) => heard.set(topic, [...(heard.get(topic) ?? []), payload.toString()]));
    await watcher.subscribeAsync('floor/#', { qos: 1 });
});

after(async () => {
    device?.close();
    await watcher?.endAsync(true);
    await stage.close();
});

function consumer(place) {
    return new Process('node', [join(import.meta.dirname, 'back_office.mjs'), `mqtt://office@127.0.0.1:${stage.brokerPort}`, place]);
}

const events = (process) => process.said.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

async function update(count, from) {
    for (let i = 0; i < count; i++) await device.update({ lap: from + i });
}

test('the back office misses nothing', async () => {
    const place = join(mkdtempSync(join(tmpdir(), 'place-')), 'place');
    let office = consumer(place);
    const laps = [];
    const note = () => laps.push(...events(office).filter((event) => event.changes?.lap).map((event) => event.changes.lap[1]));

    await until('it listens', async () => {
        await update(1, 0);
        return events(office).length > 0;
    });
    await update(20, 100);
    await until('all of it', () => events(office).at(-1)?.changes?.lap?.[1] === 119);
    await office.end('SIGKILL');
    note();
    await update(20, 120);
    await stage.broker.end('SIGKILL'); // it keeps nothing: a hole for the office
    await update(20, 140);
    await stage.startBroker();
    office = consumer(place);
    await until('what it missed', () => events(office).at(-1)?.changes?.lap?.[1] === 159);
    note();
    await office.end();
    assert.deepEqual(laps.filter((lap) => lap >= 100), Array.from({ length: 60 }, (_, i) => 100 + i));
});

test('the back office reads another store from its beginning', async () => {
    const place = join(mkdtempSync(join(tmpdir(), 'place-')), 'place');
    let office = consumer(place);

    await until('it listens', async () => {
        await update(1, 200);
        return events(office).length > 0;
    });
    await office.end();
    await update(3, 201); // the broker keeps them, and gives them before any answer comes
    const places = JSON.parse(readFileSync(place));
    for (const each of Object.values(places)) Object.assign(each, { epoch: 'f'.repeat(32), seq: 7 });
    writeFileSync(place, JSON.stringify(places));
    office = consumer(place);
    await until('all of it', () => events(office).at(-1)?.changes?.lap?.[1] === 203);
    const seqs = events(office).map((event) => event.seq);
    await office.end();
    assert.deepEqual(seqs, seqs.map((_, i) => i + 1));
});

test('the flow tells the floor and takes its switches', async () => {
    const userDir = mkdtempSync(join(tmpdir(), 'node-red-'));
    Object.assign(process.env, { STUDIO_BROKER: '127.0.0.1', STUDIO_PORT: `${stage.brokerPort}` });
    RED.init(createServer(), { httpAdminRoot: false, httpNodeRoot: false, userDir, flowFile: join(import.meta.dirname, 'node_red.json'),
        readOnly: true, telemetry: { enabled: false }, logging: { console: { level: 'off' } } });
    await RED.start();
    await device.update({ sdp: 'up', idp: 'up', broker: 'up', zcam: 'up', roulette: 'up', shaker: 'up', barcode: 'up', nfc: 'up' });
    await until('no trouble', () => heard.get('floor/ARO-001/trouble')?.at(-1) === 'none');
    await device.update({ roulette: 'down' });
    await until('trouble', () => heard.get('floor/ARO-001/trouble')?.at(-1) === 'ROULETTE');
    await watcher.publishAsync('floor/ARO-001/maintenance', 'on', { qos: 1 });
    await until('an answer', () => heard.get('floor/ARO-001/answer')?.at(-1) === 'updated');
    await until('maintenance', () => heard.get('floor/ARO-001/trouble')?.at(-1) === 'maintenance');
    await watcher.publishAsync('floor/XYZ-9/maintenance', 'off', { qos: 1 });
    await until('a refusal', () => heard.get('floor/XYZ-9/answer')?.at(-1) === 'Unknown table: XYZ-9');
    await RED.stop();
});
