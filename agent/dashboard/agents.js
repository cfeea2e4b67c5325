/*
 * agents.js - the tables of all agents that share this one's database, read only: what needs attention on top, then a
 * line for each agent, which unfolds to its tables.
 *
 * There may be a thousand agents. A line is made once, tiles only while they are unfolded; work is done in the frames of
 * the screen, a few milliseconds in each.
 */
import { age, clock, h, lasting, mark, minute, now, setClass, setHidden, setText, setTitle } from './dom.js';
import { studio as readStudio } from './api.js';
import { order, placeOf } from './board.js';
import { Studio, studioLevels } from './studio.js';
import { t } from './texts.js';

const BUDGET_MS = 6;
const EVERY_MS = 2000;
const STALE_MS = 7000; // an answer that is older says nothing any more
const AGES_MS = 5000;
const ROWS_MAX = 40;
const TILES_MAX = 500; // of one agent
const UNFOLD_MAX = 8; // so few that are found are unfolded

const tablesWords = (n) => (n === 1 ? t('board.group.one') : t('board.group', { n }));

export class Agents {
    constructor(changed) {
        this.changed = changed;
        this.studio = new Studio();
        this.lines = new Map(); // id of an agent → {element, …}
        this.names = []; // of those, sorted
        this.pending = new Set();
        this.unfolded = new Set();
        this.level = 'all';
        this.words = [];
        this.readAt = null; // performance.now() of the last answer
        this.lostAt = null; // when that was, if it is too old
        this.why = '';
        this.openNow = false;
        this.build();
    }

    build() {
        this.search = h('input', { type: 'search', 'aria-label': t('studio.search'), placeholder: t('studio.search'),
            autocomplete: 'off', spellcheck: 'false', oninput: () => this.find() });
        this.filters = new Map();
        const filters = ['all', ...studioLevels].map((level) => {
            const count = h('span', { class: 'count' });
            const button = h('button', { type: 'button', class: 'filter', 'aria-pressed': String(level === 'all'),
                onclick: () => this.choose(level) },
            level === 'all' ? null : mark(level), `${level === 'all' ? t('board.all') : t(`level.${level}`)} `, count);
            this.filters.set(level, { button, count });
            return button;
        });
        this.lost = h('p', { class: 'stale', role: 'alert', hidden: true });
        this.rows = h('ol', { class: 'rows' });
        this.more = h('p', { class: 'more', hidden: true });
        this.number = h('span', { class: 'count' });
        this.attention = h('section', { class: 'attention', 'aria-label': t('board.attention'), hidden: true },
            h('h2', null, t('board.attention'), ' ', this.number), this.rows, this.more);
        this.nothing = h('p', { class: 'nothing' }, t('studio.wait'));
        this.list = h('div', { class: 'groups' });
        this.element = h('div', { class: 'studio' },
            h('h1', null, t('studio.title')), h('p', { class: 'more' }, t('studio.lead')), this.lost, this.attention,
            h('div', { class: 'tools' }, this.search,
                h('div', { class: 'filters', role: 'group', 'aria-label': t('board.filter') }, filters)),
            this.nothing, this.list);
    }

    /* --- asking, while it is looked at -------------------------------------------------------------- */

    open() {
        if (this.openNow) return;
        this.openNow = true;
        this.element.hidden = false;
        this.timer = setInterval(() => this.tick(), 1000);
        this.tick();
    }

    close() {
        this.openNow = false;
        this.element.hidden = true;
        clearInterval(this.timer);
    }

    tick() {
        if (document.hidden) return;
        const at = performance.now();
        this.judge();
        if (!this.asking && !(at - this.askedAt < EVERY_MS)) this.ask(at);
        if (!(at - this.agedAt < AGES_MS)) {
            this.agedAt = at;
            this.touch((agent) => !Studio.known(agent) || this.unfolded.has(agent.id));
        }
    }

    async ask(at) {
        this.asking = true;
        this.askedAt = at;
        try {
            for (let next; next !== null;) {
                const page = await readStudio(this.studio.revision, next);
                this.studio.take(page);
                next = this.openNow ? page.next : null;
                if (!page.next) this.answered();
            }
        } catch (error) {
            this.why = error.message;
        }
        this.asking = false;
        if (this.readAt === null && this.why) setText(this.nothing, t('studio.none', { why: this.why }));
        this.judge();
        this.changed();
    }

    answered() {
        this.studio.settle();
        this.readAt = performance.now();
        this.why = '';
    }

    /* Is what was told still so? */
    judge() {
        const stale = this.readAt !== null && performance.now() - this.readAt > STALE_MS;
        if (stale === (this.lostAt !== null)) return;
        this.lostAt = stale ? now() - (performance.now() - this.readAt) : null;
        this.touch(() => true);
    }

    touch(which) {
        for (const agent of this.studio.agents.values()) if (which(agent)) this.pending.add(agent.id);
        this.changed();
    }

    known(agent) {
        return this.lostAt === null && Studio.known(agent);
    }

    /* --- in a frame of the screen ------------------------------------------------------------------- */

    /* True: there is more to do in the next. */
    frame() {
        if (!this.openNow || this.readAt === null) return false;
        const end = performance.now() + BUDGET_MS;
        if (!this.studio.coming) {
            for (const id of this.studio.dirty) this.pending.add(id);
            this.studio.dirty.clear();
        }
        const some = this.pending.size > 0;
        for (const id of this.pending) {
            this.pending.delete(id);
            this.update(id);
            if (performance.now() >= end) break;
        }
        if (some || this.stale) this.summarize(this.pending.size === 0);
        return this.pending.size > 0;
    }

    update(id) {
        const agent = this.studio.agents.get(id);
        let line = this.lines.get(id);
        if (!agent) {
            if (line) this.drop(line);
            return;
        }
        line ??= this.add(agent);
        line.agent = agent;
        this.say(line);
        this.show(line);
    }

    /* How many of the agent's tables there are of a level. */
    count(agent, level) {
        if (level === 'unknown') return this.known(agent) ? 0 : agent.tables.size;
        return this.known(agent) ? agent.counts[level] : 0;
    }

    add(agent) {
        const { id } = agent;
        const line = { id, agent, tiles: h('div', { class: 'tiles' }), shown: true, open: false, made: new Map() };
        line.since = h('span', { class: 'tally unknown' });
        line.said = h('span', { class: 'counts' });
        line.button = h('button', { type: 'button', 'aria-expanded': 'false', onclick: () => this.toggle(line) },
            h('span', { class: 'turn', 'aria-hidden': 'true' }), h('span', { class: 'prefix' }, id), line.since, line.said);
        line.element = h('section', { class: 'group agent-line', 'aria-label': id, 'data-id': id },
            h('h2', null, line.button), line.tiles);
        line.tiles.hidden = true;
        this.lines.set(id, line);
        const place = placeOf(this.names, id);
        this.list.insertBefore(line.element, this.list.children[place] ?? null);
        this.names.splice(place, 0, id);
        return line;
    }

    drop(line) {
        line.element.remove();
        this.lines.delete(line.id);
        this.names.splice(placeOf(this.names, line.id), 1);
        this.unfolded.delete(line.id);
    }

    say(line) {
        const { agent } = line;
        setTitle(line.element, agent.owner ?? '');
        setText(line.since, this.sinceWords(agent));
        const n = agent.tables.size;
        const text = [n, ...studioLevels.map((level) => this.count(agent, level))].join();
        if (line.text === text) return;
        line.text = text;
        line.said.replaceChildren(h('span', null, tablesWords(n)),
            ...studioLevels.filter((level) => level !== 'well' && this.count(agent, level) > 0).map((level) =>
                h('span', { class: `tally ${level}` }, mark(level), `${this.count(agent, level)} ${t(`level.${level}`)}`)));
    }

    sinceWords(agent) {
        if (this.known(agent)) return '';
        const since = Math.min(agent.since ?? Infinity, this.lostAt ?? Infinity);
        if (since === Infinity) return t('word.unknown');
        return t('studio.since', { time: minute(since), age: lasting(since) });
    }

    /* --- what is shown ------------------------------------------------------------------------------ */

    matches(agent, table) {
        const level = this.known(agent) ? table.level : 'unknown';
        if (this.level !== 'all' && level !== this.level) return false;
        if (!this.words.length) return true;
        const hay = `${agent.id} ${table.id} ${table.word}`.toLowerCase();
        return this.words.every((word) => hay.includes(word));
    }

    get filtered() {
        return this.level !== 'all' || this.words.length > 0;
    }

    show(line) {
        const { agent } = line;
        line.found = this.filtered ? [...agent.tables.values()].filter((table) => this.matches(agent, table)).map(({ id }) => id) : null;
        line.shown = !line.found || line.found.length > 0;
        setHidden(line.element, !line.shown);
        this.fill(line);
        this.stale = true;
    }

    /* Tiles, as long as they are unfolded. */
    fill(line) {
        const open = line.shown && (this.unfolded.has(line.id) || this.few === true);
        line.button.setAttribute('aria-expanded', String(open));
        setHidden(line.tiles, !open);
        if (!open) {
            if (line.open) line.tiles.replaceChildren();
            line.made.clear();
            line.open = false;
            return;
        }
        line.open = true;
        const { agent } = line;
        if (!line.found) agent.sorted ??= [...agent.tables.keys()].sort(order);
        const ids = line.found?.sort(order) ?? agent.sorted;
        const wanted = ids.slice(0, TILES_MAX);
        const tiles = wanted.map((id) => this.tile(line, agent.tables.get(id)));
        const more = ids.length - wanted.length;
        if (more) tiles.push(h('p', { class: 'more' }, t('studio.more', { n: more })));
        if (more || tiles.length !== line.tiles.children.length || tiles.some((tile, i) => tile !== line.tiles.children[i]))
            line.tiles.replaceChildren(...tiles);
    }

    tile(line, table) {
        let tile = line.made.get(table.id);
        if (!tile) {
            const [name, aged, word] = ['name', 'age', 'word'].map((part) => h('span', { class: part }));
            tile = h('div', { 'data-id': table.id }, name, aged, h('span', { class: 'mark', 'aria-hidden': 'true' }), word);
            tile.parts = { aged, word };
            setText(name, table.id);
            line.made.set(table.id, tile);
        }
        const known = this.known(line.agent);
        setClass(tile, known ? `tile ${table.level}` : `tile unknown${table.level === 'trouble' ? ' was' : ''}`);
        setText(tile.parts.word, known ? table.word : t('word.last', { what: table.word }));
        setText(tile.parts.aged, age(table.at));
        setTitle(tile, table.why || table.word);
        return tile;
    }

    toggle(line) {
        if (!this.unfolded.delete(line.id)) this.unfolded.add(line.id);
        this.fill(line);
    }

    find() {
        this.words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
        this.refind();
    }

    choose(level) {
        this.level = level;
        for (const [name, { button }] of this.filters) button.setAttribute('aria-pressed', String(name === level));
        this.refind();
    }

    refind() {
        this.few = false;
        this.touch(() => true);
    }

    /* What follows from the lines: at the end of a frame; `all`: each is as it is now. */
    summarize(all) {
        this.stale = false;
        setHidden(this.lost, this.lostAt === null);
        if (this.lostAt !== null) setText(this.lost, t('studio.lost', { time: clock(this.lostAt), why: this.why }));
        if (!all) return;
        const sums = Object.fromEntries(['all', ...studioLevels].map((level) => [level, 0]));
        const shown = [];
        for (const line of this.lines.values()) {
            sums.all += line.agent.tables.size;
            for (const level of studioLevels) sums[level] += this.count(line.agent, level);
            if (line.shown) shown.push(line);
        }
        for (const [level, { count }] of this.filters) setText(count, String(sums[level]));
        setHidden(this.nothing, shown.length > 0 && !this.studio.incomplete);
        setText(this.nothing, t(this.studio.incomplete ? 'studio.incomplete' : 'studio.nothing'));
        const few = this.filtered && shown.length <= UNFOLD_MAX;
        if (few !== (this.few ?? false)) {
            this.few = few;
            for (const line of shown) this.fill(line);
        }
        this.attend();
    }

    /* Tables in trouble first, then agents nobody answers for. */
    attend() {
        const found = [];
        for (const id of this.names) {
            const { agent } = this.lines.get(id);
            if (this.count(agent, 'trouble') === 0) continue;
            for (const table of agent.tables.values()) if (table.level === 'trouble') found.push([agent, table]);
        }
        const lost = this.lostAt === null ? this.names.map((id) => this.lines.get(id).agent).filter((agent) => !this.known(agent)) : [];
        const rows = [...found, ...lost.map((agent) => [agent])];
        setHidden(this.attention, rows.length === 0);
        setText(this.number, String(rows.length));
        setHidden(this.more, rows.length <= ROWS_MAX);
        setText(this.more, t('board.more', { n: rows.length - ROWS_MAX }));
        const text = rows.slice(0, ROWS_MAX).map(([agent, table]) => this.row(agent, table));
        const told = JSON.stringify(text);
        if (told === this.told) return;
        this.told = told;
        this.rows.replaceChildren(...text.map(([level, agent, name, what, last]) =>
            h('li', { class: `row ${level}`, 'data-id': name }, mark(level),
                h('button', { type: 'button', class: 'name', onclick: () => this.goTo(agent) }, name),
                h('span', { class: 'what' }, h('b', null, what)), h('span', { class: 'last' }, last))));
    }

    row(agent, table) {
        if (table) return ['trouble', agent.id, table.id, table.why, t('studio.of', { agent: agent.id, time: clock(table.at) })];
        const { trouble } = agent.counts;
        const last = `${tablesWords(agent.tables.size)}${trouble ? `, ${t('word.last', { what: `${trouble} ${t('level.trouble')}` })}` : ''}`;
        return ['unknown', agent.id, agent.id, this.sinceWords(agent), last];
    }

    goTo(id) {
        const line = this.lines.get(id);
        if (!line) return;
        this.unfolded.add(id);
        this.search.value = '';
        this.words = [];
        this.choose('all');
        this.fill(line);
        setHidden(line.element, false);
        line.element.scrollIntoView({ block: 'start' });
        line.button.focus({ preventScroll: true });
    }
}
