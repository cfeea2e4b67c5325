/*
 * link.js - the one WebSocket to the agent: log in by message, watch all the role may, ask, notice at
 * once when nothing is known any more, come back alone.
 *
 *   connecting ── welcome ──► login ── first document ──► subscribing ── subscribed ──► live ⇄ silent
 *       ▲                       │ 1008: `refused`, the end                               │ closed
 *       └────────── waiting ◄───┴───────────────────────────────────────────────────────┘
 *
 * A dead agent closes the socket; one that hangs does not: so it is asked every BEAT_MS, and is silent
 * when it has not been heard for SILENT_MS.
 */
const BEAT_MS = 800;
const SILENT_MS = 2400; // with the tick below: known within 3 s
const TICK_MS = 200;
const DEAD_MS = 10000; // silent for so long: another connection may do better
const WAIT_FIRST_MS = 300;
const WAIT_MAX_MS = 4000;
const ANSWER_MS = 10000;
const REFUSED = 1008;

/* Where the agent is, also behind a proxy that gives it a folder. */
function address() {
    const url = new URL('v1/ws', document.baseURI.split('#')[0]);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
}

export class Link {
    /* `on`: state(name, detail), status(document, online), removed(id), exception(event), missed(n) */
    constructor(credentials, on) {
        this.credentials = credentials;
        this.on = on;
        this.state = 'off';
        this.session = 0; // counts the connections that came to live
        this.role = null; // 'device', 'viewer', 'operator', once live
        this.heard = 0; // when anything last came, by this computer's clock
        this.questions = new Map();
        this.number = 0;
        this.wait = WAIT_FIRST_MS;
    }

    get live() {
        return this.state === 'live';
    }

    /* The table in the id; what a device may watch. */
    get ownTable() {
        return this.credentials.id.split('_')[0];
    }

    open() {
        this.set('connecting');
        this.opened = Date.now();
        const socket = new WebSocket(address());
        this.socket = socket;
        socket.onmessage = (event) => socket === this.socket && this.receive(event.data);
        socket.onclose = (event) => socket === this.socket && this.closed(event.code, event.reason);
        this.ticker ??= setInterval(() => this.tick(), TICK_MS);
    }

    /* For good. */
    close() {
        clearInterval(this.ticker);
        clearTimeout(this.timer);
        this.ticker = null;
        const socket = this.socket;
        this.socket = null;
        socket?.close();
        this.failQuestions();
        this.set('off');
    }

    set(state, detail) {
        if (this.state === state) return;
        this.state = state;
        this.on.state(state, detail);
    }

    closed(code, reason) {
        this.failQuestions();
        if (code === REFUSED) {
            const wasLive = this.wasLive;
            this.close();
            this.on.refused(reason || String(code), wasLive);
            return;
        }
        this.socket = null;
        this.set('waiting', reason);
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
        this.wait = Math.min(this.wait * 1.6, WAIT_MAX_MS);
    }

    /* The socket is given up; its end may never be told. */
    drop() {
        const socket = this.socket;
        this.socket = null;
        socket?.close();
        this.closed(0, '');
    }

    tick() {
        const silence = Date.now() - this.heard;
        switch (this.state) {
        case 'live':
        case 'silent':
            if (!this.beat) {
                if (Date.now() - (this.beatAt ?? 0) >= BEAT_MS) this.sendBeat();
            } else if (silence > SILENT_MS && Date.now() - this.beatAt > BEAT_MS) {
                this.set('silent');
                if (silence > DEAD_MS) this.drop();
            }
            break;
        case 'connecting':
        case 'login':
        case 'subscribing':
            if (Date.now() - this.opened > DEAD_MS) this.drop();
            break;
        }
    }

    sendBeat() {
        this.beatAt = Date.now();
        this.beat = `beat-${++this.number}`;
        this.send({ event: 'get', request_id: this.beat });
    }

    send(message) {
        this.socket?.send(JSON.stringify(message));
    }

    /* The answer to a message; rejects with 'offline' before it was sent, 'lost' when none came. */
    ask(message, ms = ANSWER_MS) {
        if (!this.socket || this.state === 'waiting' || this.state === 'connecting')
            return Promise.reject(new Error('offline'));
        const id = `ask-${++this.number}`;
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => this.settle(id, null), ms);
            this.questions.set(id, { resolve, reject, timer });
            this.send({ ...message, request_id: id });
        });
    }

    settle(id, answer) {
        const question = this.questions.get(id);
        this.questions.delete(id);
        clearTimeout(question.timer);
        if (answer) question.resolve(answer);
        else question.reject(new Error('lost'));
    }

    failQuestions() {
        for (const id of [...this.questions.keys()]) this.settle(id, null);
        this.beat = null;
    }

    receive(text) {
        const message = JSON.parse(text);
        this.heard = Date.now();
        if (this.state === 'silent') this.set('live');
        if (message.request_id !== undefined) {
            if (message.request_id === this.beat) this.beat = null;
            else if (this.questions.has(message.request_id)) this.settle(message.request_id, message);
            return;
        }
        if (this.state === 'connecting' && message.status === 'ready') {
            this.set('login');
            this.send(this.credentials);
        } else if (this.state === 'login') {
            this.set('subscribing'); // the first document; or why there is none, and then nothing to watch
            this.subscribe().catch(() => {});
        } else {
            this.push(message);
        }
    }

    push(message) {
        switch (message.event) {
        case 'status':
            this.on.status(message.data, message.online);
            break;
        case 'removed':
            this.on.removed(message.table_id);
            break;
        case 'exception':
            this.on.exception(message);
            break;
        case 'lagged':
            this.on.missed(message.data.missed);
            break;
        }
    }

    /* All the role may watch, and what the role is: no message tells, but what is refused does. The
     * session is a new one from the answer on, before the first document that follows it. */
    async subscribe() {
        const watch = (tables) => this.ask({ event: 'subscribe', data: { tables, presence: true, interval_ms: 100 } });
        const nothing = await this.ask({}); // an update of nothing: an operator may, a viewer may not
        this.role = nothing.error === 'Not permitted' ? 'viewer' : 'operator';
        this.session++;
        let answer = await watch(['*']);
        if (answer.error === 'Not permitted') {
            this.role = 'device';
            answer = await watch([this.ownTable]);
        }
        if (answer.error) {
            this.drop();
            return;
        }
        this.wait = WAIT_FIRST_MS;
        this.wasLive = true;
        this.set('live');
    }
}
