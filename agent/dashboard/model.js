/*
 * model.js - what is known of the tables, and what to make of it. No page, no network.
 *
 * Nothing is known that was not heard since the connection came to live: `known` asks for that, so
 * that no view can show a table as well that may not be.
 */
import { now, parseTime } from './dom.js';

/* The fields every agent has; `learnFields` brings those of this one, with their values. */
const SERVICE = ['up', 'down', 'standby', 'calibration', 'exception'];
const DEVICE = ['up', 'down'];
export const fields = new Map([
    ['SDP', SERVICE], ['IDP', SERVICE], ['BROKER', DEVICE], ['ZCam', DEVICE], ['ROULETTE', DEVICE],
    ['SHAKER', DEVICE], ['BARCODE_SCANNER', DEVICE], ['NFC_SCANNER', DEVICE], ['MAINTENANCE', [false, true]],
]);
const OWN = new Set(['TABLE_ID', 'UPTIME', 'TIMESTAMP']); // the agent's, not to be set

export function learnFields(info) {
    for (const [name, values] of Object.entries(info ?? {})) fields.set(name, values);
}

/* Names that a message keeps for itself, in every spelling: no field can have them. */
const KEPT = new Set(['tableid', 'requestid', 'uptime', 'timestamp', 'id', 'token', 'event', 'data']);
export const isCustomName = (name) => !KEPT.has(name.toLowerCase().replaceAll('_', ''));

/* No number in a value is beyond what JSON can carry. */
export function allFinite(value) {
    if (typeof value === 'number') return Number.isFinite(value);
    return value === null || typeof value !== 'object' || Object.values(value).every(allFinite);
}

export const isBad = (value) => value === 'down' || value === 'exception';
/* A value as a word. */
export const wordOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/* The settable fields of a document: the built-in ones in their order, then the custom ones. */
export function builtin(doc) {
    return Object.keys(doc).filter((name) => fields.has(name));
}
export function custom(doc) {
    return Object.keys(doc).filter((name) => !fields.has(name) && !OWN.has(name));
}

/* What an exception says, whatever its shape. */
export function exceptionOf(data) {
    if (typeof data === 'string') return { title: data, code: '', description: '', suggestion: '' };
    const told = data?.signal?.metadata ?? data ?? {};
    const text = (value) => (value == null ? '' : wordOf(value));
    return {
        title: text(told.title) || text(told.code) || JSON.stringify(data),
        code: text(told.code),
        description: text(told.description),
        suggestion: text(told.suggestion),
    };
}

/* In the order of a board: what needs somebody first. */
export const levels = ['trouble', 'unknown', 'notice', 'maintenance', 'well'];
const NOTICE_MS = 10 * 60000; // an exception is shown at its table for so long

export class Model {
    constructor() {
        this.tables = new Map();
        this.session = 0; // of the connection; 0: none is live
        this.lostAt = null; // since when nothing is known
        this.exceptions = []; // newest first, of all tables
        this.dirty = new Set(); // ids, for the views
        this.everything = false; // all of them
        this.changed = () => {};
    }

    touch(id) {
        this.dirty.add(id);
        this.changed();
    }

    touchAll() {
        this.everything = true;
        this.changed();
    }

    /* The connection is there, anew: each table is known again when its document comes. */
    live(session) {
        this.session = session;
        this.lostAt = null;
        this.touchAll();
    }

    /* From `ms` on nothing is known. */
    lost(ms) {
        if (this.session === 0 && this.lostAt !== null) return;
        this.session = 0;
        this.lostAt = ms;
        this.touchAll();
    }

    status(doc, online) {
        const id = doc.TABLE_ID;
        const before = this.tables.get(id);
        const table = before ?? { id, doc: null, since: new Map(), goneAt: null, notice: null };
        const at = parseTime(doc.TIMESTAMP);
        if (before) this.noteChanges(before, doc, at);
        if (online === false && before?.online === true) table.goneAt = now();
        if (online !== false) table.goneAt = null;
        table.doc = doc;
        table.online = online;
        table.at = at;
        table.session = this.session;
        this.tables.set(id, table);
        this.touch(id);
    }

    /*
     * Since when a field is what it is, as far as it was seen from here: {rev, at}; by whom the history
     * tells. Of what changed in a revision that was not seen it is known only that it was not before `rev`.
     */
    noteChanges(table, doc, at) {
        const next = table.doc.UPTIME + 1;
        if (doc.UPTIME > next) {
            table.since.clear();
            if (table.origins) table.origins.found = new Map();
        }
        for (const name of [...builtin(doc), ...custom(doc)])
            if (wordOf(doc[name]) !== wordOf(table.doc[name] ?? null))
                table.since.set(name, doc.UPTIME > next ? { rev: next } : { rev: doc.UPTIME, at });
    }

    removed(id) {
        if (this.tables.delete(id)) this.touch(id);
    }

    /* An event of the history or of the connection; the same one twice does no harm. */
    exception(event) {
        const at = parseTime(event.ts);
        const known = this.exceptions.findIndex((e) => e.seq === event.seq && e.table_id === event.table_id);
        if (known >= 0) {
            this.exceptions[known] = { ...this.exceptions[known], ...event, at };
        } else {
            let place = this.exceptions.findIndex((e) => e.seq < event.seq);
            if (place < 0) place = this.exceptions.length;
            this.exceptions.splice(place, 0, { ...event, at });
            if (this.exceptions.length > 2000) this.exceptions.length = 2000;
        }
        const table = this.tables.get(event.table_id);
        if (table && now() - at < NOTICE_MS && !(table.notice?.at > at)) {
            table.notice = { at, title: exceptionOf(event.data).title };
            this.dirty.add(table.id);
        }
        this.changed();
        return known < 0;
    }

    /* Is what is shown of this table what it is now? */
    known(table) {
        return this.session > 0 && table.session === this.session && table.online !== false;
    }

    /* The bad fields, as last heard. */
    reasons(table) {
        return builtin(table.doc).filter((name) => isBad(table.doc[name]));
    }

    /* `level`, the fields that make it so, and whether that is what was last heard only. */
    assess(table) {
        const reasons = this.reasons(table);
        const maintained = table.doc.MAINTENANCE === true;
        const notice = table.notice && now() - table.notice.at < NOTICE_MS ? table.notice : null;
        let level = 'well';
        if (maintained) level = 'maintenance';
        else if (reasons.length) level = 'trouble';
        else if (notice) level = 'notice';
        if (!this.known(table)) return { level: 'unknown', was: level, reasons, notice };
        return { level, was: level, reasons, notice };
    }

    /* What stands first on the board: trouble, then what was in trouble when it was last heard. */
    static rank(verdict) {
        return levels.indexOf(verdict.level) + (verdict.level === 'unknown' && verdict.was !== 'trouble' ? 0.5 : 0);
    }
}
