/* words.js - what the model knows, in words: the same ones on every view. */
import { ago, clock, lasting, minute } from './dom.js';
import { wordOf } from './model.js';
import { t } from './texts.js';

const NOTHING = '–';
const CHANGES_MAX = 3; // told of an event; its table's page has all
export const shown = (value) => (value === undefined || value === null ? NOTHING : wordOf(value));

/* Of a tile: one short phrase. */
export function tileWord(table, verdict) {
    switch (verdict.level) {
    case 'trouble': {
        const [first, ...more] = verdict.reasons;
        return `${first} ${table.doc[first]}${more.length ? ` ${t('word.more', { n: more.length })}` : ''}`;
    }
    case 'unknown':
        return t('word.unknown');
    case 'notice':
        return verdict.notice.title;
    case 'maintenance':
        return t('word.maintenance');
    default: {
        const resting = ['SDP', 'IDP'].find((name) => table.doc[name] !== 'up');
        return resting ? `${resting} ${wordOf(table.doc[resting])}` : t('word.well');
    }
    }
}

/* Why a table is unknown, and since when. */
export function unknownWords(model, table) {
    if (model.session === 0 && model.lostAt !== null)
        return t('unknown.socket', { time: minute(model.lostAt), age: lasting(model.lostAt) });
    if (table.session !== model.session || model.session === 0) return t('unknown.yet');
    if (table.goneAt) return t('unknown.device', { time: minute(table.goneAt), age: lasting(table.goneAt) });
    return t('unknown.report', { time: minute(table.at), age: ago(table.at) });
}

/* Since when, and by whom: of {at, by, via} or {before}. */
export function sinceWords(origin) {
    if (!origin) return '';
    if (origin.before) return t('since.before', { time: minute(origin.before) });
    const since = t('since', { time: minute(origin.at), age: lasting(origin.at) });
    return origin.by ? `${since} ${byWords(origin)}` : since;
}

export function byWords({ by, via }) {
    return via ? t('by.via', { who: by, via }) : t('by', { who: by });
}

/* What an event of a table's history did. */
export function eventWords(event) {
    if (event.removed) return t('table.removed', { id: event.table_id });
    if (event.rev === 0) return t('table.last.created');
    const changes = Object.entries(event.changes ?? {});
    if (!changes.length) return t('table.last.same');
    const told = changes.slice(0, CHANGES_MAX).map(([field, [from, to]]) =>
        t('board.last.change', { field, from: shown(from), to: shown(to) }));
    if (changes.length > CHANGES_MAX) told.push(t('word.more', { n: changes.length - CHANGES_MAX }));
    return told.join(', ');
}

export function lastWords(event) {
    return t('board.last', { what: eventWords(event), when: clock(Date.parse(event.ts)), who: event.by });
}
