/*
 * main.js - the parts put together: who is logged in, which view is shown, what the keys do.
 *
 *   Link (WebSocket) ──► Model ──► once in a frame of the screen: Line, and Board, TablePage or Feed
 */
import { $, clock, fillTexts, h, lasting, now, setHidden, setText } from './dom.js';
import { apiLogin } from './api.js';
import { Agents } from './agents.js';
import { Board } from './board.js';
import { openDialog } from './dialog.js';
import { Feed } from './feed.js';
import { Line } from './line.js';
import { Link } from './link.js';
import { forget, keep, kept, Login } from './login.js';
import { Model } from './model.js';
import { Origins } from './origins.js';
import { TablePage } from './table.js';
import { t } from './texts.js';

const SECOND = 1000;
const THEMES = ['auto', 'light', 'dark'];

fillTexts(document);

let page = null; // all that belongs to one login
let login = null;

/* --- logging in and out ------------------------------------------------------------------------- */

function showLogin(reason, id = '') {
    $('head').hidden = true;
    $('lost').hidden = true;
    document.documentElement.classList.remove('wall');
    login = new Login(start);
    $('main').replaceChildren(login.element);
    login.id.value = id;
    if (reason) login.refuse(reason);
    else login.id.focus();
}

function start(credentials) {
    const model = new Model();
    const link = new Link(credentials, {
        state: linkState,
        refused: (reason, wasLive) => {
            end();
            showLogin(t(wasLive ? 'login.ended' : 'login.refused', { reason }), credentials.id);
        },
        status: (doc, online) => model.status(doc, online),
        removed: (id) => model.removed(id),
        exception: (event) => {
            if (model.exception(event) && !page.feed.openNow) page.unseen++;
        },
        missed: (n) => page.feed.lagged(n),
    });
    apiLogin(credentials);
    page = { credentials, model, link, shown: false, unseen: 0 };
    model.changed = wake;
    link.open();
}

/* The login was right: the views are made. */
function enter() {
    const { model, link, credentials } = page;
    keep(credentials);
    page.shown = true;
    page.line = new Line(model);
    page.board = new Board(model, new Origins(model));
    page.table = new TablePage(model, link);
    page.feed = new Feed(model, link.role === 'device' ? link.ownTable : '*', () => page?.line.seq);
    $('main').replaceChildren(page.board.element, page.table.element, page.feed.element);
    setText($('user'), credentials.id);
    $('head').hidden = false;
    page.line.start();
    page.feed.glance();
    route();
}

function end() {
    if (!page) return;
    page.link.close();
    page.line?.stop();
    page.board?.close();
    page.table?.close();
    page.feed?.close();
    page.agents?.close();
    page = null;
    forget();
}

$('logout').addEventListener('click', () => {
    end();
    location.hash = '#/';
    showLogin();
});

/* --- the connection ----------------------------------------------------------------------------- */

function linkState(state, reason) {
    if (!page) return;
    const { link, model } = page;
    if (state === 'live') {
        model.live(link.session);
        if (!page.shown) enter();
        else setTimeout(() => findRemoved(link.session), 5 * SECOND);
    } else if ((state === 'silent' || state === 'waiting') && model.session > 0) {
        model.lost(now() - (Date.now() - link.heard));
    } else if (state === 'waiting' && !page.shown) {
        if (!login?.element.isConnected) showLogin(null, page.credentials.id); // known from before a reload
        login.busy(true); // it goes on trying
        setText(login.said, reason ? t('login.later', { reason }) : t('login.unreachable'));
    }
    wake();
}

/* Tables not heard of since the connection came back may have been removed while it was not there. */
async function findRemoved(session) {
    const { link, model } = page ?? {};
    for (const table of [...(model?.tables.values() ?? [])]) {
        if (!link.live || link.session !== session) return;
        if (table.session === session) continue;
        try {
            const answer = await link.ask({ event: 'get', data: { table_id: table.id } });
            if (answer.error?.startsWith('Unknown table')) model.removed(table.id);
        } catch {
            return;
        }
    }
}

/* --- what is shown ------------------------------------------------------------------------------ */

let frame = 0;
function wake() {
    frame ||= requestAnimationFrame(() => {
        frame = 0;
        draw();
    });
}

function draw() {
    if (!page?.shown) return;
    const { model } = page;
    document.documentElement.classList.toggle('unknown', model.session === 0);
    page.line.frame();
    page.table.frame();
    page.feed.frame();
    setHidden($('feed-new'), page.unseen === 0);
    setText($('feed-new'), String(page.unseen));
    setHidden($('nav-studio'), !page.line.shared);
    sayLost();
    const [more, evenMore] = [page.board.frame(), page.agents?.frame()];
    if (more || evenMore) wake();
}

function sayLost() {
    const { model, link } = page;
    const lost = model.session === 0;
    setHidden($('lost'), !lost);
    if (!lost) return;
    const values = model.lostAt && { time: clock(model.lostAt), age: lasting(model.lostAt) };
    setText($('lost'), values ? t(link.state === 'silent' ? 'lost.silent' : 'lost.closed', values) : t('lost.connecting'));
}

setInterval(() => {
    if (!page?.shown) return;
    const { trouble } = page.board.counts;
    const head = page.model.session === 0 ? '(?) ' : trouble ? `(${trouble}) ` : '';
    const title = `${head}${t('title')}`;
    if (document.title !== title) document.title = title;
    if (page.model.session === 0) sayLost();
}, SECOND);

/* --- the address: #/, #/table/ID, #/exceptions, #/studio --------------------------------------------------- */

/* The address may be anything. */
function decoded(text = '') {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

function route() {
    if (!page?.shown) return;
    const [, view, id] = /^#\/(\w*)\/?(.*)$/.exec(location.hash) ?? [];
    const { board, table, feed } = page;
    board.element.hidden = ['table', 'exceptions', 'studio'].includes(view);
    table.element.hidden = view !== 'table';
    feed.element.hidden = view !== 'exceptions';
    if (view === 'table') table.open(decoded(id));
    else table.close();
    if (view === 'studio') openAgents();
    else page.agents?.close();
    if (view === 'exceptions') {
        page.unseen = 0;
        feed.open();
    } else if (feed.openNow) {
        feed.close();
    }
    for (const [link, on] of [['nav-board', !board.element.hidden], ['nav-feed', !feed.element.hidden], ['nav-studio', view === 'studio']])
        if (on) $(link).setAttribute('aria-current', 'page');
        else $(link).removeAttribute('aria-current');
    window.scrollTo(0, 0);
    if (view === 'table') $('main').focus({ preventScroll: true });
    wake();
}
window.addEventListener('hashchange', route);

/* Made when it is looked at first: few have the database for it. */
function openAgents() {
    if (!page.agents) {
        page.agents = new Agents(wake);
        $('main').append(page.agents.element);
    }
    page.agents.open();
}

/* --- wall, theme, keys --------------------------------------------------------------------------- */

function toggleWall() {
    const wall = document.documentElement.classList.toggle('wall');
    $('wall').setAttribute('aria-pressed', String(wall));
    if (wall) {
        if (!page.agents?.openNow) location.hash = '#/';
        document.documentElement.requestFullscreen?.().catch(() => {});
    } else if (document.fullscreenElement) {
        document.exitFullscreen();
    }
}

function setTheme(theme) {
    if (theme === 'auto') document.documentElement.removeAttribute('data-theme');
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem('theme', theme);
    setText($('theme'), t(`theme.${theme}`));
}
function nextTheme() {
    setTheme(THEMES[(THEMES.indexOf(localStorage.getItem('theme') ?? 'auto') + 1) % THEMES.length]);
}

const keys = {
    '/': ['help.search', () => {
        location.hash = '#/';
        setTimeout(() => page.board.search.focus());
    }],
    'b': ['help.board', () => (location.hash = '#/')],
    'e': ['help.feed', () => (location.hash = '#/exceptions')],
    'a': ['help.studio', () => page.line.shared && (location.hash = '#/studio')],
    'w': ['help.wall', toggleWall],
    't': ['help.theme', nextTheme],
    '?': ['help.help', showHelp],
    'Escape': ['help.escape', () => {
        if (document.documentElement.classList.contains('wall')) toggleWall();
        else location.hash = '#/';
    }],
};

function showHelp() {
    const rows = [...Object.entries(keys).map(([key, [text]]) => [key, text]), ['← ↑ → ↓', 'help.arrows']];
    const dialog = openDialog(t('help.title'), h('form', { onsubmit: (event) => {
        event.preventDefault();
        dialog.close();
    } },
    h('h2', null, t('help.title')),
    h('dl', { class: 'keys' }, rows.map(([key, text]) => [h('dt', null, h('kbd', null, key)), h('dd', null, t(text))]).flat()),
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'go' }, t('help.close')))));
}

document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, select, textarea, dialog');
    if (!page?.shown || event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== 'Escape')) return;
    if (event.target.closest?.('dialog')) return; // it closes itself
    const key = keys[event.key];
    if (!key) return;
    event.preventDefault();
    if (typing) typing.blur();
    else key[1]();
});
$('wall').addEventListener('click', toggleWall);
$('theme').addEventListener('click', nextTheme);
$('help').addEventListener('click', showHelp);
document.addEventListener('visibilitychange', () => !document.hidden && wake());

setTheme(localStorage.getItem('theme') ?? 'auto');
const known = kept();
if (known) start(known);
else showLogin();
