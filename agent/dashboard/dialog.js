/*
 * dialog.js - to set a value: what, of which table, to what, and what the agent said. The button that
 * does it names the table, so that nobody sets the one beside it.
 */
import { $, h } from './dom.js';
import { allFinite, fields, isCustomName, wordOf } from './model.js';
import { t } from './texts.js';
import { shown } from './words.js';

export function toast(text) {
    const note = h('p', { class: 'toast' }, text);
    $('toasts').append(note);
    setTimeout(() => note.remove(), 8000);
}

/* A dialog that is gone when it is closed, and gives the focus back. */
export function openDialog(label, ...content) {
    const back = document.activeElement;
    const dialog = h('dialog', { 'aria-label': label }, ...content);
    dialog.addEventListener('close', () => {
        dialog.remove();
        back?.focus?.();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}

/* What the user chooses from: {element, read()}; read throws with the words to show. */
function chooser(field, table, changed) {
    const values = fields.get(field);
    if (field === 'MAINTENANCE') { // what the button says, whatever others do meanwhile
        const wanted = !table.doc.MAINTENANCE;
        return { element: null, read: () => wanted };
    }
    if (values) {
        const select = h('select', { id: 'set-value', onchange: changed },
            values.map((value) => h('option', { value, selected: value === table.doc[field] }, wordOf(value))));
        return { element: h('label', null, t('set.value'), select), read: () => select.value };
    }
    const area = h('textarea', { id: 'set-value', rows: 3, spellcheck: 'false', oninput: changed });
    if (field && table.doc[field] !== undefined) area.value = JSON.stringify(table.doc[field]);
    return {
        element: h('label', null, t('set.json'), area),
        read: () => {
            let value;
            try {
                value = JSON.parse(area.value);
            } catch {
                throw new Error(t('set.json.wrong'));
            }
            if (!allFinite(value)) throw new Error(t('set.json.number')); // it would be sent as null
            return value;
        },
    };
}

function titleOf(field, table) {
    if (field === 'MAINTENANCE')
        return t(table.doc.MAINTENANCE ? 'set.title.off' : 'set.title.on', { id: table.id });
    return field ? t('set.title', { field, id: table.id }) : t('set.title.custom', { id: table.id });
}

function confirmWords(field, id, value) {
    if (field === 'MAINTENANCE') return t(value ? 'set.confirm.on' : 'set.confirm.off', { id });
    if (value === null) return t('set.confirm.remove', { field, id });
    return t('set.confirm', { field: field || '…', id, value: value === undefined ? '…' : shown(value) });
}

/* `field` null: a custom one whose name is asked for. */
export function setDialog({ link, model, table, field }) {
    const { id } = table;
    const refusal = h('p', { class: 'refusal', role: 'alert' });
    const go = h('button', { type: 'submit', class: 'go' });
    const cancel = h('button', { type: 'button', onclick: () => dialog.close() }, t('set.cancel'));
    const name = field ? null : h('input', { id: 'set-name', type: 'text', autocomplete: 'off', spellcheck: 'false',
        required: true, pattern: '[A-Za-z_][A-Za-z0-9_.\\-]{0,63}', maxlength: 64, oninput: () => say() });
    const choice = chooser(field, table, () => say());
    const fieldNow = () => field ?? name.value.trim();

    /* The button says what it will do. */
    function say() {
        let value;
        try {
            value = choice.read();
        } catch {
            value = undefined;
        }
        go.textContent = confirmWords(fieldNow(), id, value);
    }

    function refuse(text) {
        refusal.textContent = text;
        go.disabled = false;
        say();
    }

    async function submit(event) {
        event.preventDefault();
        refusal.textContent = '';
        const target = fieldNow();
        let value;
        try {
            if (!field && !isCustomName(target)) throw new Error(t('set.name.wrong', { name: target }));
            value = choice.read();
        } catch (error) {
            refuse(error.message);
            return;
        }
        go.disabled = true;
        go.textContent = t('set.busy');
        try {
            const answer = await link.ask({ table_id: id, [target]: value });
            if (answer.error) {
                refuse(t('set.refused', { why: answer.error }));
                return;
            }
            dialog.close();
            toast(value === null ? t('set.done.remove', { id, field: target })
                : t('set.done', { id, field: target, value: shown(value) }));
        } catch (error) {
            refuse(error.message === 'offline' ? t('set.offline') : t('set.lost', { id }));
        }
    }

    const title = titleOf(field, table);
    const dialog = openDialog(title, h('form', { onsubmit: submit },
        h('h2', null, title),
        field && h('p', { class: 'now' }, t('set.now', { value: shown(table.doc[field]) })),
        !model.known(table) && h('p', { class: 'stale' }, t('set.stale')),
        name && h('label', null, t('set.name'), name),
        choice.element,
        refusal,
        h('div', { class: 'buttons' }, cancel, go)));
    say();
    (name ?? dialog.querySelector('select, textarea') ?? go).focus();
}
