/* history.js - what a list of events says: since when and by whom, and what was when. Pure. */
import { parseTime } from './dom.js';

/*
 * Since when each field of `names` is what it is, and by whom, out of change events, newest first:
 * a map of name → {at, by, via, rev}. A field that is not there had its value before the oldest of them.
 */
export function sinceWhen(names, events) {
    const found = new Map();
    for (const event of events) {
        if (!event.changes || event.removed) continue;
        for (const name of Object.keys(event.changes))
            if (names.includes(name) && !found.has(name))
                found.set(name, { at: parseTime(event.ts), by: event.by, via: event.via, rev: event.rev });
    }
    return found;
}

/* All of them are found, or there was nothing before. */
export function allFound(names, events) {
    return sinceWhen(names, events).size === names.length || events.some((event) => event.rev === 0);
}

/*
 * What a field was in [from, to), as pieces {from, to, value}; value undefined: not recorded. `events`
 * are the changes in that time, oldest first; `state` is the document before them, or null; `current`
 * the document now, which counts if nothing else tells and the window reaches to now.
 */
export function segments(name, { events, state, current, from, to }) {
    const pieces = [];
    let value = state ? state[name] : undefined;
    let told = state != null;
    let at = from;
    const until = (end, next) => {
        if (end > at) pieces.push({ from: at, to: end, value });
        at = Math.max(at, end);
        value = next;
    };
    for (const event of events) {
        if (!event.changes) continue;
        const when = Math.min(Math.max(parseTime(event.ts), from), to);
        if (event.removed) {
            until(when, undefined);
            told = true;
            continue;
        }
        const change = event.changes[name];
        if (!change) continue;
        if (!told) value = change[0] ?? undefined; // what it had been until then
        told = true;
        until(when, change[1] ?? undefined);
    }
    if (!told && current) value = current[name];
    until(to, undefined);
    return pieces;
}

/* Every single change, newest first: {at, field, from, to, by, via, rev, removed}. */
export function changesOf(events) {
    const list = [];
    for (const event of events) {
        if (!event.changes) continue;
        const common = { at: parseTime(event.ts), by: event.by, via: event.via, rev: event.rev, seq: event.seq };
        if (event.removed) {
            list.push({ ...common, removed: true });
            continue;
        }
        if (event.rev === 0) {
            list.push({ ...common, created: true });
            continue;
        }
        for (const [field, [from, to]] of Object.entries(event.changes)) list.push({ ...common, field, from, to });
    }
    return list.sort((a, b) => b.seq - a.seq);
}
