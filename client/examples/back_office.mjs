/*
 * back_office.mjs - a consumer of every change and exception that misses none (MQTT.js 5, `npm install mqtt`).
 *
 *   node back_office.mjs mqtt://USER:PASSWORD@HOST [PLACE]
 *
 * Prints one JSON line an event, of each agent in the order of its numbers and each once. PLACE is a file in
 * which it keeps how far it has come (default back_office.place): stopped for an hour or a week, it goes on behind the
 * last line it printed. What the broker lost shows as a hole in the numbers, which the agent fills.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import mqtt from 'mqtt';

const [url, placeFile = 'back_office.place'] = process.argv.slice(2);
if (!url) {
    console.error('Usage: node back_office.mjs mqtt://USER:PASSWORD@HOST [PLACE]');
    process.exit(2);
}
const login = decodeURIComponent(new URL(url).username) || 'back-office';
const ASK_AGAIN_MS = 10000;
const KEPT_MAX = 10000; // events behind a hole; those beyond it are asked for again

/* Of each agent: its epoch, the last number printed, and the events that came behind a hole. */
const places = new Map();

function readPlaces() {
    try {
        for (const [agent, { epoch, seq }] of Object.entries(JSON.parse(readFileSync(placeFile, 'utf8'))))
            places.set(agent, { epoch, seq, ahead: new Map() });
    } catch (error) {
        if (error.code !== 'ENOENT') throw error;
    }
}

/* Whole or not at all, whenever it is interrupted. */
function writePlaces() {
    const plain = Object.fromEntries([...places].map(([agent, { epoch, seq }]) => [agent, { epoch, seq }]));
    writeFileSync(`${placeFile}.new`, JSON.stringify(plain));
    renameSync(`${placeFile}.new`, placeFile);
}

function ask(agent, place) {
    clearTimeout(place.timer);
    place.timer = setTimeout(() => ask(agent, place), ASK_AGAIN_MS); // it may be away
    client.publish(`studio/agents/${agent}/replay/${login}`, JSON.stringify({ from_seq: place.seq + 1, epoch: place.epoch }),
        { qos: 1 });
}

function print(agent, place, event) {
    console.log(JSON.stringify({ agent, ...event, replay: undefined }));
    place.seq = event.seq;
}

function take(agent, event) {
    let place = places.get(agent);
    if (place?.epoch !== event.epoch) { // the first of this agent, or its store is another
        if (place) clearTimeout(place.timer);
        place = { epoch: event.epoch, seq: place ? 0 : event.seq - 1, ahead: new Map() }; // of another all is new
        places.set(agent, place);
    }
    if (event.seq <= place.seq) return; // a repetition
    if (event.seq > place.seq + 1) {
        if (place.ahead.size < KEPT_MAX) place.ahead.set(event.seq, event);
        if (!place.timer) ask(agent, place);
        return;
    }
    print(agent, place, event);
    for (let next; (next = place.ahead.get(place.seq + 1)); place.ahead.delete(next.seq)) print(agent, place, next);
    if (place.ahead.size === 0) {
        clearTimeout(place.timer);
        place.timer = undefined;
    }
    writePlaces();
}

/* The hole cannot be filled: go on behind it, and say so. */
function giveUp(agent, answer) {
    const place = places.get(agent);
    if (!place?.timer || answer.epoch === place.epoch) return; // or it is known by now
    console.error(`${agent}: events from ${place.seq + 1} on are gone: ${JSON.stringify(answer)}`);
    if (answer.epoch) Object.assign(place, { epoch: answer.epoch, seq: 0, ahead: new Map() });
    else place.seq = answer.oldest_seq - 1;
    ask(agent, place);
}

readPlaces();
const client = mqtt.connect(url, {
    protocolVersion: 5,
    clientId: login,
    username: login,
    clean: false, // the broker keeps what comes while this program is away ...
    properties: { sessionExpiryInterval: 24 * 3600 } // ... for a day; then the agent's replay has it
});
client.on('connect', () => {
    client.subscribe(['studio/tables/+/changes', 'studio/tables/+/exceptions', `studio/agents/+/replayed/${login}`], { qos: 1 });
    for (const [agent, place] of places) ask(agent, place); // is there more than the broker kept?
});
client.on('message', (topic, payload, packet) => {
    const message = JSON.parse(payload);
    const replayed = /^studio\/agents\/([^/]+)\/replayed\//.exec(topic);
    if (message.seq) {
        take(replayed?.[1] ?? packet.properties.userProperties.agent, message);
    } else if (message.error) {
        giveUp(replayed[1], message);
    } else if (message.end) {
        const place = places.get(replayed[1]);
        clearTimeout(place.timer);
        place.timer = place.ahead.size ? setTimeout(() => ask(replayed[1], place), ASK_AGAIN_MS) : undefined;
    }
});
client.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
});
