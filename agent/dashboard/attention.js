/* attention.js - the top of the board: the tables somebody should look at, the worst first. */
import { ago, h, mark, minute, setClass, setHidden, setText } from './dom.js';
import { Model } from './model.js';
import { t } from './texts.js';
import { lastWords, sinceWords, unknownWords } from './words.js';

const ROWS_MAX = 40;
const PAUSE_MS = 300; // between two orders of the list
const REASONS_MAX = 3;

export class Attention {
    constructor(model, origins) {
        this.model = model;
        this.origins = origins;
        this.ranks = new Map(); // id → {id, rank}
        this.rows = new Map(); // id → element
        this.stale = true;
        this.drawn = 0;
        this.title = h('h2', null, t('board.attention'), ' ', this.number = h('span', { class: 'count' }));
        this.list = h('ol', { class: 'rows' });
        this.more = h('p', { class: 'more', hidden: true });
        this.calm = h('p', { class: 'calm', hidden: true });
        this.element = h('section', { class: 'attention', 'aria-label': t('board.attention') },
            this.title, this.list, this.more, this.calm);
    }

    /* A table as it is judged now. That it is unknown is worth a row if it is that table's own. */
    note(table, verdict) {
        const wanted = verdict.level === 'trouble' || verdict.level === 'notice' ||
            (verdict.level === 'unknown' && (verdict.was === 'trouble' || table.session === this.model.session));
        if (wanted) this.ranks.set(table.id, { id: table.id, rank: Model.rank(verdict) });
        else if (!this.ranks.delete(table.id)) return;
        this.stale = true;
    }

    forget(id) {
        if (this.ranks.delete(id)) this.stale = true;
    }

    frame(total, counts) {
        if (!this.stale) return;
        const rest = this.drawn + PAUSE_MS - performance.now();
        if (rest > 0) {
            this.timer ??= setTimeout(() => {
                this.timer = null;
                this.model.changed();
            }, rest);
            return;
        }
        this.stale = false;
        this.drawn = performance.now();
        this.draw(total, counts);
    }

    draw(total, counts) {
        const sorted = [...this.ranks.values()].filter(({ id }) => this.model.tables.has(id)).sort((a, b) =>
            a.rank - b.rank || a.id.localeCompare(b.id, 'en', { numeric: true }));
        const wanted = sorted.slice(0, ROWS_MAX);
        const keep = new Set(wanted.map((row) => row.id));
        for (const [id, row] of this.rows) {
            if (keep.has(id)) continue;
            row.element.remove();
            this.rows.delete(id);
        }
        let place = this.list.firstElementChild;
        for (const { id } of wanted) {
            const row = this.rows.get(id) ?? this.add(id);
            this.fill(row, this.model.tables.get(id));
            if (row.element === place) place = place.nextElementSibling;
            else this.list.insertBefore(row.element, place);
        }
        const more = sorted.length - wanted.length;
        setHidden(this.more, more === 0);
        if (more) setText(this.more, t('board.more', { n: more }));
        setText(this.number, sorted.length ? String(sorted.length) : '');
        setHidden(this.calm, sorted.length > 0 || total === 0 || counts.unknown > 0);
        setText(this.calm, counts.maintenance ? t('board.calm.kept', { n: total, kept: counts.maintenance })
            : t('board.calm', { n: total }));
        setHidden(this.element, sorted.length === 0 && this.calm.hidden);
        setClass(this.element, sorted.length ? 'attention' : 'attention quiet');
    }

    add(id) {
        const row = {
            mark: mark('trouble'),
            name: h('a', { class: 'name', href: `#/table/${encodeURIComponent(id)}` }, id),
            what: h('span', { class: 'what' }),
            last: h('span', { class: 'last' }),
        };
        row.element = h('li', { class: 'row', 'data-id': id }, row.mark, row.name, row.what, row.last);
        this.rows.set(id, row);
        return row;
    }

    fill(row, table) {
        const { model, origins } = this;
        const verdict = model.assess(table);
        setClass(row.element, `row ${verdict.level}`);
        setClass(row.mark, `mark ${verdict.level}`);
        const said = this.say(table, verdict);
        const text = said.map(([strong, rest]) => `${strong}\t${rest}`).join('\n');
        if (row.text !== text) {
            row.text = text;
            row.what.replaceChildren(...said.map(([strong, rest]) =>
                h('span', { class: 'reason' }, h('b', null, strong), rest ? ` ${rest}` : '')));
        }
        const last = origins.last(table);
        setText(row.last, last ? lastWords(last) : '');
        if (model.known(table)) origins.want(table);
    }

    /* [what, since when and by whom] for each thing to be said. */
    say(table, verdict) {
        const said = [];
        for (const name of verdict.reasons.slice(0, REASONS_MAX)) {
            const since = sinceWords(this.origins.of(table, name));
            const what = `${name} ${table.doc[name]}`;
            const before = said.at(-1);
            if (before?.[1] === since) before[0] += `, ${what}`; // of one update
            else said.push([what, since]);
        }
        const more = verdict.reasons.length - REASONS_MAX;
        if (more > 0) said.push([t('word.more', { n: more }), '']);
        if (verdict.notice) said.push([verdict.notice.title, `${minute(verdict.notice.at)}, ${ago(verdict.notice.at)}`]);
        if (verdict.level === 'unknown') {
            const why = unknownWords(this.model, table);
            if (verdict.was !== 'trouble') return [[why, '']];
            return [[why, ''], [t('word.last', { what: said.map(([strong]) => strong).join(', ') }), '']];
        }
        return said;
    }
}
