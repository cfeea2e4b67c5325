/* test_timeline.mjs - the timeline and the list of changes say what the history says. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Client, connectDevices, logIn, openBrowser, openPage, Stage, until, viewer } from './rig.mjs';

let stage;
let browser;
let device;
let page;

before(async () => {
    stage = await new Stage().open();
    device = (await connectDevices(stage, ['ARO-001'])).get('ARO-001');
    const office = new Client(stage, 'OFFICE_back', 'operator');
    await office.opened;
    for (const update of [{ sdp: 'exception' }, { zcam: 'down', dealer: 'Ann' }, { sdp: 'calibration' }, { sdp: 'up', zcam: 'up' }])
        await device.update(update);
    await office.update({ table_id: 'ARO-001', maintenance: true });
    await office.update({ table_id: 'ARO-001', maintenance: false, dealer: null });
    browser = await openBrowser();
    page = await openPage(browser, stage);
    await logIn(page, viewer);
    await page.evaluate(() => (location.hash = '#/table/ARO-001'));
    await page.locator('svg.timeline').waitFor();
    office.close();
});
after(async () => {
    device?.close();
    await browser?.close();
    await stage?.close();
});

/* What is drawn: field → its pieces, in order. */
const drawn = () => page.evaluate(() => {
    const fields = {};
    for (const { dataset } of document.querySelectorAll('svg.timeline g[data-field]'))
        (fields[dataset.field] ??= []).push({ from: Number(dataset.from), to: Number(dataset.to), value: JSON.parse(dataset.value) });
    return fields;
});

/* The same, made of the events one by one, and in another way than the page does it. */
function expected(events, from) {
    const fields = {};
    for (const { ts, changes } of events) {
        const at = Date.parse(ts);
        for (const [name, [, value]] of Object.entries(changes)) {
            fields[name] ??= [{ from, value: null }];
            fields[name].push({ from: at, value });
        }
    }
    for (const pieces of Object.values(fields)) pieces.forEach((piece, i) => (piece.to = pieces[i + 1]?.from ?? Infinity));
    return fields;
}

/* Pieces that a screen can show: of no length none, and two of one value are one. */
function visible(pieces) {
    const list = [];
    for (const piece of pieces.filter(({ from, to }) => to > from))
        if (list.at(-1)?.value === piece.value) list.at(-1).to = piece.to;
        else list.push({ ...piece });
    return list;
}

async function expectDrawn() {
    let different = '';
    const { events } = await stage.api('tables/ARO-001/history?order=asc&limit=1000');
    await until('the timeline is that of the history', async () => {
        const fields = await drawn();
        const wanted = expected(events, fields.SDP[0].from);
        for (const [name, pieces] of Object.entries(wanted)) {
            const seen = visible(fields[name] ?? []);
            const told = visible(pieces.map((piece) => ({ ...piece, to: Math.min(piece.to, fields.SDP.at(-1).to) })));
            if (!isDeepStrictEqual(seen, told)) {
                different = `${name}: ${JSON.stringify(seen)}, not ${JSON.stringify(told)}`;
                return false;
            }
        }
        return true;
    }).catch((error) => assert.fail(`${error.message}: ${different}`));
    return events;
}

test('each field is drawn as the history has it, also what comes while one looks', async () => {
    await expectDrawn();
    await device.update({ idp: 'down' });
    await expectDrawn();
    assert.deepEqual(page.complaints, []);
});

test('a window that begins later begins with the state before it', async () => {
    const events = await expectDrawn();
    await page.getByRole('button', { name: 'Earlier' }).click();
    // Eight hours ago there was no table: nothing is claimed.
    await until('nothing is recorded', async () => Object.values(await drawn()).flat().every((piece) => piece.value === null));
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await page.getByRole('button', { name: 'Hour', exact: true }).click();
    await expectDrawn();
    const since = events.find((event) => event.rev === 3).ts; // in the middle of it
    const late = await stage.api(`tables/ARO-001/history?state=1&order=asc&since=${encodeURIComponent(since)}`);
    assert.ok(late.state, 'the document before the window');
    assert.equal(late.state.UPTIME, late.events[0].rev - 1);
});

test('every change is listed with its author, newest first', async () => {
    await page.fill('#since-time', '00:00');
    const { events } = await stage.api('tables/ARO-001/history?order=desc&limit=1000');
    const wanted = events.flatMap((event) => (event.rev === 0 ? [['the table was created', event.by]]
        : Object.entries(event.changes).map(([field, [from, to]]) => [`${field} ${from ?? '–'} → ${to ?? '–'}`, event.by])));
    await until('the list is that of the history', async () => {
        const rows = await page.evaluate(() => [...document.querySelectorAll('.changes tbody tr')].map((row) =>
            [row.cells[1].textContent, row.cells[2].firstChild.textContent]));
        return JSON.stringify(rows.sort()) === JSON.stringify([...wanted].sort());
    });
    await page.getByText(`${wanted.length} changes since`).waitFor();
});

test('since when and by whom stands at each field', async () => {
    await page.locator('.fields tr[data-field="IDP"]').getByText(/since .* by ARO-001_dealerPC over websocket/).waitFor();
    await page.locator('.fields tr[data-field="MAINTENANCE"]').getByText(/since .* by OFFICE_back over websocket/).waitFor();
});
