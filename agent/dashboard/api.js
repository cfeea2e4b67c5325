/* api.js - what is asked over HTTP: the agent, histories, the stream of events. */
let credentials = null;
export function apiLogin(given) {
    credentials = given;
}

const address = (path) => new URL(`api/v1/${path}`, document.baseURI.split('#')[0]).href;
const headers = () => ({ authorization: `Bearer ${credentials.id}:${credentials.token}` });

/* What was wrong, in the agent's words. */
async function problem(response) {
    try {
        return new Error((await response.json()).title ?? response.statusText);
    } catch {
        return new Error(`${response.status} ${response.statusText}`);
    }
}

async function get(url, signal) {
    const response = await fetch(url, { headers: headers(), signal, cache: 'no-store' });
    if (!response.ok) throw await problem(response);
    return response;
}

/* An answer that does not come is one that is not known. */
const patience = () => AbortSignal.timeout(5000);

export async function agent() {
    return (await get(address('agent'), patience())).json();
}

/* What is new since a revision (null: all) of all agents that share the store; `next` is the next page's address, for `url`. */
export async function studio(revision, url) {
    const response = await get(url ?? address(`studio?limit=1000${revision ? `&after=${revision}` : ''}`), patience());
    return { ...(await response.json()), next: nextOf(response) };
}

/* Without credentials; also what it says when it is not ready. */
export async function ready() {
    return (await fetch(new URL('readyz', document.baseURI.split('#')[0]), { cache: 'no-store', signal: patience() })).json();
}

/* Where the next page is, of a header `<…>; rel="next"`; below the folder a proxy gives the agent, which does
 * not know it. */
function nextOf(response) {
    const link = /<[^>]*\/api\/v1\/([^>]*)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '');
    return link && address(link[1]);
}

/*
 * A table's history; `query` as in the protocol. Reads pages until `enough(events)` or `max` events.
 * Gives {events, state, cut}: `cut` says that there is more.
 */
export async function history(id, query, { max = 1000, enough = () => false, signal } = {}) {
    const parameters = new URLSearchParams(query);
    let url = address(`tables/${encodeURIComponent(id)}/history?${parameters}`);
    const all = { events: [], cut: false, state: undefined };
    while (url) {
        const response = await get(url, signal);
        const page = await response.json();
        if (all.state === undefined) all.state = page.state ?? null; // before the first page
        all.events.push(...page.events);
        url = nextOf(response);
        if (enough(all.events)) break;
        if (url && all.events.length >= max) {
            all.cut = true;
            break;
        }
    }
    return all;
}

/* One event of a stream out of its lines. */
function parseEvent(block) {
    const event = { type: 'message', data: [] };
    for (const line of block.split('\n')) {
        const at = line.indexOf(':');
        if (at === 0) continue; // a comment: the agent is there
        const name = at < 0 ? line : line.slice(0, at);
        const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
        if (name === 'event') event.type = value;
        else if (name === 'id') event.id = value;
        else if (name === 'data') event.data.push(value);
    }
    return event.data.length || event.id ? { ...event, data: event.data.join('\n') } : null; // an id alone is a place
}

/*
 * The stream of events, until `signal` ends it or the connection does: on(type, data, id) for each.
 * `last` is the id to go on behind.
 */
export async function stream(query, last, signal, on) {
    const parameters = new URLSearchParams(query);
    const response = await fetch(address(`stream?${parameters}`), {
        headers: { ...headers(), accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) },
        signal, cache: 'no-store',
    });
    if (!response.ok) throw await problem(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) {
            const event = parseEvent(block);
            if (event) on(event.type, event.data ? JSON.parse(event.data) : null, event.id);
        }
    }
}
