/* test_dashboard.mjs - what a person does with the dashboard, and what he must never be shown. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { allUp, Client, connectDevices, levelOf, levels, logIn, openBrowser, openPage, operator, Stage, tile, until, viewer } from './rig.mjs';

const ids = ['ARO-001', 'ARO-002', 'ARO-003', 'ARO-010', 'BAC-001', 'BAC-002'];
const UNKNOWN_MS = 3000; // the goal; the bound of the tests is WAIT_MS
const note = (what, ms) => console.log(`    ${what}: ${ms} ms (goal ${UNKNOWN_MS})`);

let stage;
let browser;
let devices;
let office;
let page;

before(async () => {
    stage = await new Stage().open();
    devices = await connectDevices(stage, ids);
    office = new Client(stage, 'OFFICE_back', 'operator');
    await office.opened;
    browser = await openBrowser();
});
after(async () => {
    office?.close();
    for (const device of devices?.values() ?? []) device.close();
    await browser?.close();
    await stage?.close();
});
beforeEach(async () => {
    await page?.context().close();
    page = await openPage(browser, stage);
});

const everyTile = () => until('all tiles', async () => (await page.locator('.tile').count()) >= ids.length);
const allWell = () => until('all well', async () => (await levels(page)).well === ids.length);

async function enter(who = viewer, hash = '') {
    await logIn(page, who);
    await everyTile();
    if (hash) await page.evaluate((to) => (location.hash = to), hash);
}

/* The page has said nothing it should not, and asked nobody else. */
function clean() {
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(page.elsewhere, []);
}

test('a wrong token is told, and nothing is shown', async () => {
    await page.fill('#login-id', viewer.id);
    await page.fill('#login-token', 'WRONG_TOKEN_0123456789');
    await page.click('.login button[type=submit]');
    await page.getByText('The agent refused the login: Invalid credentials').waitFor();
    assert.equal(await page.locator('.tile').count(), 0);
    assert.equal(await page.inputValue('#login-id'), viewer.id);
    await logIn(page, viewer);
    await everyTile();
    clean();
});

test('the token is kept for the tab only', async () => {
    await enter();
    await page.reload();
    await everyTile();
    const [local, cookies] = await page.evaluate(() => [JSON.stringify(localStorage), document.cookie]);
    assert.ok(!local.includes(viewer.token) && cookies === '' && !page.url().includes('TOKEN'));
    const other = await page.context().newPage();
    await other.goto(stage.url);
    await other.locator('#login-id').waitFor();
    await page.click('#logout');
    await page.locator('#login-id').waitFor();
    assert.ok(!(await page.evaluate(() => JSON.stringify(sessionStorage))).includes(viewer.token));
    clean();
});

test('a page that is not let in after it was loaded again says why, and goes on trying', async () => {
    await enter();
    let closed = true;
    await page.routeWebSocket(/v1\/ws$/, (socket) => (closed ? socket.close({ code: 1013, reason: 'Try again later' }) : socket.connectToServer()));
    await page.reload();
    await page.getByText('The agent does not let the page in: Try again later.').waitFor();
    assert.equal(await page.inputValue('#login-id'), viewer.id);
    closed = false;
    await everyTile();
    clean();
});

test('an address that is none is no harm', async () => {
    await enter(viewer, '#/table/%');
    await page.getByText('There is no table %.').waitFor();
    clean();
});

test('a board in which all is well is calm', async () => {
    await enter();
    await allWell();
    await page.getByText(`All ${ids.length} tables are well. Nothing needs attention.`).waitFor();
    assert.equal(await page.locator('.rows .row').count(), 0);
    assert.equal(await page.locator('.group').count(), 2);
    assert.ok(await page.locator('#nav-studio').isHidden()); // the store is a file: there are no other agents
    clean();
});

test('a change by another client is seen, and who needs attention stands first', async () => {
    await enter();
    await allWell();
    await devices.get('ARO-002').update({ sdp: 'exception', zcam: 'down' });
    await until('ARO-002 in trouble', async () => (await levelOf(page, 'ARO-002')) === 'trouble');
    const row = page.locator('.row[data-id="ARO-002"]');
    await row.getByText('SDP exception').waitFor();
    await row.getByText('ZCam down').waitFor();
    await row.getByText(/since .* by ARO-002_dealerPC over websocket/).first().waitFor();
    await row.getByText(/last: .*by ARO-002_dealerPC/).waitFor();
    await devices.get('ARO-002').update({ sdp: 'up', zcam: 'up' });
    await until('the row is gone', async () => (await row.count()) === 0);
    await allWell();
    clean();
});

test('maintenance is shown as what it is', async () => {
    await enter();
    await office.update({ table_id: 'BAC-001', maintenance: true, sdp: 'down' });
    await until('maintenance', async () => (await levelOf(page, 'BAC-001')) === 'maintenance');
    assert.equal(await page.locator('.row[data-id="BAC-001"]').count(), 0);
    await office.update({ table_id: 'BAC-001', maintenance: false, sdp: 'up' });
    await allWell();
    clean();
});

test('an exception is shown at its table, on its page and in the feed, with what to do', async () => {
    await enter();
    await allWell();
    const metadata = { title: 'SENSOR STUCK', code: 'ARE.3', description: 'no signal', suggestion: 'Clean the sensor' };
    await devices.get('ARO-003').send({ event: 'exception', data: { signal: { msgId: '1', metadata }, cmd: {} } });
    await until('the tile', async () => (await levelOf(page, 'ARO-003')) === 'notice');
    assert.match(await tile(page, 'ARO-003').innerText(), /SENSOR STUCK/);
    await page.evaluate(() => (location.hash = '#/exceptions'));
    const feed = page.locator('.feed tbody tr').first();
    await feed.getByText('Clean the sensor').waitFor();
    await feed.getByText('ARO-003_dealerPC').waitFor(); // who sent it comes out of the stream
    await page.evaluate(() => (location.hash = '#/table/ARO-003'));
    await page.locator('.table-page .exceptions').getByText('Clean the sensor').waitFor();
    await page.locator('.table-page svg .seg.notice').first().waitFor();
    clean();
});

test('a table whose last device is gone is unknown, whatever it was', async () => {
    await enter();
    await until('known', async () => (await levelOf(page, 'ARO-010')) === 'well');
    const device = devices.get('ARO-010');
    device.close();
    await until('unknown', async () => (await levelOf(page, 'ARO-010')) === 'unknown');
    await page.locator('.row[data-id="ARO-010"]').getByText(/unknown since \d\d:\d\d .*no device is connected/).waitFor();
    devices.set('ARO-010', new Client(stage, 'ARO-010_dealerPC', 'device'));
    await devices.get('ARO-010').opened;
    await until('known again', async () => (await levelOf(page, 'ARO-010')) === 'well');
    clean();
});

/* Nothing that could be taken for well: neither a tile nor the line on the agent. */
async function expectHatched(since) {
    await until('all hatched', async () => (await levels(page)).unknown === ids.length);
    await page.locator('#lost').getByText(/everything here is unknown since/).waitFor();
    assert.equal(await page.locator('.line .well').count(), 0);
    return Date.now() - since;
}

test('an agent that is killed makes all of it unknown at once, and it comes back by itself', async () => {
    await enter();
    await until('known', async () => !(await levels(page)).unknown);
    const since = Date.now();
    await stage.agent.end('SIGKILL');
    note('agent killed, all hatched after', await expectHatched(since));
    for (const device of devices.values()) device.close();
    await stage.startAgent();
    devices = await connectDevices(stage, ids);
    office = new Client(stage, 'OFFICE_back', 'operator');
    await office.opened;
    await until('known again', async () => !(await levels(page)).unknown);
    await until('no word of it', async () => !(await page.locator('#lost').isVisible()));
    await page.locator('.line .live.well').waitFor();
    clean();
});

test('an agent that hangs is found out as well', async () => {
    await enter();
    await until('known', async () => !(await levels(page)).unknown);
    const since = Date.now();
    stage.agent.child.kill('SIGSTOP');
    note('agent stopped, all hatched after', await expectHatched(since));
    stage.agent.child.kill('SIGCONT');
    await until('known again', async () => !(await levels(page)).unknown);
    clean();
});

test('a table removed while nobody could tell is gone when the agent is back', async () => {
    const guest = new Client(stage, 'TMP-001_pc', 'device');
    await guest.opened;
    await enter();
    await until('the guest', async () => (await levelOf(page, 'TMP-001')) !== 'none');
    stage.agent.child.kill('SIGSTOP');
    await until('all hatched', async () => (await levels(page)).unknown === ids.length + 1);
    guest.close();
    stage.agent.child.kill('SIGCONT');
    await until('it can be removed', async () => (await office.send({ event: 'remove_table', data: { table_id: 'TMP-001' } })).status);
    await until('gone', async () => (await levelOf(page, 'TMP-001')) === 'none');
    await until('the others are known', async () => !(await levels(page)).unknown);
    clean();
});

test('an operator sets a value; what he does names the table', async () => {
    await enter(operator, '#/table/BAC-002');
    await page.getByRole('button', { name: 'Set ROULETTE of BAC-002' }).click();
    const dialog = page.getByRole('dialog', { name: 'Set ROULETTE of BAC-002' });
    await dialog.locator('select').selectOption('down');
    await dialog.getByRole('button', { name: 'Set ROULETTE of BAC-002 to down' }).click();
    await page.getByText('BAC-002: ROULETTE is down now, on the agent’s disk.').waitFor();
    const row = page.locator('.fields tr[data-field="ROULETTE"]');
    await until('the page shows it', async () => /down/.test(await row.locator('.value').innerText()));
    await row.getByText(new RegExp(`by ${operator.id} over websocket`)).waitFor();
    assert.equal((await stage.api('tables/BAC-002')).ROULETTE, 'down');
    await page.getByRole('button', { name: 'Start maintenance' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Start maintenance of BAC-002' }).click();
    await page.getByRole('button', { name: 'End maintenance' }).waitFor();
    assert.equal((await stage.api('tables/BAC-002')).MAINTENANCE, true);
    // What the button says is what it does, whatever another does meanwhile.
    await page.getByRole('button', { name: 'End maintenance' }).click();
    await office.update({ table_id: 'BAC-002', maintenance: false });
    await page.getByRole('button', { name: 'Start maintenance', includeHidden: true }).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'End maintenance of BAC-002' }).click();
    await page.getByText('BAC-002: MAINTENANCE is false now').waitFor();
    assert.equal((await stage.api('tables/BAC-002')).MAINTENANCE, false);
    await office.update({ table_id: 'BAC-002', maintenance: false, ...allUp });
    clean();
});

test('a refusal is told in the words of the agent', async () => {
    await enter(operator, '#/table/BAC-002');
    await page.getByRole('button', { name: 'Set a custom field' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('#set-name').fill('Time_Stamp');
    await dialog.locator('textarea').fill('5');
    await dialog.locator('.go').click();
    await dialog.getByText('No field can be named Time_Stamp').waitFor();
    await dialog.locator('#set-name').fill('dealer');
    await dialog.locator('textarea').fill('Ann');
    await dialog.locator('.go').click();
    await dialog.getByText('This is no JSON.').waitFor();
    await dialog.locator('textarea').fill(`"${'x'.repeat(2000)}"`);
    await dialog.locator('.go').click();
    await dialog.getByText('The agent refused it: Value too large: dealer. Nothing was changed.').waitFor();
    await dialog.locator('textarea').fill('"Ann"');
    await dialog.getByRole('button', { name: 'Set dealer of BAC-002 to Ann' }).click();
    await page.locator('.fields tr[data-field="dealer"]').getByText('Ann').waitFor();
    await office.update({ table_id: 'BAC-002', dealer: null });
    await until('it is gone', async () => (await page.locator('.fields tr[data-field="dealer"]').count()) === 0);
    clean();
});

test('a viewer is offered nothing that would be refused', async () => {
    await enter(viewer, '#/table/BAC-002');
    await page.locator('.fields tr[data-field="SDP"]').waitFor();
    assert.equal(await page.locator('.table-page button').filter({ hasText: /^Set|maintenance/ }).count(), 0);
    clean();
});

test('search, filters, folding and the keys', async () => {
    await enter();
    await page.keyboard.press('/');
    await page.keyboard.type('bac');
    await until('two are left', async () => (await page.locator('.tile:visible').count()) === 2);
    await page.keyboard.press('Escape');
    await page.fill('#search', '');
    await page.getByRole('button', { name: /^unknown/ }).click();
    await page.getByText('No table matches.').waitFor();
    await page.getByRole('button', { name: /^all/ }).click();
    await page.locator('.group[aria-label="BAC"] h2 button').click();
    await until('folded', async () => (await page.locator('.tile:visible').count()) === 4);
    await tile(page, 'ARO-001').focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.id), 'ARO-002');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'ARO-002' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('w');
    await until('wall', () => page.evaluate(() => document.documentElement.classList.contains('wall')));
    await page.keyboard.press('Escape');
    await until('no wall', () => page.evaluate(() => !document.documentElement.classList.contains('wall')));
    clean();
});

test('whether the mirror is behind is said', async () => {
    await enter();
    const mirror = page.locator('.line .mirror .said');
    await until('up to date', async () => (await mirror.innerText()) === 'up to date');
    await stage.broker.end('SIGKILL');
    await until('no broker', async () => /^no broker/.test(await mirror.innerText()));
    await office.update({ table_id: 'ARO-001', note: 1 });
    await until('it waits', async () => /^no broker: \d+ events wait, the oldest for/.test(await mirror.innerText()));
    await stage.startBroker();
    await until('up to date again', async () => (await mirror.innerText()) === 'up to date');
    clean();
});
