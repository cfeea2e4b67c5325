/* test_pure.mjs - what the page makes of what it hears, without a page: the dashboard's own modules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf, segments, sinceWhen } from './history.js';
import { allFinite, isCustomName, Model } from './model.js';
import { Studio } from './studio.js';

const T0 = Date.parse('2026-01-01T10:00:00Z');
const iso = (minute) => new Date(T0 + minute * 60000).toISOString();
const doc = (rev, fields) => ({ TABLE_ID: 'ARO-001', UPTIME: rev, TIMESTAMP: iso(rev), SDP: 'up', ...fields });
const change = (rev, changes, more) => ({ rev, seq: rev, ts: iso(rev), by: 'A_pc', via: 'websocket', changes, ...more });

/* A window of an hour, as [from minute, to minute, value]. */
const pieces = (name, data) => segments(name, { state: null, current: null, from: T0, to: T0 + 3600000, end: T0 + 3600000, ...data })
    .map(({ from, to, value }) => [(from - T0) / 60000, (to - T0) / 60000, value]);

test('what is before the oldest event that is kept is not recorded', () => {
    const events = [change(10, { SDP: ['up', 'down'] }), change(20, { IDP: ['up', 'down'] })];
    assert.deepEqual(pieces('SDP', { events }), [[0, 10, undefined], [10, 60, 'down']]);
    assert.deepEqual(pieces('IDP', { events }), [[0, 10, undefined], [10, 20, 'up'], [20, 60, 'down']]);
    assert.deepEqual(pieces('ZCam', { events, current: doc(20, { ZCam: 'up' }) }), [[0, 10, undefined], [10, 60, 'up']]);
});

test('nothing recorded is nothing drawn, whatever is the case now', () => {
    assert.deepEqual(pieces('SDP', { events: [], current: doc(5) }), [[0, 60, undefined]]);
});

test('a window begins with the state before it', () => {
    const events = [change(10, { SDP: ['up', 'down'] })];
    assert.deepEqual(pieces('SDP', { events, state: doc(3) }), [[0, 10, 'up'], [10, 60, 'down']]);
    assert.deepEqual(pieces('SDP', { events: [], state: doc(3) }), [[0, 60, 'up']]);
});

test('what was not read to its end is drawn as far as it was read', () => {
    const events = [change(10, { SDP: ['up', 'down'] })];
    assert.deepEqual(pieces('SDP', { events, state: doc(3), to: T0 + 600000 }), [[0, 10, 'up'], [10, 60, undefined]]);
});

test('a removed table is nothing until it is created anew', () => {
    const events = [change(10, {}, { removed: true }), change(20, { SDP: [null, 'standby'] })];
    assert.deepEqual(pieces('SDP', { events, state: doc(3) }), [[0, 10, 'up'], [10, 20, undefined], [20, 60, 'standby']]);
});

test('a field may be named as what every object has', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
        const changes = JSON.parse(`{"${name}":[null,5]}`);
        assert.deepEqual(pieces(name, { events: [change(10, changes)], state: doc(3) }), [[0, 10, undefined], [10, 60, 5]]);
        assert.deepEqual(pieces(name, { events: [change(10, { SDP: ['up', 'down'] })], state: doc(3) }), [[0, 60, undefined]]);
    }
});

/* Since when SDP is what it is, of a model that heard `docs` and a history of `events`. */
function origin(docs, events) {
    const model = new Model();
    model.live(1);
    for (const each of docs) model.status(each, true);
    const read = sinceWhen(['SDP'], [...events].reverse()).get('SDP');
    return originOf(model.tables.get('ARO-001').since.get('SDP'), read, null);
}

test('since when is told by whoever saw it', () => {
    const down = change(5, { SDP: ['up', 'down'] });
    assert.equal(origin([doc(4), doc(5, { SDP: 'down' })], []).at, T0 + 5 * 60000); // seen, the history is not read yet
    assert.equal(origin([doc(4), doc(5, { SDP: 'down' })], [down]).by, 'A_pc');
});

test('of a change in a revision that was not seen only the history tells', () => {
    const docs = [doc(5), doc(30, { SDP: 'down' })];
    assert.equal(origin(docs, []), null);
    assert.equal(origin(docs, [change(2, { SDP: ['down', 'up'] })]), null); // read before it
    const found = origin(docs, [change(10, { SDP: ['up', 'down'] }), change(20, { ZCam: ['up', 'down'] })]);
    assert.deepEqual([found.at, found.by], [T0 + 10 * 60000, 'A_pc']);
});

test('names that messages keep for themselves are no fields', () => {
    for (const name of ['request_id', 'Table_ID', 'UPTIME', 'time_stamp', 'id', 'Token', 'event', 'data']) assert.equal(isCustomName(name), false, name);
    for (const name of ['dealer', 'constructor', 'ids', 'up.time']) assert.equal(isCustomName(name), true, name);
});

test('a number that JSON cannot carry is found wherever it is', () => {
    assert.equal(allFinite({ a: [1, { b: JSON.parse('1e400') }] }), false);
    assert.equal(allFinite({ a: [1, null, 'x', true] }), true);
});

/* --- all agents of a database ------------------------------------------------------------------- */

const agent = (id, since = null) => ({ agent_id: id, owner: 'edge', unknown_since: since });
const table = (of, id, fields) => ({ agent_id: of, table_id: id, status: { ...doc(1, fields), TABLE_ID: id } });
const page = (agents, tables, more) => ({ revision: 'r', agents, tables, ...more });
const told = (studio) => Object.fromEntries([...studio.agents.values()].map(({ id, counts, tables }) =>
    [id, `${tables.size}: ${counts.trouble} ${counts.maintenance} ${counts.well}`]));

test('of all agents what has changed is told, and counted', () => {
    const studio = new Studio();
    studio.take(page([agent('east'), agent('west')], [table('east', 'A'), table('east', 'B', { SDP: 'down' })], { reset: true }));
    assert.deepEqual(told(studio), {}); // another page follows
    studio.take(page([], [table('west', 'A', { SDP: 'down', MAINTENANCE: true })]));
    studio.settle();
    assert.deepEqual(told(studio), { east: '2: 1 0 1', west: '1: 0 1 0' });
    studio.take(page([agent('west', iso(5))], [table('east', 'A', { ZCam: 'down' }), { agent_id: 'east', table_id: 'B', removed: true }]));
    studio.settle();
    assert.deepEqual(told(studio), { east: '1: 1 0 0', west: '1: 0 1 0' });
    assert.equal(studio.agents.get('east').tables.get('A').why, 'ZCam down');
    assert.ok(Studio.known(studio.agents.get('east')));
    assert.ok(!Studio.known(studio.agents.get('west')));
    assert.equal(studio.agents.get('west').since, T0 + 300000);
    studio.take(page([{ agent_id: 'west', removed: true }], []));
    assert.deepEqual(told(studio), { east: '1: 1 0 0' });
});

test('when all agents are told anew, what was told before is there until all of it has come', () => {
    const studio = new Studio();
    studio.take(page([agent('east')], [table('east', 'A')], { reset: true }));
    studio.settle();
    studio.dirty.clear();
    studio.take(page([], [table('west', 'A')], { reset: true }));
    assert.deepEqual(told(studio), { east: '1: 0 0 1' });
    assert.ok(!Studio.known(studio.coming.get('west'))); // not told yet whose it is
    studio.take(page([agent('west')], []));
    studio.settle();
    assert.deepEqual(told(studio), { west: '1: 0 0 1' });
    assert.deepEqual([...studio.dirty].sort(), ['east', 'west']);
});
