/* login.js - who is looking: asked once, kept for this tab only. */
import { h } from './dom.js';
import { t } from './texts.js';

const KEY = 'login';

export function kept() {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
}
export function keep(credentials) {
    sessionStorage.setItem(KEY, JSON.stringify(credentials));
}
export function forget() {
    sessionStorage.removeItem(KEY);
}

export class Login {
    /* go(credentials) tries them. */
    constructor(go) {
        this.id = h('input', { id: 'login-id', name: 'id', type: 'text', required: true, autocomplete: 'username',
            spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'login-hint' });
        this.token = h('input', { id: 'login-token', name: 'token', type: 'password', required: true,
            autocomplete: 'current-password' });
        this.button = h('button', { type: 'submit', class: 'go' }, t('login.go'));
        this.said = h('p', { class: 'refusal', role: 'alert', id: 'login-said' });
        this.element = h('form', { class: 'login', onsubmit: (event) => {
            event.preventDefault();
            this.busy(true);
            this.said.textContent = '';
            go({ id: this.id.value.trim(), token: this.token.value.trim() });
        } },
        h('h1', null, t('title')), h('p', null, t('login.lead')),
        h('label', { for: 'login-id' }, t('login.id')), this.id,
        h('p', { class: 'hint', id: 'login-hint' }, t('login.id.hint')),
        h('label', { for: 'login-token' }, t('login.token')), this.token,
        this.said, this.button, h('p', { class: 'hint' }, t('login.kept')));
    }

    busy(on) {
        this.button.disabled = on;
        this.button.textContent = t(on ? 'login.busy' : 'login.go');
    }

    refuse(text) {
        this.busy(false);
        this.said.textContent = text;
        this.token.value = '';
        this.token.focus();
    }
}
