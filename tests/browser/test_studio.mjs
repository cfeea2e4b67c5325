/* test_studio.mjs - the tables of all agents that share a database: what is shown of one that was killed, and of a thousand. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectDevices, Database, inspect, logIn, openBrowser, openPage, picture, Stage, until, viewer } from './rig.mjs';

const AGENTS = 1000;
const TABLES = 20; // of each
const skip = !Database.there() && 'postgresql is not installed';

let database;
let east;
let west;
let browser;
let devices = [];
let page;

before(async () => {
    if (skip) return;
    database = await new Database().open();
    east = await new Stage({ id: 'east', store: database.url }).open();
    west = await new Stage({ id: 'west', store: database.url }).open();
    devices = [await connectDevices(east, ['ARO-001', 'ARO-002']), await connectDevices(west, ['BAC-001', 'BAC-002'])];
    browser = await openBrowser();
    page = await openPage(browser, east);
    await logIn(page, viewer);
});
after(async () => {
    for (const device of devices.flatMap((of) => [...of.values()])) device.close();
    await browser?.close();
    await west?.close();
    await east?.close();
    await database?.close();
});

const line = (id) => page.locator(`.agent-line[data-id="${id}"]`);
const attention = (id) => page.locator(`.studio .row[data-id="${id}"]`);
const classOf = (id) => page.evaluate((name) => document.querySelector(`.studio .tile[data-id="${name}"]`)?.className ?? 'none', id);

function clean() {
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(page.elsewhere, []);
}

test('all agents of the database are shown', { skip }, async () => {
    await page.locator('#nav-studio').click();
    await line('east').getByText('2 tables').waitFor();
    await line('west').getByText('2 tables').waitFor();
    assert.equal(await page.locator('.studio .tile').count(), 0);
    await line('west').locator('button').click();
    await until('well', async () => (await classOf('BAC-001')) === 'tile well');
    await devices[1].get('BAC-001').update({ zcam: 'down' });
    await attention('BAC-001').getByText('ZCam down').waitFor();
    await until('in trouble', async () => (await classOf('BAC-001')) === 'tile trouble');
    assert.equal(await line('east').locator('.tile').count(), 0);
    await page.locator('.studio input[type=search]').fill('aro-002');
    await until('east alone, unfolded', async () => (await line('west').isHidden()) && (await line('east').locator('.tile').count()) === 1);
    await page.locator('.studio input[type=search]').fill('');
    await line('west').waitFor();
    await inspect(page, 'studio');
    clean();
});

test('the tables of an agent that was killed are unknown since its ownership ran out', { skip }, async () => {
    await west.agent.end('SIGKILL');
    await line('west').getByText(/^unknown since \d\d:\d\d/).waitFor();
    const since = await attention('west').locator('b').innerText();
    const ran = database.ask("SELECT to_char(valid_until AT TIME ZONE 'UTC', 'HH24:MI') FROM studio_agents WHERE agent = 'west'");
    assert.ok(since.startsWith(`unknown since ${ran} `), since);
    await until('hatched', async () => (await classOf('BAC-001')) === 'tile unknown was' && (await classOf('BAC-002')) === 'tile unknown');
    await attention('BAC-001').waitFor({ state: 'detached' });
    await inspect(page, 'studio, one is unknown');
    await picture(page, 'studio');
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    await inspect(page, 'studio, dark, on a phone');
    await picture(page, 'studio-phone');
    await page.setViewportSize({ width: 1280, height: 900 });
    await west.startAgent();
    await until('known again', async () => (await classOf('BAC-001')) === 'tile trouble');
    clean();
});

test('without the database all is unknown', { skip }, async () => {
    await page.route(/api\/v1\/studio/, (route) => route.fulfill({ status: 503, json: { status: 503, title: 'Storage unavailable' } }));
    await page.getByText(/^Everything here is unknown since .* Storage unavailable$/).waitFor();
    await until('hatched', async () => (await classOf('BAC-001')) === 'tile unknown was');
    await page.unroute(/api\/v1\/studio/);
    await until('known again', async () => (await classOf('BAC-001')) === 'tile trouble');
    clean();
});

test('a thousand agents of twenty tables', { skip }, async () => {
    database.ask(`INSERT INTO studio_agents (agent, epoch, boot, owner, valid_until, last_seq) SELECT 'n' || i, md5(i::text), 1, 'edge-' || i,
            now() + interval '1 day', 20 FROM generate_series(1, ${AGENTS}) i;
        INSERT INTO studio_tables (agent, id, rev, document) SELECT 'n' || i, 'T' || i || '-' || j, 1, replace(document, 'BAC-002', 'T' || i || '-' || j)
            FROM generate_series(1, ${AGENTS}) i, generate_series(1, ${TABLES}) j, studio_tables WHERE id = 'BAC-002' AND agent = 'west'`);
    await page.evaluate(() => {
        window.longTasks = [];
        new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: 'longtask' });
    });
    const since = Date.now();
    const total = AGENTS * TABLES + 4;
    await until('all counted', async () => (await page.locator('.studio .filter .count').first().innerText()) === String(total));
    console.log(`    ${AGENTS} agents with ${total} tables shown after ${Date.now() - since} ms, longest task ${Math.max(0, ...await page.evaluate(() => window.longTasks))} ms`);
    assert.equal(await page.locator('.agent-line').count(), AGENTS + 2);
    await page.locator('.studio input[type=search]').fill('t777-13');
    await until('one is found', async () => (await classOf('T777-13')) === 'tile well');
    await page.locator('.studio input[type=search]').fill('');
    await line('n1000').scrollIntoViewIfNeeded();
    await line('n1000').locator('button').click();
    await until('unfolded', async () => (await line('n1000').locator('.tile').count()) === TABLES);
    database.ask("UPDATE studio_agents SET valid_until = now() WHERE agent LIKE 'n%'");
    await until('all of them unknown', async () => (await page.locator('.studio .filter .count').nth(2).innerText()) === String(AGENTS * TABLES));
    console.log(`    longest task of all that: ${Math.max(0, ...await page.evaluate(() => window.longTasks))} ms`);
    clean();
});
