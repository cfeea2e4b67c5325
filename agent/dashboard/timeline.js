/*
 * timeline.js - what each field was in a window of time, drawn. What is bad is a full bar, what is well
 * a thin line, what is neither a bar of half the height; what is not recorded is hatched.
 */
import { clock, minute, minuteOfDay, parseTime, svg } from './dom.js';
import { exceptionOf, isBad } from './model.js';
import { segments } from './history.js';
import { t } from './texts.js';
import { shown } from './words.js';

const LANE = 26;
const AXIS = 22;
const CHARACTER = 7; // about, of a label
const STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720];

/* How a value looks: [class, height]. */
function looks(name, value) {
    if (value === undefined || value === null) return ['none', 14];
    if (name === 'MAINTENANCE') return value ? ['kept', 18] : ['well', 3];
    if (isBad(value)) return ['bad', 18];
    return value === 'up' ? ['well', 3] : ['rest', 12];
}

function hatch() {
    return svg('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        svg('rect', { width: 6, height: 6, class: 'hatch-ground' }), svg('rect', { width: 2, height: 6, class: 'hatch-line' }));
}

/* The times on the axis: full steps of the local day, so many that they have room. */
function ticks(from, to, width) {
    const room = Math.max(2, Math.floor(width / 64));
    const step = STEPS_MIN.find((minutes) => (to - from) / (minutes * 60000) <= room) ?? 1440;
    const midnight = new Date(from).setHours(0, 0, 0, 0);
    const list = [];
    for (let at = midnight; at <= to; at += step * 60000) if (at >= from) list.push(at);
    return list;
}

/*
 * An SVG of `names`, `width` wide. `data` as `segments` wants it, with `exceptions`: events; `end`: where
 * the window ends, which may be later than what there is to draw.
 */
export function drawTimeline(id, names, data, width) {
    const narrow = width < 560;
    const left = narrow ? 0 : 150;
    const lane = narrow ? LANE + 14 : LANE;
    const { from, end } = data;
    const x = (at) => left + ((at - from) / (end - from)) * (width - left);
    const rows = data.exceptions.length ? [null, ...names] : names;
    const height = rows.length * lane + AXIS;
    const count = data.events.filter((event) => event.changes).length;
    const picture = svg('svg', { class: 'timeline', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
        'aria-label': t('timeline.label', { id, from: minute(from), to: minute(end), n: count }) }, svg('defs', {}, hatch()));

    for (const at of ticks(from, end, width - left)) {
        const text = svg('text', { x: x(at), y: height - 6, class: 'tick',
            'text-anchor': x(at) < left + 20 ? 'start' : x(at) > width - 20 ? 'end' : 'middle' });
        text.textContent = minuteOfDay(at);
        picture.append(svg('line', { x1: x(at), x2: x(at), y1: 0, y2: height - AXIS, class: 'grid' }), text);
    }
    rows.forEach((name, row) => {
        const top = row * lane + (narrow ? 14 : 0);
        const middle = top + LANE / 2;
        const label = svg('text', { x: 0, y: narrow ? top - 1 : middle + 4, class: 'lane' });
        label.textContent = name ?? t('table.exceptions');
        picture.append(label);
        if (name === null) {
            for (const event of data.exceptions) picture.append(diamond(x(parseTime(event.ts)), middle, event));
            return;
        }
        for (const piece of segments(name, data)) picture.append(bar(name, piece, x, middle));
    });
    if (data.to < end) picture.append(svg('line', { x1: x(data.to), x2: x(data.to), y1: 0, y2: height - AXIS, class: 'now' }));
    return picture;
}

function bar(name, piece, x, middle) {
    const [look, height] = looks(name, piece.value);
    const start = x(piece.from);
    const wide = Math.max(1.5, x(piece.to) - start);
    const word = piece.value == null ? t('timeline.unknown') : shown(piece.value);
    const group = svg('g', { class: `seg ${look}`, 'data-field': name, 'data-from': piece.from, 'data-to': piece.to,
        'data-value': JSON.stringify(piece.value ?? null) });
    const title = svg('title');
    title.textContent = t('timeline.segment', { field: name, value: word, from: clock(piece.from), to: clock(piece.to) });
    group.append(title, svg('rect', { x: start, y: middle - height / 2, width: wide, height,
        fill: look === 'none' ? 'url(#hatch)' : null }));
    if (height > 3 && wide > word.length * CHARACTER + 8) {
        const text = svg('text', { x: start + 4, y: middle + 4 });
        text.textContent = word;
        group.append(text);
    }
    return group;
}

function diamond(at, middle, event) {
    const told = exceptionOf(event.data);
    const group = svg('g', { class: 'seg notice', 'data-seq': event.seq });
    const title = svg('title');
    title.textContent = `${clock(parseTime(event.ts))} ${told.title}`;
    group.append(title, svg('path', { d: `M${at} ${middle - 7}l7 7l-7 7l-7 -7z` }));
    return group;
}
