/*
 * stage.mjs - for tests in JavaScript: a broker, an agent and its clients as processes and connections of
 * their own. Every wait has an end, and none hangs on how fast it goes.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const versions = '/usr/lib/postgresql'; // Debian's, a folder for each
export const WAIT_MS = 60000;
export const tokens = { device: 'DEVICE_TOKEN_0123456789', viewer: 'VIEWER_TOKEN_0123456789', operator: 'OPERATOR_TOKEN_0123456789' };
export const viewer = { id: 'OFFICE_supervisor', token: tokens.viewer };
export const operator = { id: 'OFFICE_operator', token: tokens.operator };

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Until `ask` gives something true, which is returned; fails with `what`. */
export async function until(what, ask, ms = WAIT_MS) {
    const end = Date.now() + ms;
    let last;
    for (;;) {
        last = await ask();
        if (last) return last;
        if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
        await sleep(50);
    }
}

/* A port nobody has, outside of those the kernel gives to who connects: it is still free after a restart. */
async function freePort() {
    for (;;) {
        const port = 11000 + Math.floor(Math.random() * 9000);
        const server = createServer();
        const free = await new Promise((resolve) => {
            server.once('error', () => resolve(false));
            server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
        });
        if (free) return port;
    }
}

/* A process that dies with the test; `line` is waited for on its output. */
export class Process {
    constructor(command, args, options = {}) {
        this.said = '';
        this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
        const note = (data) => (this.said = (this.said + data).slice(-100000));
        this.child.stdout.on('data', note);
        this.child.stderr.on('data', note);
        this.ended = new Promise((resolve) => this.child.on('close', resolve));
        this.kill9 = () => this.child.kill('SIGKILL');
        process.on('exit', this.kill9);
    }

    async wait(pattern) {
        return until(`${pattern} of ${this.child.spawnfile}: ${this.said.slice(-2000)}`, () => {
            assert.equal(this.child.exitCode, null, this.said);
            return pattern.exec(this.said);
        });
    }

    async end(signal = 'SIGTERM') {
        this.child.kill('SIGCONT');
        this.child.kill(signal);
        await this.ended;
        process.off('exit', this.kill9);
    }
}

/* A PostgreSQL of the test's own, on a unix socket; root is no user to it, so there it runs as `postgres`. */
export class Database {
    static there() {
        return existsSync(versions) && readdirSync(versions).length > 0;
    }

    async open() {
        const [version] = readdirSync(versions).sort((a, b) => b - a);
        this.bin = join(versions, version, 'bin');
        this.dir = mkdtempSync(join(tmpdir(), 'database-'));
        this.user = process.getuid() === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
        if (this.user.length) execFileSync('chown', ['postgres', this.dir]);
        this.run('initdb', '-D', join(this.dir, 'data'), '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync');
        const [command, ...args] = [...this.user, join(this.bin, 'postgres'), '-D', join(this.dir, 'data'), '-k', this.dir,
            '-c', 'listen_addresses=', '-c', 'fsync=off'];
        this.server = new Process(command, args, { cwd: this.dir });
        await this.server.wait(/ready to accept connections/);
        return this;
    }

    run(program, ...args) {
        const [command, ...all] = [...this.user, join(this.bin, program), ...args];
        return execFileSync(command, all, { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    }

    ask(sql) {
        return this.run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', this.dir, '-U', 'postgres', '-c', sql).trim();
    }

    get url() {
        return `postgresql:///postgres?host=${this.dir}&user=postgres`;
    }

    async close() {
        try {
            this.run('pg_ctl', '-D', join(this.dir, 'data'), '-m', 'immediate', 'stop');
        } finally {
            rmSync(this.dir, { recursive: true, force: true });
        }
    }
}

/* A Mosquitto, an agent, and the folder of both; with `store`, the address of a database, its store is there. */
export class Stage {
    constructor({ id = 'studio-1', store } = {}) {
        this.id = id;
        this.store = store;
    }

    async open() {
        this.dir = mkdtempSync(join(tmpdir(), 'stage-'));
        this.brokerPort = await freePort();
        writeFileSync(join(this.dir, 'broker.conf'), `listener ${this.brokerPort} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
        const line = (pattern, role, more = '') =>
            `${pattern} ${role} sha256:${createHash('sha256').update(tokens[role]).digest('hex')}${more}\n`;
        writeFileSync(join(this.dir, 'tokens'), line('*', 'device', ' tables=3000') + line('*', 'viewer') + line('*', 'operator'), { mode: 0o600 });
        writeFileSync(join(this.dir, 'agent.ini'), `[limits]\nupdates_per_second = 0\n${this.store ? `[store]\nurl = ${this.store}\n` : ''}`, { mode: 0o600 });
        mkdirSync(join(this.dir, 'data'), { mode: 0o700 });
        this.port = await freePort();
        await this.startBroker();
        await this.startAgent();
        return this;
    }

    async startBroker() {
        this.broker = new Process('mosquitto', ['-c', join(this.dir, 'broker.conf')]);
        await this.broker.wait(/mosquitto version .* running/);
    }

    async startAgent() {
        this.agent = new Process(join(process.env.STUDIO_BIN, 'studio-agent'), ['-c', join(this.dir, 'agent.ini'),
            '--listen', `127.0.0.1:${this.port}`, '--broker', `mqtt://127.0.0.1:${this.brokerPort}`,
            '--data', join(this.dir, 'data'), '--tokens', join(this.dir, 'tokens'), '--agent-id', this.id]);
        await this.agent.wait(/listening on ws:/);
    }

    get url() {
        return `http://127.0.0.1:${this.port}/`;
    }

    /* The HTTP API, as an operator. */
    async api(path) {
        const response = await fetch(`${this.url}api/v1/${path}`,
            { headers: { authorization: `Bearer ${operator.id}:${operator.token}` } });
        assert.equal(response.status, 200, `${path}: ${response.status}`);
        return response.json();
    }

    async close() {
        await this.agent?.end('SIGKILL');
        await this.broker?.end('SIGKILL');
        rmSync(this.dir, { recursive: true, force: true });
    }
}

/* A connection of a device or of the back office; `send` gives the answer. */
export class Client {
    constructor(stage, id, role) {
        this.id = id;
        this.waiting = [];
        const query = new URLSearchParams({ id, token: tokens[role] });
        this.socket = new WebSocket(`ws://127.0.0.1:${stage.port}/v1/ws?${query}`, { perMessageDeflate: false });
        this.socket.on('error', () => {});
        this.opened = new Promise((resolve, reject) => {
            this.waiting.push(resolve); // the first document
            this.socket.on('close', (code, reason) => reject(new Error(`${id}: closed with ${code} ${reason}`)));
        });
        this.opened.catch(() => {});
        this.socket.on('message', (data) => this.waiting.shift()?.(JSON.parse(data)));
    }

    send(message) {
        return new Promise((resolve) => {
            this.waiting.push(resolve);
            this.socket.send(JSON.stringify(message));
        });
    }

    async update(message) {
        const answer = await this.send(message);
        assert.equal(answer.status, 'updated', JSON.stringify(answer));
    }

    close() {
        this.socket.terminate();
    }
}
