/* test_look.mjs - every view in both themes: no fault that axe-core finds, and a picture of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, connectDevices, inspect, levels, logIn, openBrowser, openPage, operator, picture, Stage, until } from './rig.mjs';

const ids = ['ARO', 'BAC', 'ROU'].flatMap((prefix) => Array.from({ length: 18 }, (_, i) => `${prefix}-${String(i + 1).padStart(3, '0')}`));
const sizes = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 900 }, '4k': { width: 3840, height: 2160 } };

let stage;
let browser;
let devices;

/* A day as it may be: two in trouble, one in maintenance, one gone, an exception. */
before(async () => {
    stage = await new Stage().open();
    devices = await connectDevices(stage, ids);
    await devices.get('ARO-007').update({ sdp: 'exception', zcam: 'down' });
    await devices.get('BAC-003').update({ nfc_scanner: 'down', dealer: 'Ann B.' });
    await devices.get('BAC-012').update({ sdp: 'calibration', idp: 'standby' });
    const metadata = { title: 'SENSOR STUCK', code: 'ARE.3', description: 'The shaker’s sensor gives no signal.', suggestion: 'Clean the sensor, then start the shaker again.' };
    await devices.get('ROU-002').send({ event: 'exception', data: { signal: { msgId: '1', metadata }, cmd: {} } });
    await devices.get('ARO-007').send({ event: 'exception', data: 'NO BALL DETECT' });
    const office = new Client(stage, 'OFFICE_shift', 'operator');
    await office.opened;
    await office.update({ table_id: 'ROU-005', maintenance: true });
    office.close();
    devices.get('ROU-011').close();
    browser = await openBrowser();
});
after(async () => {
    for (const device of devices?.values() ?? []) device.close();
    await browser?.close();
    await stage?.close();
});

const to = (page, hash) => page.evaluate((where) => (location.hash = where), hash);

/* name → [how to get there, how to leave] */
const views = {
    board: [async (page) => {
        await to(page, '#/');
        await page.locator('.row[data-id="ARO-007"]').getByText(/since .* by/).first().waitFor();
    }],
    table: [async (page) => {
        await to(page, '#/table/ARO-007');
        await page.locator('svg.timeline g[data-field="SDP"]').first().waitFor();
        await page.locator('.changes tbody tr').first().waitFor();
    }],
    feed: [async (page) => {
        await to(page, '#/exceptions');
        await page.getByText('Clean the sensor').waitFor();
        await page.locator('.feed').getByText('ROU-002_dealerPC').waitFor();
    }],
    set: [async (page) => {
        await to(page, '#/table/ARO-007');
        await page.getByRole('button', { name: 'Set SDP of ARO-007' }).click();
    }, (page) => page.keyboard.press('Escape')],
    keys: [(page) => page.keyboard.press('?'), (page) => page.keyboard.press('Escape')],
    wall: [(page) => page.click('#wall'), (page) => page.click('#wall')],
};

for (const theme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries(sizes)) {
        if (theme === 'dark' && size === '4k') continue; // nothing of it is new
        test(`${theme}, ${size}`, async () => {
            const page = await openPage(browser, stage, { viewport, colorScheme: theme, reducedMotion: 'reduce' });
            await page.locator('#login-id').waitFor();
            if (size !== '4k') await inspect(page, 'login');
            if (size !== '4k') await picture(page, `login-${theme}-${size}`);
            await logIn(page, operator);
            await until('all tiles', async () => Object.values(await levels(page)).reduce((sum, n) => sum + n, 0) === ids.length);
            await until('the line', async () => (await page.locator('.line .mirror .said').innerText()) === 'up to date');
            for (const [name, [enter, leave]] of Object.entries(views)) {
                await enter(page);
                if (size !== '4k') await inspect(page, name);
                const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
                assert.ok(wide <= 0, `${name} is ${wide} px wider than the screen`);
                await picture(page, `${name}-${theme}-${size}`, { fullPage: size === 'phone' || name === 'table' });
                await leave?.(page);
            }
            assert.deepEqual(page.complaints, []);
            await page.context().close();
        });
    }
}

test('what is unknown is hatched, in both themes', async () => {
    for (const colorScheme of ['light', 'dark']) {
        const page = await openPage(browser, stage, { colorScheme, reducedMotion: 'reduce' });
        await logIn(page, operator);
        await until('known', async () => (await levels(page)).well > 0);
        stage.agent.child.kill('SIGSTOP');
        await until('all hatched', async () => (await levels(page)).unknown === ids.length);
        await inspect(page, 'unknown');
        await picture(page, `unknown-${colorScheme}-desk`);
        await to(page, '#/table/ARO-007');
        await inspect(page, 'unknown table');
        stage.agent.child.kill('SIGCONT');
        await page.context().close();
    }
});
