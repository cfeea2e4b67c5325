/* line.js - the line below the head: is the page live, is the mirror behind, can the store be written. */
import { $, clock, clockIs, h, parseTime, setClass, setText, span } from './dom.js';
import { agent, ready } from './api.js';
import { learnFields } from './model.js';
import { t } from './texts.js';

const EVERY_MS = 3000;
const BEHIND_S = 2; // younger events are just on their way

export class Line {
    constructor(model) {
        this.model = model;
        this.seq = 0; // of the newest event
        this.items = new Map();
        for (const name of ['live', 'mirror', 'broker', 'store', 'clients']) this.items.set(name, this.add(name));
        $('line').replaceChildren(...[...this.items.values()].map((item) => item.element));
    }

    add(name) {
        const shape = h('span', { class: 'mark unknown', 'aria-hidden': 'true' });
        const text = h('span', { class: 'said' });
        const label = name === 'live' ? null : h('span', { class: 'label' }, t(`line.${name}`), ' ');
        return { element: h('span', { class: `item ${name}` }, shape, label, text), shape, text };
    }

    say(name, level, text) {
        const item = this.items.get(name);
        setClass(item.shape, `mark ${level}`);
        setClass(item.element, `item ${name} ${level}`);
        setText(item.text, text);
    }

    start() {
        this.stop();
        this.timer = setInterval(() => !document.hidden && this.ask(), EVERY_MS);
        this.ask();
    }

    stop() {
        clearInterval(this.timer);
    }

    /* What the connection says; nothing else is known without it. */
    frame() {
        const { model } = this;
        if (model.session > 0) {
            this.say('live', 'well', t('line.live'));
            if (!this.fresh) this.ask();
            return;
        }
        this.fresh = false;
        this.say('live', 'unknown', model.lostAt ? t('line.lost', { time: clock(model.lostAt) }) : t('line.unknown'));
        for (const name of ['mirror', 'broker', 'store', 'clients']) this.say(name, 'unknown', t('line.unknown'));
    }

    async ask() {
        if (this.asking || this.model.session === 0) return;
        this.asking = true;
        this.fresh = true;
        try {
            const [about, readiness] = await Promise.all([agent(), ready()]);
            if (this.model.session > 0) this.show(about.info, about.health, readiness);
            if (about.shared !== this.shared) this.model.changed();
            this.shared = about.shared;
        } catch {
            for (const name of ['mirror', 'broker', 'store', 'clients']) this.say(name, 'unknown', t('line.unknown'));
        }
        this.asking = false;
    }

    show(info, health, { broker, store, backlog }) {
        clockIs(parseTime(health.ts));
        learnFields(info.fields);
        setText($('agent'), info.agent);
        this.seq = health.seq.committed;
        const [level, words] = this.mirror(health, broker.state);
        this.say('mirror', level, words);
        this.say('broker', broker.state === 'connected' ? 'well' : broker.state === 'not configured' ? 'maintenance' : 'trouble',
            broker.state === 'connected' ? health.broker : broker.state);
        const why = store !== 'writable' ? 'line.store.not' : backlog === 'full' ? 'line.store.full' : null;
        this.say('store', why ? 'trouble' : 'well', t(why ?? 'line.store.well'));
        this.say('clients', 'well', String(health.clients));
    }

    mirror({ backlog, parked }, state) {
        const waiting = { n: backlog.events, age: span(backlog.oldest_s) };
        if (state === 'not configured') return ['maintenance', t('line.mirror.off')];
        if (state !== 'connected')
            return ['trouble', backlog.events ? t('line.mirror.away', waiting) : t('line.mirror.away.none')];
        if (backlog.events && backlog.oldest_s >= BEHIND_S) return ['trouble', t('line.mirror.behind', waiting)];
        if (parked) return ['notice', `${t('line.mirror.current')}; ${t('line.parked', { n: parked })}`];
        return ['well', t('line.mirror.current')];
    }
}
