/*
 * board.js - all tables: what needs attention on top, then a tile for each in groups that fold.
 *
 * Work is done in the frames of the screen, a few milliseconds in each: whatever arrives, the page
 * stays quick. A tile is made once; afterwards only what is different in it is touched.
 */
import { $, age, h, setClass, setHidden, setText, setTitle } from './dom.js';
import { Attention } from './attention.js';
import { levels } from './model.js';
import { t } from './texts.js';
import { tileWord, unknownWords } from './words.js';

const BUDGET_MS = 6;
const AGES_MS = 5000;
export const order = new Intl.Collator('en', { numeric: true }).compare;

/* ARO-001 belongs to ARO; T17 to T. */
function prefixOf(id) {
    const head = id.split(/[-.]/)[0];
    return head === id ? id.replace(/\d+$/, '') || id : head;
}

/* Where `id` stands, or would, among sorted ones. */
export function placeOf(list, id) {
    let low = 0;
    let high = list.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (order(list[middle], id) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

export class Board {
    constructor(model, origins) {
        this.model = model;
        this.tiles = new Map(); // id → {element, name, age, word, level, group, hay}
        this.groups = new Map(); // prefix → {…}
        this.names = []; // of the groups, sorted
        this.counts = Object.fromEntries(levels.map((level) => [level, 0]));
        this.pending = new Set();
        this.level = 'all';
        this.words = [];
        this.folded = new Set(JSON.parse(sessionStorage.getItem('folded') ?? '[]'));
        this.attention = new Attention(model, origins);
        this.build();
        this.ager = setInterval(() => this.refreshAges(), AGES_MS);
    }

    close() {
        clearInterval(this.ager);
    }

    build() {
        this.search = h('input', { type: 'search', id: 'search', 'aria-label': t('board.search'),
            placeholder: t('board.search'), autocomplete: 'off', spellcheck: 'false', oninput: () => this.find() });
        this.filters = new Map();
        const filters = ['all', ...levels].map((level) => {
            const count = h('span', { class: 'count' });
            const button = h('button', { type: 'button', class: 'filter', 'aria-pressed': String(level === 'all'),
                onclick: () => this.choose(level) },
            level === 'all' ? null : h('span', { class: `mark ${level}`, 'aria-hidden': 'true' }),
            `${level === 'all' ? t('board.all') : t(`level.${level}`)} `, count);
            this.filters.set(level, { button, count });
            return button;
        });
        this.fold = h('button', { type: 'button', class: 'quiet', onclick: () => this.foldAll() });
        this.list = h('div', { class: 'groups', onkeydown: (event) => this.arrow(event),
            onfocusin: (event) => this.focused(event.target) });
        this.nothing = h('p', { class: 'nothing', hidden: true });
        this.element = h('div', { class: 'board' },
            h('h1', { class: 'away' }, t('board.title')),
            this.attention.element,
            h('div', { class: 'tools' }, this.search,
                h('div', { class: 'filters', role: 'group', 'aria-label': t('board.filter') }, filters), this.fold),
            this.nothing, this.list);
    }

    /* --- what has changed ------------------------------------------------------------------------ */

    /* True: there is more to do in the next frame. */
    frame() {
        const { model } = this;
        const end = performance.now() + BUDGET_MS;
        if (model.everything) {
            model.everything = false;
            for (const id of model.tables.keys()) this.pending.add(id);
            for (const id of this.tiles.keys()) this.pending.add(id);
            this.attention.stale = true;
        }
        for (const id of model.dirty) this.pending.add(id);
        model.dirty.clear();
        for (const id of this.pending) {
            this.pending.delete(id);
            this.update(id);
            if (performance.now() >= end) break;
        }
        this.summarize();
        return this.pending.size > 0;
    }

    update(id) {
        const table = this.model.tables.get(id);
        let tile = this.tiles.get(id);
        if (!table) {
            if (tile) this.drop(id, tile);
            return;
        }
        if (!tile) tile = this.add(id);
        const verdict = this.model.assess(table);
        if (verdict.level !== tile.level) {
            this.count(tile, -1);
            tile.level = verdict.level;
            this.count(tile, 1);
        }
        const word = tileWord(table, verdict);
        const was = verdict.level === 'unknown' && verdict.was === 'trouble' ? ' was' : '';
        setClass(tile.element, `tile ${verdict.level}${was}`);
        setText(tile.word, word);
        setText(tile.age, age(table.at));
        setTitle(tile.element, verdict.level === 'unknown' ? unknownWords(this.model, table)
            : verdict.reasons.map((name) => `${name} ${table.doc[name]}`).join(', '));
        tile.hay = `${id} ${word} ${t(`level.${verdict.level}`)}`.toLowerCase();
        this.show(tile);
        this.attention.note(table, verdict);
    }

    count(tile, step) {
        if (!tile.level) return;
        this.counts[tile.level] += step;
        tile.group.counts[tile.level] += step;
        tile.group.stale = true;
    }

    add(id) {
        const element = $('tile').content.firstElementChild.cloneNode(true);
        const [name, aged, , word] = element.children;
        const group = this.groups.get(prefixOf(id)) ?? this.addGroup(prefixOf(id));
        const tile = { element, age: aged, word, group, level: null, hay: '', hidden: false };
        element.href = `#/table/${encodeURIComponent(id)}`;
        element.dataset.id = id;
        name.textContent = id;
        if (this.tiles.size === 0) element.tabIndex = 0; // one of them is reached by Tab, the others by arrows
        const place = placeOf(group.ids, id);
        group.tiles.insertBefore(element, group.tiles.children[place] ?? null);
        group.ids.splice(place, 0, id);
        group.visible++;
        this.tiles.set(id, tile);
        return tile;
    }

    drop(id, tile) {
        const { group } = tile;
        this.count(tile, -1);
        this.tiles.delete(id);
        tile.element.remove();
        group.ids.splice(placeOf(group.ids, id), 1);
        if (!tile.hidden) group.visible--;
        group.stale = true;
        this.attention.forget(id);
        if (group.ids.length === 0) {
            group.element.remove();
            this.groups.delete(group.prefix);
            this.names.splice(placeOf(this.names, group.prefix), 1);
        }
        if (tile.element.tabIndex === 0) this.firstTile()?.setAttribute('tabindex', '0');
    }

    addGroup(prefix) {
        const counts = h('span', { class: 'counts' });
        const body = h('div', { class: 'tiles', id: `group-${prefix}` });
        const button = h('button', { type: 'button', 'aria-controls': `group-${prefix}`, onclick: () => this.toggle(group) },
            h('span', { class: 'turn', 'aria-hidden': 'true' }), h('span', { class: 'prefix' }, prefix), counts);
        const element = h('section', { class: 'group', 'aria-label': prefix }, h('h2', null, button), body);
        const group = { prefix, element, button, counts: Object.fromEntries(levels.map((level) => [level, 0])),
            said: counts, tiles: body, ids: [], visible: 0, stale: true };
        const place = placeOf(this.names, prefix);
        this.list.insertBefore(element, this.list.children[place] ?? null);
        this.names.splice(place, 0, prefix);
        this.groups.set(prefix, group);
        this.showFold(group);
        return group;
    }

    /* What follows from the tiles: at the end of a frame. */
    summarize() {
        const total = this.tiles.size;
        setText(this.filters.get('all').count, String(total));
        for (const level of levels) setText(this.filters.get(level).count, String(this.counts[level]));
        let visible = 0;
        for (const group of this.groups.values()) {
            if (group.stale) this.sayGroup(group);
            setHidden(group.element, group.visible === 0);
            visible += group.visible;
        }
        setHidden(this.nothing, visible > 0);
        if (!visible) setText(this.nothing, t(total ? 'board.nothing' : 'board.none'));
        setText(this.fold, t(this.folded.size < this.groups.size || !this.groups.size ? 'board.fold' : 'board.unfold'));
        this.attention.frame(total, this.counts);
    }

    sayGroup(group) {
        group.stale = false;
        const n = group.ids.length;
        const said = levels.filter((level) => level !== 'well' && group.counts[level] > 0).map((level) =>
            h('span', { class: `tally ${level}` }, h('span', { class: `mark ${level}`, 'aria-hidden': 'true' }),
                `${group.counts[level]} ${t(`level.${level}`)}`));
        group.said.replaceChildren(h('span', null, n === 1 ? t('board.group.one') : t('board.group', { n })), ...said);
    }

    /* The ages of all, spread over frames; a verdict may change with time, too. */
    refreshAges() {
        if (this.element.hidden || document.hidden) return;
        for (const id of this.tiles.keys()) this.pending.add(id);
        this.attention.stale = true;
        this.model.changed();
    }

    /* --- what is shown --------------------------------------------------------------------------- */

    matches(tile) {
        return (this.level === 'all' || tile.level === this.level) && this.words.every((word) => tile.hay.includes(word));
    }

    show(tile) {
        const hidden = !this.matches(tile);
        if (hidden === tile.hidden) return;
        tile.hidden = hidden;
        tile.element.hidden = hidden;
        tile.group.visible += hidden ? -1 : 1;
    }

    showAll() {
        for (const tile of this.tiles.values()) this.show(tile);
        this.summarize();
    }

    find() {
        this.words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
        this.showAll();
    }

    choose(level) {
        this.level = level;
        for (const [name, { button }] of this.filters) button.setAttribute('aria-pressed', String(name === level));
        this.showAll();
    }

    /* --- folding --------------------------------------------------------------------------------- */

    showFold(group) {
        const folded = this.folded.has(group.prefix);
        group.button.setAttribute('aria-expanded', String(!folded));
        group.tiles.hidden = folded;
    }

    toggle(group) {
        if (!this.folded.delete(group.prefix)) this.folded.add(group.prefix);
        this.keepFolds();
    }

    foldAll() {
        const all = this.folded.size < this.groups.size;
        this.folded = new Set(all ? this.groups.keys() : []);
        this.keepFolds();
    }

    keepFolds() {
        sessionStorage.setItem('folded', JSON.stringify([...this.folded]));
        for (const group of this.groups.values()) this.showFold(group);
        this.summarize();
    }

    /* --- keyboard -------------------------------------------------------------------------------- */

    shownTiles() {
        return [...this.list.querySelectorAll('.group:not([hidden]) > .tiles:not([hidden]) > .tile:not([hidden])')];
    }

    firstTile() {
        return this.list.querySelector('.tile');
    }

    focused(element) {
        if (!element.classList.contains('tile')) return;
        for (const other of this.list.querySelectorAll('.tile[tabindex="0"]')) other.tabIndex = -1;
        element.tabIndex = 0;
    }

    arrow(event) {
        const from = event.target.closest('.tile');
        const vertical = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!from || (!vertical && !step)) return;
        event.preventDefault();
        const tiles = this.shownTiles();
        const at = tiles.indexOf(from);
        let to = tiles[at + (step ?? 0)];
        if (vertical) {
            const here = from.getBoundingClientRect();
            let best = Infinity;
            to = null;
            for (let i = at + vertical; tiles[i]; i += vertical) {
                const there = tiles[i].getBoundingClientRect();
                const down = Math.abs(there.top - here.top);
                if (down < here.height / 2) continue; // of the same line
                if (best < Infinity && down > best.down + 1) break; // two lines on
                const distance = Math.abs(there.left - here.left);
                if (best === Infinity || distance < best.distance) {
                    best = { down, distance };
                    to = tiles[i];
                }
            }
        }
        to?.focus();
    }
}
