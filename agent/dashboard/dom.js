/* dom.js - elements made and changed, and times as people read them. */
import { locale, t } from './texts.js';

export const $ = (id) => document.getElementById(id);

/* h('p', {class: 'x', onclick: f}, 'text', element…): null and false among the children are passed over. */
export function h(tag, props, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props ?? {})) {
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else if (value === true) element.setAttribute(name, '');
        else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child != null && child !== false));
    return element;
}

const SVG = 'http://www.w3.org/2000/svg';
export function svg(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes ?? {}))
        if (value != null) element.setAttribute(name, value);
    element.append(...children);
    return element;
}

/* These touch the page only where something is different: what is the same costs no layout. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}
export function setClass(element, name) {
    if (element.className !== name) element.className = name;
}
export function setHidden(element, hidden) {
    if (element.hidden !== hidden) element.hidden = hidden;
}
export function setTitle(element, text) {
    if (element.title !== text) element.title = text;
}

/* A shape beside a word, so that nothing is told by colour alone. */
export function mark(level) {
    return h('span', { class: `mark ${level}`, 'aria-hidden': 'true' });
}

/* What may be longer than its place; it can be scrolled by keys. */
export function scroller(label, name = 'scroll') {
    return h('div', { class: name, tabindex: '0', role: 'region', 'aria-label': label });
}

/* The words of a page that stand in its HTML. */
export function fillTexts(root) {
    for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
    for (const element of root.querySelectorAll('[data-t-label]'))
        element.setAttribute('aria-label', t(element.dataset.tLabel));
}

/* --- time: the agent's clock, not this computer's ---------------------------------------------- */

let offset = 0;
/* The agent said that it is `ms` now. Less than two seconds are the way here. */
export function clockIs(ms) {
    const difference = ms - Date.now();
    offset = Math.abs(difference) < 2000 ? 0 : difference;
}
export const now = () => Date.now() + offset;

/* TIMESTAMP of a document has no zone: it is UTC. */
export function parseTime(text) {
    return Date.parse(/Z$|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
}

const two = (number) => String(number).padStart(2, '0');
let dayFormat; // made when it is needed: that takes a while
function day(ms) {
    dayFormat ??= new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
    return dayFormat.format(ms);
}

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

/* `14:03`. */
export function minuteOfDay(ms) {
    const date = new Date(ms);
    return `${two(date.getHours())}:${two(date.getMinutes())}`;
}
/* `14:03`, with the day if that is not today. */
export function minute(ms) {
    return sameDay(ms, now()) ? minuteOfDay(ms) : `${day(ms)} ${minuteOfDay(ms)}`;
}
/* The same with seconds. */
export function clock(ms) {
    return `${minute(ms)}:${two(new Date(ms).getSeconds())}`;
}

/* How long ago, in one unit: `now`, `4 min`, `3 h`, `2 d`. */
export function age(ms) {
    const minutes = Math.floor(Math.max(0, now() - ms) / 60000);
    if (minutes < 1) return t('age.now');
    if (minutes < 60) return t('age.min', { n: minutes });
    if (minutes < 2880) return t('age.h', { n: Math.floor(minutes / 60) });
    return t('age.d', { n: Math.floor(minutes / 1440) });
}
/* The same in a sentence. */
export function ago(ms) {
    return now() - ms < 60000 ? t('age.just') : t('age.ago', { age: age(ms) });
}
/* How long it has lasted. */
export function lasting(ms) {
    return now() - ms < 60000 ? t('age.just') : age(ms);
}
/* A length of time. */
export function span(seconds) {
    if (seconds < 60) return t('age.s', { n: Math.round(seconds) });
    if (seconds < 3600) return t('age.min', { n: Math.floor(seconds / 60) });
    return t('age.h', { n: Math.floor(seconds / 3600) });
}

export function timeElement(ms, text = clock(ms)) {
    return h('time', { datetime: new Date(ms).toISOString(), title: new Date(ms).toISOString() }, text);
}
