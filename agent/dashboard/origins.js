/*
 * origins.js - since when, and by whom, for the tables that need attention: read from their histories,
 * a few at a time, and only when somebody looks.
 */
import { history } from './api.js';
import { allFound, originOf, sinceWhen } from './history.js';

const AT_ONCE = 2;
const PAUSE_MS = 2000; // of one table
const EVENTS_MAX = 500; // further back than this it is `before`

export class Origins {
    constructor(model) {
        this.model = model;
        this.waiting = new Set();
        this.running = 0;
    }

    of(table, name) {
        return originOf(table.since.get(name), table.origins?.found.get(name), table.origins?.before);
    }

    /* What was changed last, as an event; null: not read yet. */
    last(table) {
        return table.origins?.last ?? null;
    }

    /* Sees to it that the table's story is read as far as its newest revision. */
    want(table) {
        if (table.origins?.rev === table.doc.UPTIME || this.waiting.has(table.id)) return;
        this.waiting.add(table.id);
        const rest = (table.origins?.read ?? 0) + PAUSE_MS - Date.now();
        if (rest > 0) setTimeout(() => this.next(), rest);
        else this.next();
    }

    next() {
        for (const id of this.waiting) {
            if (this.running >= AT_ONCE) return;
            const table = this.model.tables.get(id);
            if (!table) this.waiting.delete(id);
            else if ((table.origins?.read ?? 0) + PAUSE_MS <= Date.now()) this.read(table);
        }
    }

    async read(table) {
        const names = this.model.reasons(table);
        const rev = table.doc.UPTIME;
        this.waiting.delete(table.id);
        this.running++;
        try {
            const read = await history(table.id, { order: 'desc', limit: 100 },
                { max: EVENTS_MAX, enough: (events) => allFound(names, events) });
            const { events } = read;
            table.origins = {
                rev: Math.max(rev, events[0]?.rev ?? 0),
                read: Date.now(),
                found: sinceWhen(names, events),
                before: events.length ? Date.parse(events.at(-1).ts) : null,
                last: events[0] ?? null,
            };
        } catch {
            table.origins = { rev, read: Date.now(), found: new Map(), before: null, last: null };
        }
        this.running--;
        this.model.touch(table.id);
        this.next();
    }
}
