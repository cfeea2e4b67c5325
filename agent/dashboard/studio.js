/*
 * studio.js - all agents that share a database, as this page's agent tells of them: what is known, and what to make
 * of it. No page, no network.
 *
 * What comes is what has changed. Of a document only what is shown is kept: there may be 20,000.
 */
import { parseTime } from './dom.js';
import { builtin, isBad } from './model.js';
import { tileWord } from './words.js';

/* In the order of what needs somebody first. Exceptions are not in the database's tables. */
export const studioLevels = ['trouble', 'unknown', 'maintenance', 'well'];

function judge(id, doc) {
    const reasons = builtin(doc).filter((name) => isBad(doc[name]));
    const level = doc.MAINTENANCE === true ? 'maintenance' : reasons.length ? 'trouble' : 'well';
    return {
        id, level, word: tileWord({ doc }, { level, reasons }), at: parseTime(doc.TIMESTAMP),
        why: reasons.map((name) => `${name} ${doc[name]}`).join(', '),
    };
}

export class Studio {
    constructor() {
        this.agents = new Map(); // id → {id, owner, since, tables, counts, sorted}
        this.coming = null; // the same, of one that began anew and is not all there yet
        this.revision = null;
        this.incomplete = false;
        this.dirty = new Set(); // ids of agents
    }

    /* A page of an answer. */
    take(page) {
        if (page.reset) this.coming = new Map();
        for (const told of page.agents) this.takeAgent(told);
        for (const told of page.tables) this.takeTable(told);
        this.revision = page.revision;
        this.incomplete = page.incomplete === true;
    }

    /* That was the last one. */
    settle() {
        if (!this.coming) return;
        for (const id of [...this.agents.keys(), ...this.coming.keys()]) this.dirty.add(id);
        this.agents = this.coming;
        this.coming = null;
    }

    agent(id) {
        const agents = this.coming ?? this.agents;
        let agent = agents.get(id);
        if (!agent) {
            agent = { id, owner: null, since: null, tables: new Map(), counts: { trouble: 0, maintenance: 0, well: 0 } };
            agents.set(id, agent);
        }
        this.dirty.add(id);
        return agent;
    }

    takeAgent({ agent_id: id, owner, unknown_since: since, removed }) {
        const agent = this.agent(id);
        if (removed) (this.coming ?? this.agents).delete(id);
        else Object.assign(agent, { owner, since: since === null ? null : parseTime(since) });
    }

    takeTable({ agent_id: agentId, table_id: id, status, removed }) {
        const agent = this.agent(agentId);
        const before = agent.tables.get(id);
        if (before) agent.counts[before.level]--;
        if (removed || !before) agent.sorted = null; // what a view has made of the names
        if (removed) {
            agent.tables.delete(id);
            return;
        }
        const table = judge(id, status);
        agent.tables.set(id, table);
        agent.counts[table.level]++;
    }

    /* Somebody answers for this agent's tables. */
    static known(agent) {
        return agent.owner !== null && agent.since === null;
    }
}
