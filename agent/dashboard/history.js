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

/*
 * Since when a field is what it is: {at, by, via}, {before} or null. `seen` is what the model noted,
 * `read` what `sinceWhen` found, `before` the time of the oldest event that was looked at.
 */
export function originOf(seen, read, before) {
    if (seen && (!read || read.rev < seen.rev)) return seen.at ? seen : null;
    return read ?? (before ? { before } : null);
}

/* All of them are found, or there was nothing before. */
export function allFound(names, events) {
    return sinceWhen(names, events).size === names.length || events.some((event) => event.rev === 0);
}

/*
 * What a field was in [from, end), as pieces {from, to, value}; value undefined: not recorded. `events`
 * are the changes in that time, oldest first, and reach to `to`; `state` is the document before them, or
 * null: then what was before the oldest of them is not recorded. `current` is the document now, if the
 * window reaches to now.
 */
export function segments(name, { events, state, current, from, to, end }) {
    const pieces = [];
    const of = (doc) => (doc && Object.hasOwn(doc, name) ? doc[name] : undefined);
    const changes = events.filter((event) => event.changes);
    let value = of(state);
    let at = from;
    const until = (time, next) => {
        const when = Math.min(Math.max(time, at), end);
        if (when > at) pieces.push({ from: at, to: when, value });
        at = when;
        value = next;
    };
    const first = changes[0];
    if (!state && first) { // from then on it was what the next change of it says it had been
        const next = changes.find((event) => event.removed || Object.hasOwn(event.changes, name));
        until(parseTime(first.ts), next ? (next.removed ? undefined : next.changes[name]?.[0] ?? undefined) : of(current));
    }
    for (const event of changes) {
        if (event.removed) until(parseTime(event.ts), undefined);
        else if (Object.hasOwn(event.changes, name)) until(parseTime(event.ts), event.changes[name][1] ?? undefined);
    }
    until(to, undefined);
    until(end, undefined);
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
