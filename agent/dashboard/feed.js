/*
 * feed.js - the exceptions of all tables, newest first. What comes now comes over the WebSocket; what was
 * before, and who sent it, out of the stream of events, which goes on where it broke off.
 */
import { h, setHidden, setText } from './dom.js';
import { stream } from './api.js';
import { exceptionTable } from './table.js';
import { t } from './texts.js';

const BACK = 10000; // events looked through at first; ten times more each time it is asked for
const SHOWN_MAX = 300;
const AGAIN_MS = 3000;
const GLANCE_MS = 8000;

export class Feed {
    constructor(model, tables, newestSeq) {
        this.model = model;
        this.tables = tables; // of the stream: all the role may see
        this.newestSeq = newestSeq; // of the agent, as it said last
        this.back = BACK;
        this.oldest = 1;
        this.rows = h('div', { class: 'rows-of-all' });
        this.note = h('p', { class: 'nothing', role: 'status' });
        this.missed = h('p', { class: 'refusal', hidden: true });
        this.earlier = h('button', { type: 'button', onclick: () => this.further() }, t('feed.earlier'));
        this.element = h('div', { class: 'feed' }, h('h1', null, t('feed.title')), this.missed, this.rows, this.note,
            h('p', null, this.earlier));
    }

    open() {
        this.openNow = true;
        this.listen();
        this.frame();
    }

    close() {
        this.openNow = false;
        this.ending?.abort();
        clearTimeout(this.timer);
    }

    /* Once at the beginning: what was heard before the page was opened belongs on the board, too. */
    glance() {
        this.listen();
        setTimeout(() => this.openNow || this.close(), GLANCE_MS);
    }

    lagged(n) {
        this.missedCount = (this.missedCount ?? 0) + n;
        setText(this.missed, t('feed.missed', { n: this.missedCount }));
        setHidden(this.missed, false);
    }

    further() {
        this.back *= 10;
        this.last = null;
        this.listen();
    }

    async listen() {
        this.ending?.abort();
        clearTimeout(this.timer);
        const ending = new AbortController();
        this.ending = ending;
        if (!this.newestSeq()) { // not told yet
            this.timer = setTimeout(() => this.listen(), AGAIN_MS / 10);
            return;
        }
        const query = { tables: this.tables, kinds: 'exceptions' };
        const from = Math.max(this.oldest, this.newestSeq() - this.back);
        if (!this.last) query.from_seq = from;
        setHidden(this.earlier, from === this.oldest);
        try {
            await stream(query, this.last, ending.signal, (type, data, id) => this.event(type, data, id));
            this.why = null;
        } catch (error) {
            if (ending.signal.aborted) return;
            this.why = error.message;
        }
        if (!ending.signal.aborted) this.timer = setTimeout(() => this.listen(), AGAIN_MS);
        this.frame();
    }

    event(type, data, id) {
        this.why = null;
        if (id) this.last = id;
        if (type === 'exception') {
            this.model.exception(data);
        } else if (type === 'reset') {
            this.last = null;
            this.oldest = data.oldest_seq; // what is older is gone
            this.listen();
        }
    }

    frame() {
        if (!this.openNow) return;
        const list = this.model.exceptions.slice(0, SHOWN_MAX);
        const key = list.map((event) => `${event.seq}${event.by ?? ''}`).join();
        if (key !== this.key) {
            this.key = key;
            this.rows.replaceChildren(...(list.length ? [exceptionTable(list, true)] : []));
        }
        setText(this.note, this.why ? t('feed.stream', { why: this.why }) : list.length ? '' : t('feed.none'));
    }
}
