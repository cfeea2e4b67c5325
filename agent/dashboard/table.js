/*
 * table.js - the page of one table: what it is now, since when and by whom; its exceptions; what it was,
 * drawn; what has changed, and who did it. What is now comes over the WebSocket, the rest of its history.
 */
import { ago, clock, h, mark, minute, now, parseTime, scroller, setHidden, setText, timeElement } from './dom.js';
import { history } from './api.js';
import { setDialog } from './dialog.js';
import { allFound, changesOf, originOf, sinceWhen } from './history.js';
import { builtin, custom, exceptionOf, isBad } from './model.js';
import { t } from './texts.js';
import { drawTimeline } from './timeline.js';
import { byWords, eventWords, shown, sinceWords, unknownWords } from './words.js';

const HOUR = 3600000;
const WINDOWS = [['table.hour', HOUR], ['table.shift', 8 * HOUR], ['table.day', 24 * HOUR]];
const PAGE = 200;
const RECENT_MAX = 1000; // events looked through for who set what is now
const DRAWN_MAX = 5000;
const LISTED_MAX = 500;
const EXCEPTIONS_MAX = 50;
const FOLLOW_MS = 700; // between two looks at what is new
const MOVE_MS = 15000; // the window moves with the time

const iso = (ms) => new Date(ms).toISOString();

/* The last 06:00 that has been. */
function lastTime(text) {
    const [hours, minutes] = text.split(':').map(Number);
    const at = new Date(now());
    at.setHours(hours, minutes, 0, 0);
    if (at.getTime() > now()) at.setDate(at.getDate() - 1);
    return at.getTime();
}

export class TablePage {
    constructor(model, link) {
        this.model = model;
        this.link = link;
        this.element = h('div', { class: 'table-page' });
        this.id = null;
    }

    open(id) {
        this.close();
        this.id = id;
        this.ending = new AbortController();
        this.recent = { events: [], rev: -1, before: null };
        this.window = { length: 8 * HOUR, end: null, read: null };
        this.since = { text: '06:00', events: [], cut: false };
        this.errors = {};
        this.said = this.exceptionsKey = null;
        this.shown = false;
        this.build();
        this.frame();
        this.load();
        this.mover = setInterval(() => this.move(), MOVE_MS);
    }

    close() {
        this.ending?.abort();
        clearInterval(this.mover);
        clearTimeout(this.follower);
        this.follower = null;
        this.observer?.disconnect();
        this.id = null;
    }

    get table() {
        return this.model.tables.get(this.id);
    }

    /* --- the page --------------------------------------------------------------------------------- */

    build() {
        const { id } = this;
        this.verdict = h('p', { class: 'verdict' });
        this.last = h('p', { class: 'last' });
        this.buttons = h('div', { class: 'buttons' });
        this.fields = h('tbody');
        this.exceptions = scroller(t('table.exceptions'));
        this.lengths = WINDOWS.map(([name, length]) => h('button', { type: 'button',
            onclick: () => this.look(length, this.window.end) }, t(name)));
        this.later = h('button', { type: 'button', onclick: () => this.step(1) }, t('table.later'));
        this.toNow = h('button', { type: 'button', onclick: () => this.look(this.window.length, null) }, t('table.now'));
        this.span = h('p', { class: 'span' });
        this.drawing = scroller(t('table.timeline'), 'drawing');
        this.time = h('input', { type: 'time', value: this.since.text, id: 'since-time',
            onchange: () => this.changesSince(this.time.value) });
        this.changesTitle = h('p', { class: 'span' });
        this.changes = scroller(t('table.changes'));
        this.missing = h('p', { class: 'nothing', hidden: true });
        this.known = h('div', null,
            this.verdict, this.last, this.buttons,
            h('section', null, h('h2', null, t('table.fields')),
                h('table', { class: 'fields' },
                    h('thead', null, h('tr', null, ['field', 'value', 'since'].map((name) =>
                        h('th', { scope: 'col' }, t(`table.${name}`))), h('td'))),
                    this.fields)),
            h('section', null, h('h2', null, t('table.timeline')),
                h('div', { class: 'tools', role: 'group', 'aria-label': t('table.timeline') }, this.lengths,
                    h('span', { class: 'space' }),
                    h('button', { type: 'button', onclick: () => this.step(-1) }, t('table.earlier')), this.later, this.toNow),
                this.span, this.drawing),
            h('section', null, h('h2', null, t('table.changes')),
                h('div', { class: 'tools' }, h('label', { for: 'since-time' }, t('table.changes.since')), this.time),
                this.changesTitle, this.changes),
            h('section', null, h('h2', null, t('table.exceptions')), this.exceptions));
        this.element.replaceChildren(
            h('p', null, h('a', { href: '#/', class: 'back' }, t('table.back'))),
            h('h1', null, id), this.missing, this.known);
        this.observer = new ResizeObserver(() => this.draw());
        this.observer.observe(this.drawing);
    }

    /* Something has changed, maybe here. */
    frame() {
        if (this.id === null) return;
        const { table, model } = this;
        setHidden(this.known, !table);
        setHidden(this.missing, Boolean(table));
        if (!table) {
            setText(this.missing, t(this.shown ? 'table.removed' : 'table.unknown', { id: this.id }));
            return;
        }
        this.shown = true;
        this.showVerdict(table);
        this.showFields(table);
        this.showExceptions();
        if (table.doc.UPTIME > this.recent.rev && this.recent.rev >= 0 && model.known(table)) this.follow();
    }

    showVerdict(table) {
        const verdict = this.model.assess(table);
        const bad = verdict.reasons.map((name) => `${name} ${table.doc[name]}`).join(', ');
        const words = [t(`level.${verdict.level}`)];
        if (verdict.level === 'trouble') words.push(bad);
        if (verdict.level === 'notice') words.push(verdict.notice.title);
        if (verdict.level === 'unknown') {
            words[0] = unknownWords(this.model, table);
            if (bad) words.push(t('word.last', { what: bad }));
        }
        if (verdict.level !== 'unknown' && table.online) words.push(t('table.online'));
        if (verdict.level !== 'maintenance' && table.doc.MAINTENANCE) words.push(t('level.maintenance'));
        this.known.className = verdict.level === 'unknown' ? 'hatched' : '';
        this.verdict.className = `verdict ${verdict.level}`;
        this.verdict.replaceChildren(mark(verdict.level), words.join(' · '));
        const [newest] = this.recent.events;
        const event = newest && newest.rev === table.doc.UPTIME ? newest : null;
        this.last.replaceChildren(h('b', null, `${t('table.last')}: `), timeElement(table.at), ` (${ago(table.at)})`,
            event ? ` ${byWords(event)}: ${eventWords(event)}` : '',
            h('span', { class: 'rev' }, ` · ${t('table.revision')} ${table.doc.UPTIME}`));
        const may = this.maySet();
        const on = table.doc.MAINTENANCE === true;
        if (this.buttons.dataset.state !== `${may}${on}`) {
            this.buttons.dataset.state = `${may}${on}`;
            this.buttons.replaceChildren(...(may ? [
                h('button', { type: 'button', class: 'go', onclick: () => this.set('MAINTENANCE') },
                    t(on ? 'table.maintenance.off' : 'table.maintenance.on')),
                h('button', { type: 'button', onclick: () => this.set(null) }, t('table.add'))] : []));
        }
    }

    /* The agent decides; this only keeps buttons away that would be refused. */
    maySet() {
        return this.link.role === 'operator' || (this.link.role === 'device' && this.link.ownTable === this.id);
    }

    set(field) {
        setDialog({ link: this.link, model: this.model, table: this.table, field });
    }

    showFields(table) {
        const found = sinceWhen([...builtin(table.doc), ...custom(table.doc)], this.recent.events);
        const may = this.maySet();
        const known = this.model.known(table);
        const rows = [...builtin(table.doc).map((name) => [name, true]), ...custom(table.doc).map((name) => [name, false])];
        const say = JSON.stringify([rows, table.doc, [...found], may, known, this.recent.before, this.errors.recent, minute(now())]);
        if (say === this.said) return; // the focus stays where it is
        this.said = say;
        const focused = this.fields.contains(document.activeElement) ? document.activeElement.dataset.field : null;
        this.fields.replaceChildren(...rows.map(([name, own]) => {
            const value = table.doc[name];
            const bad = own && isBad(value);
            const level = !known ? 'unknown' : bad ? 'trouble' : name === 'MAINTENANCE' && value ? 'maintenance' : 'well';
            const origin = originOf(table.since.get(name), found.get(name), this.recent.before);
            return h('tr', { class: level, 'data-field': name },
                h('th', { scope: 'row' }, name),
                h('td', null, mark(level), h('span', { class: 'value' }, shown(value))),
                h('td', { class: 'since' }, sinceWords(origin)),
                h('td', null, may && h('button', { type: 'button', class: 'quiet', 'data-field': name,
                    'aria-label': t('table.set.field', { field: name, id: this.id }), onclick: () => this.set(name) },
                t('table.set'))));
        }));
        if (focused) this.fields.querySelector(`button[data-field="${CSS.escape(focused)}"]`)?.focus();
    }

    showExceptions() {
        const list = this.model.exceptions.filter((event) => event.table_id === this.id).slice(0, EXCEPTIONS_MAX);
        const key = list.map((event) => `${event.seq}${event.by ?? ''}`).join();
        if (key === this.exceptionsKey) return;
        this.exceptionsKey = key;
        this.exceptions.replaceChildren(list.length ? exceptionTable(list, false)
            : h('p', { class: 'nothing' }, t('table.exceptions.none')));
    }

    /* --- its history ------------------------------------------------------------------------------ */

    async load() {
        await Promise.all([this.readRecent(), this.readWindow(), this.changesSince(this.since.text), this.readExceptions()]);
    }

    /* A part of the page that is read: what went wrong is said in its place. */
    async part(name, work) {
        const { id, ending } = this;
        try {
            await work(ending.signal);
            if (this.id === id) delete this.errors[name];
        } catch (error) {
            if (ending.signal.aborted) return;
            this.errors[name] = error.message;
            this.draw();
            this.showChanges();
        }
        if (!ending.signal.aborted) this.frame();
    }

    readRecent() {
        return this.part('recent', async (signal) => {
            const table = this.table;
            const names = table ? [...builtin(table.doc), ...custom(table.doc)] : [];
            const read = await history(this.id, { order: 'desc', limit: PAGE },
                { max: RECENT_MAX, signal, enough: (events) => names.length > 0 && allFound(names, events) });
            if (signal.aborted) return;
            const { events } = read;
            const whole = events.some((event) => event.rev === 0);
            this.recent = { events, rev: events[0]?.rev ?? 0,
                before: events.length && !whole ? parseTime(events.at(-1).ts) : null };
        });
    }

    readExceptions() {
        return this.part('exceptions', async (signal) => {
            const read = await history(this.id, { order: 'desc', kinds: 'exceptions', limit: EXCEPTIONS_MAX },
                { max: EXCEPTIONS_MAX, signal });
            for (const event of read.events) this.model.exception({ table_id: this.id, ...event });
        });
    }

    /* What is new since the newest event that was read; then everything that shows events. */
    follow() {
        this.follower ??= setTimeout(() => this.part('recent', async (signal) => {
            const read = await history(this.id, { from_rev: this.recent.rev + 1, order: 'asc', limit: PAGE },
                { max: RECENT_MAX, signal });
            if (signal.aborted) return;
            const fresh = read.events.filter((event) => event.rev > this.recent.rev);
            this.recent.events = [...fresh].reverse().concat(this.recent.events).slice(0, RECENT_MAX);
            this.recent.rev = Math.max(this.recent.rev, fresh.at(-1)?.rev ?? 0);
            const { read: drawn } = this.window;
            if (drawn && this.window.end === null && !drawn.cut) drawn.events.push(...beyond(drawn.events, fresh));
            this.since.events.unshift(...beyond(this.since.events, fresh).reverse());
            this.draw();
            this.showChanges();
        }).finally(() => {
            this.follower = null;
        }), FOLLOW_MS);
    }

    /* What has been read of the newest events, newest first: it may be more than a reading that was under way. */
    followed(from) {
        return this.recent.events.filter((event) => parseTime(event.ts) >= from);
    }

    /* --- the timeline ----------------------------------------------------------------------------- */

    look(length, end) {
        this.window.length = length;
        this.window.end = end;
        this.readWindow();
    }

    step(direction) {
        const end = (this.window.end ?? now()) + direction * this.window.length;
        this.look(this.window.length, end >= now() ? null : end);
    }

    move() {
        if (this.window.end === null) this.draw();
        this.frame();
    }

    readWindow() {
        const { length, end } = this.window;
        const to = end ?? now();
        const from = to - length;
        this.lengthsPressed();
        return this.part('window', async (signal) => {
            const query = { since: iso(from), order: 'asc', state: 1, kinds: 'changes,exceptions', limit: 1000 };
            if (end !== null) query.until = iso(end);
            const read = await history(this.id, query, { max: DRAWN_MAX, signal });
            if (signal.aborted || this.window.length !== length || this.window.end !== end) return;
            for (const event of read.events) if (event.data !== undefined) this.model.exception({ table_id: this.id, ...event });
            if (end === null && !read.cut) read.events.push(...beyond(read.events, this.followed(from)).reverse());
            this.window.read = read;
            this.draw();
        });
    }

    lengthsPressed() {
        WINDOWS.forEach(([, length], i) => this.lengths[i].setAttribute('aria-pressed', String(length === this.window.length)));
        this.later.disabled = this.toNow.disabled = this.window.end === null;
    }

    draw() {
        const { read, length } = this.window;
        if (this.id === null || !this.table) return;
        const end = this.window.end ?? now();
        const from = end - length;
        setText(this.span, t('table.window', { from: clock(from), to: clock(end) }));
        if (!read) {
            this.drawing.replaceChildren(h('p', { class: 'nothing' }, this.errors.window
                ? t('table.history.none', { why: this.errors.window }) : t('table.history.wait')));
            return;
        }
        const { doc } = this.table;
        const names = [...builtin(doc), ...custom(doc)];
        for (const event of read.events)
            for (const name of Object.keys(event.changes ?? {})) if (!names.includes(name)) names.push(name);
        const live = this.window.end === null;
        const width = Math.max(280, Math.floor(this.drawing.clientWidth));
        this.drawing.replaceChildren(drawTimeline(this.id, names, {
            events: read.events, state: read.state, current: live && !read.cut ? doc : null, from, end,
            to: read.cut ? parseTime(read.events.at(-1).ts) : end,
            exceptions: this.model.exceptions.filter((event) => event.table_id === this.id && event.at >= from && event.at < end),
        }, width), ...(read.cut ? [h('p', { class: 'nothing' }, t('timeline.cut'))] : []));
    }

    /* --- what has changed ------------------------------------------------------------------------- */

    changesSince(text) {
        if (!/^\d\d:\d\d$/.test(text)) return Promise.resolve();
        const from = lastTime(text);
        this.since = { text, from, events: [], cut: false };
        return this.part('changes', async (signal) => {
            const read = await history(this.id, { since: iso(from), order: 'desc', limit: LISTED_MAX }, { max: LISTED_MAX, signal });
            if (signal.aborted || this.since.from !== from) return;
            this.since.events = [...beyond(read.events, this.followed(from)), ...read.events];
            this.since.cut = read.cut;
            this.since.ready = true;
        }).then(() => this.id !== null && this.showChanges());
    }

    showChanges() {
        const { from, events, cut, ready } = this.since;
        const time = minute(from);
        if (!ready) {
            setText(this.changesTitle, this.errors.changes ? t('table.history.none', { why: this.errors.changes })
                : t('table.history.wait'));
            return;
        }
        const list = changesOf(events);
        setText(this.changesTitle, list.length ? t('table.changes.count', { n: list.length, time }) +
            (cut ? `. ${t('table.changes.cut', { n: LISTED_MAX })}` : '') : t('table.changes.none', { time }));
        if (!list.length) {
            this.changes.replaceChildren();
            return;
        }
        this.changes.replaceChildren(h('table', { class: 'changes' },
            h('thead', null, h('tr', null, ['when', 'what', 'who'].map((name) =>
                h('th', { scope: 'col' }, t(`table.changes.${name}`))))),
            h('tbody', null, list.slice(0, LISTED_MAX).map((change) => h('tr', null,
                h('td', null, timeElement(change.at)),
                h('td', null, changeWords(change, this.id)),
                h('td', null, change.by, h('span', { class: 'via' }, ` ${change.via}`)))))));
    }
}

/* Those of `events` that a list does not reach to yet: a table's revisions have no gaps. */
function beyond(list, events) {
    const newest = list.reduce((rev, event) => Math.max(rev, event.rev ?? -1), -1);
    return events.filter((event) => event.rev > newest);
}

function changeWords(change, id) {
    if (change.removed) return t('table.removed', { id });
    if (change.created) return t('table.last.created');
    return [h('b', null, change.field), ` ${shown(change.from)} → `, h('span', { class: isBad(change.to) ? 'bad' : '' }, shown(change.to))];
}

/* A list of exceptions, newest first; `withTable` names their tables. */
export function exceptionTable(list, withTable) {
    const columns = withTable ? ['when', 'table', 'what', 'do', 'who'] : ['when', 'what', 'do', 'who'];
    return h('table', { class: 'exceptions' },
        h('thead', null, h('tr', null, columns.map((name) => h('th', { scope: 'col' }, t(`feed.${name}`))))),
        h('tbody', null, list.map((event) => {
            const told = exceptionOf(event.data);
            return h('tr', { 'data-seq': event.seq },
                h('td', null, timeElement(event.at)),
                withTable && h('td', null, h('a', { href: `#/table/${encodeURIComponent(event.table_id)}` }, event.table_id)),
                h('td', null, mark('notice'), h('b', null, told.title), told.code && told.code !== told.title ? ` ${told.code}` : '',
                    told.description && h('span', { class: 'described' }, told.description)),
                h('td', null, told.suggestion),
                h('td', null, event.by ?? '–'));
        })));
}
