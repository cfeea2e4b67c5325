/* rig.mjs - what the tests of the dashboard stand on: connected devices, and a Chromium. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { Client, WAIT_MS } from './stage.mjs';

export * from './stage.mjs';
export const kept = process.env.TESTS_KEPT;

export const allUp = { sdp: 'up', idp: 'up', broker: 'up', zcam: 'up', roulette: 'up', shaker: 'up', barcode_scanner: 'up', nfc_scanner: 'up' };

/* Connected devices, all of them well; a few at a time, as a door lets them in. */
export async function connectDevices(stage, ids) {
    const clients = new Map();
    for (let i = 0; i < ids.length; i += 25) {
        await Promise.all(ids.slice(i, i + 25).map(async (id) => {
            const client = new Client(stage, `${id}_dealerPC`, 'device');
            clients.set(id, client);
            await client.opened;
            await client.update(allUp);
        }));
    }
    return clients;
}

/* --- the browser ------------------------------------------------------------------------------- */

export async function openBrowser() {
    return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

/* A page of its own session; what it complains of and whom it asks is kept. */
export async function openPage(browser, stage, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'UTC', ...options });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    page.complaints = [];
    page.elsewhere = [];
    page.on('pageerror', (error) => page.complaints.push(String(error)));
    page.on('console', (message) => {
        // That the agent is away while it is away is no complaint.
        if (message.type() === 'error' && !/WebSocket|ERR_CONNECTION|ERR_EMPTY_RESPONSE|Failed to load resource/.test(message.text()))
            page.complaints.push(message.text());
    });
    page.on('request', (request) => {
        if (!request.url().startsWith(stage.url) && !request.url().startsWith('data:')) page.elsewhere.push(request.url());
    });
    await page.goto(stage.url);
    return page;
}

export async function logIn(page, { id, token }) {
    await page.fill('#login-id', id);
    await page.fill('#login-token', token);
    await page.click('.login button[type=submit]');
    await page.locator('#head').waitFor();
}

export const tile = (page, id) => page.locator(`.tile[data-id="${id}"]`);

/* The tile's level, as its class tells. */
export async function levelOf(page, id) {
    return page.evaluate((name) => document.querySelector(`.tile[data-id="${name}"]`)?.classList[1] ?? 'none', id);
}

/* How many tiles there are of each level. */
export async function levels(page) {
    return page.evaluate(() => {
        const counts = {};
        for (const { classList } of document.querySelectorAll('.tile')) counts[classList[1]] = (counts[classList[1]] ?? 0) + 1;
        return counts;
    });
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/* axe-core finds no fault. */
export async function inspect(page, name) {
    await page.evaluate(`if (!window.axe) { ${axe} }`);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(found.violations.map((v) => `${name}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(' | ')}`), []);
}

export async function picture(page, name, options = {}) {
    mkdirSync(join(kept, 'pictures'), { recursive: true });
    await page.screenshot({ path: join(kept, 'pictures', `${name}.png`), ...options });
}
