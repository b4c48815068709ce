// @ts-check
/**
 * Collector: how a login form was filled in, never what was typed.
 *
 * Listens from load, and at submit puts one string into the hidden input `risk_telemetry`: a compact ES256 JWS made with a
 * non-extractable key of this browser profile, or the bare JSON where no such key can be had. docs/collector.md is the wire.
 *
 * Rules of this file: no key identity leaves a handler; what can't be measured is said to be missing, not invented; whatever
 * fails here, the form is submitted. No network, cookies, console output, globals or dependencies; valid as a module and as
 * a classic script.
 *
 * @typedef {[down: number, up: number | null]} Press milliseconds; `up` is null where the release was never seen
 * @typedef {[ms: number, x: number, y: number, kind: string, ...contact: number[]]} Sample contact: pressure, width, height
 * @typedef {{ t0: number, presses: Press[], corrections: number, restarts: number, untrusted: number, pasted: boolean,
 *   autofilled: boolean, ime: boolean, virtual: boolean, moved: boolean, truncated: boolean }} Typing one field, since last empty
 */
(() => {
  'use strict';

  const OUTPUT = 'risk_telemetry';
  const FIELDS = ['[type=password]', '[name=username]', '[name=password]', '[name=otp]', '[name=totp]']
    .map((kind) => `input${kind}:not([type=hidden])`).join();
  const SIGNING_BUDGET_MS = 150;
  const MAX_FIELDS = 8;
  const MAX_PRESSES = 128; // per field
  const MAX_SAMPLES = 256; // pointer trace
  const MIN_SAMPLE_GAP_MS = 20; // 50 Hz
  const MAX_TIME_MS = 3_600_000; // nothing is recorded on a page left open for longer
  const MAX_JSON_BYTES = 11_900; // as a JWS: 4/3 of it, plus header and signature, stays under 16 KiB

  // ------------------------------------------------------------------------------------------------------ what was seen

  const nothing = (restored = false) => ({
    restored, // from the back/forward cache: a second attempt on the same page
    start: performance.now(),
    typings: /** @type {Map<EventTarget, Typing>} */ (new Map()),
    /** Keys down now, by physical key: in memory only, to find the press that a release belongs to. */
    held: /** @type {Map<string, { press: Press, t0: number }>} */ (new Map()),
    trace: /** @type {Sample[]} */ ([]),
    sampleGap: MIN_SAMPLE_GAP_MS,
    last: { m: -Infinity, w: -Infinity }, // time of the last move and wheel kept
    untrusted: 0,
  });
  let seen = nothing();

  /** @returns {Typing} */
  const blank = (restarts = 0, untrusted = 0) => ({
    t0: 0, presses: [], corrections: 0, restarts, untrusted,
    pasted: false, autofilled: false, ime: false, virtual: false, moved: false, truncated: false,
  });

  const round = (/** @type {number} */ ms) => Math.round(ms * 10) / 10;
  const increment = (/** @type {number} */ n) => Math.min(n + 1, 9999);
  /** Time of an event on the clock of performance.now(); very old browsers stamp an epoch time. @param {Event} event */
  const at = ({ timeStamp }) => (timeStamp > 0 && timeStamp < 1e12 ? timeStamp : performance.now());

  /** The record of the field that a trusted event is about; an untrusted one is counted and tells nothing.
   * @param {Event} event */
  function typingOf({ target, isTrusted }) {
    const typing = target && (seen.typings.get(target) || begin(target));
    if (!typing || isTrusted) return typing;
    typing.untrusted = increment(typing.untrusted);
    return null;
  }

  /** @param {EventTarget} target */
  function begin(target) {
    if (!(target instanceof HTMLInputElement) || !target.form || !target.matches(FIELDS)) return null;
    if (seen.typings.size >= MAX_FIELDS) return null;
    const typing = blank();
    seen.typings.set(target, typing);
    return typing;
  }

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    const typing = typingOf(event);
    if (!typing || event.repeat) return;
    const { key } = event;
    if (event.isComposing || key === 'Process') typing.ime = true;
    else if (key === 'Unidentified' || event.keyCode === 229) typing.virtual = true;
    else if (key === 'Backspace' || key === 'Delete') typing.corrections = increment(typing.corrections);
    else if (key === 'Dead' || key.length === 1 || [...key].length === 1) onCharacter(event, typing);
    else if (/^(Arrow|Home$|End$)/.test(key)) typing.moved = typing.presses.length > 0;
  }

  /** A key that puts a character into the field, unless it is a shortcut's. @param {KeyboardEvent} event
   * @param {Typing} typing */
  function onCharacter(event, typing) {
    const { presses } = typing;
    if ((event.ctrlKey || event.metaKey) && !event.getModifierState('AltGraph')) return;
    if (presses.length > 0 && /** @type {HTMLInputElement} */ (event.target).value === '') {
      Object.assign(typing, blank(increment(typing.restarts), typing.untrusted)); // emptied and begun again
      onCharacter(event, typing);
    } else if (presses.length >= MAX_PRESSES || at(event) - seen.start > MAX_TIME_MS) {
      typing.truncated = true;
    } else {
      const now = at(event);
      if (presses.length === 0) typing.t0 = now;
      const previous = presses.length > 0 ? presses[presses.length - 1][0] : 0;
      /** @type {Press} */ const press = [Math.max(round(now - typing.t0), previous), null];
      presses.push(press);
      seen.held.set(event.code || event.key, { press, t0: typing.t0 });
    }
  }

  /** The focus may have moved on while the key was down: matched by key, not by field. @param {KeyboardEvent} event */
  function onKeyUp(event) {
    if (!event.isTrusted) return void typingOf(event);
    const key = event.code || event.key;
    const open = seen.held.get(key);
    seen.held.delete(key);
    const up = open ? round(at(event) - open.t0) : Infinity;
    if (open && up <= MAX_TIME_MS) open.press[1] = Math.max(up, open.press[0]);
  }

  /** @param {Event & { inputType?: string }} event */
  function onInput(event) {
    const typing = typingOf(event);
    const kind = event.inputType;
    if (typing && (kind === 'insertFromPaste' || kind === 'insertFromDrop')) typing.pasted = true;
    if (typing && (!kind || kind === 'insertReplacementText')) typing.autofilled = true; // by the browser
  }

  /** @param {'pasted' | 'ime'} flag @returns {(event: Event) => void} */
  const onFlag = (flag) => (event) => {
    const typing = typingOf(event);
    if (typing) typing[flag] = true;
  };

  /** @param {string} kind `m` move, `d` down, `u` up, `w` wheel @returns {(event: PointerEvent) => void} */
  const onPointer = (kind) => (event) => {
    if (!event.isTrusted) return onUntrusted(event);
    const now = at(event);
    if (now - seen.start > MAX_TIME_MS) return;
    if (kind === 'm' || kind === 'w') {
      if (now - seen.last[kind] < seen.sampleGap) return;
      seen.last[kind] = now;
    }
    if (seen.trace.length >= MAX_SAMPLES) {
      seen.trace = thin(seen.trace);
      seen.sampleGap *= 2;
    }
    /** @type {Sample} */
    const sample = [round(Math.max(now - seen.start, 0)), Math.round(event.clientX), Math.round(event.clientY), kind];
    const type = event.pointerType;
    if (type === 'touch' || type === 'pen') {
      sample.push(Math.round(event.pressure * 1000) / 1000, round(event.width), round(event.height));
    }
    seen.trace.push(sample);
  };

  /** @param {Event} event */
  function onUntrusted(event) {
    if (!event.isTrusted) seen.untrusted = increment(seen.untrusted);
  }

  /** About half of a trace: every other move; every other sample where that would free little. @param {Sample[]} trace */
  function thin(trace) {
    let odd = false;
    const kept = trace.filter(([, , , kind]) => kind === 'd' || kind === 'u' || (odd = !odd));
    return kept.length <= trace.length * 0.75 ? kept : trace.filter((_, index) => index % 2 === 0);
  }

  // ------------------------------------------------------------------------------------------------------- what is sent

  /** The JSON text of one submit. @param {HTMLFormElement} form */
  function payload(form) {
    const inputs = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll(FIELDS)]);
    const names = inputs.map(nameOf);
    const firsts = inputs.filter((_, index) => names.indexOf(names[index]) === index);
    const body = {
      v: 1,
      challenge: (actionOf(form).searchParams.get('session_code') || '').slice(0, 256),
      clock_step_ms: clockStep(),
      age_ms: round(performance.now() - seen.start),
      restored: seen.restored,
      untrusted: seen.untrusted,
      fields: firsts.slice(0, MAX_FIELDS).map(field),
      pointer: seen.trace,
      device: device(),
    };
    const isTooLong = () => new TextEncoder().encode(JSON.stringify(body)).length > MAX_JSON_BYTES;
    while (body.pointer.length > 0 && isTooLong()) body.pointer = body.pointer.length > 16 ? thin(body.pointer) : [];
    for (const one of body.fields) if (isTooLong()) Object.assign(one, { keys: [], complete: false, truncated: true });
    return JSON.stringify(body);
  }

  /** @param {HTMLInputElement} input */
  const nameOf = (input) => input.name.replace(/[^\w.-]/g, '').slice(0, 32) || input.type;

  /** @param {HTMLInputElement} input */
  function field(input) {
    const typing = seen.typings.get(input) || blank();
    const { presses, corrections, restarts, pasted, ime, virtual, moved, truncated, untrusted } = typing;
    const timed = !ime && !virtual; // an input method or a soft keyboard has no honest timings
    const typed = presses.length > 0 || !timed;
    const prefilled = !typed && input.value !== '' && input.value === input.defaultValue;
    const autofilled = typing.autofilled || input.matches(':is(:autofill, :-webkit-autofill)')
      || (input.value !== '' && !typed && !pasted && !prefilled);
    const edited = corrections > 0 || pasted || autofilled || moved || truncated;
    return {
      name: nameOf(input),
      started_ms: timed && typed ? round(Math.max(typing.t0 - seen.start, 0)) : null,
      keys: timed ? presses : [],
      complete: timed && typed && !edited && presses.length === [...input.value].length,
      corrections, restarts, pasted, autofilled, prefilled, ime, virtual, truncated, untrusted,
    };
  }

  /** @type {string | null | undefined} */ let timezone;
  /** Asked once, as the first use of Intl takes some 20 ms. */
  function timezoneOf() {
    if (timezone === undefined) timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || null;
    return timezone;
  }

  function device() {
    const agent = /** @type {any} */ (navigator).userAgentData;
    return {
      ua_data: agent ? { brands: agent.brands.slice(0, 6), mobile: agent.mobile, platform: agent.platform } : {},
      languages: (navigator.languages || []).slice(0, 8).map((tag) => tag.slice(0, 35)),
      timezone: timezoneOf(),
      screen: [screen.width, screen.height, devicePixelRatio],
      touch_points: navigator.maxTouchPoints || 0,
      webdriver: navigator.webdriver === true,
    };
  }

  /** Step of the clock behind the times: the coarser of what performance.now() shows and of the grid that the events' own
   * times lie on; null where neither shows one. */
  function clockStep() {
    let step = Infinity;
    for (let turn = 0, steps = 0, last = performance.now(); turn < 2000 && steps < 3; turn++) {
      const now = performance.now();
      if (now > last) step = Math.min(step, now - last);
      if (now > last) steps++;
      last = now;
    }
    const downs = [...seen.typings.values()].flatMap(({ presses, t0 }) => presses.map((press) => press[0] + t0 - seen.start));
    const times = [...downs, ...seen.trace.map(([ms]) => ms)].sort((a, b) => a - b);
    const gaps = times.slice(1).map((time, index) => time - times[index]).filter((gap) => gap > 0.05);
    const isOn = (/** @type {number} */ unit) => gaps.every((gap) => Math.abs(gap - unit * Math.round(gap / unit)) < 0.16);
    const grid = gaps.length < 8 ? 0 : [100, 50, 100 / 3, 20, 50 / 3, 10, 8, 5, 4, 2, 1].find(isOn) || 0;
    const coarser = Math.max(grid, step < Infinity ? step : 0);
    return coarser > 0 ? Math.round(coarser * 1000) / 1000 : null;
  }

  // ----------------------------------------------------------------------------------------------------- the device key

  /** @type {Map<string, Promise<{ pair: CryptoKeyPair, jwk: JsonWebKey } | null>>} */ const keys = new Map();
  /** Realms that no key can be had for. @type {Set<string>} */ const keyless = new Set();

  /** Where a form goes; from the attribute, as an input named `action` hides the property. @param {HTMLFormElement} form */
  const actionOf = (form) => new URL(form.getAttribute('action') || location.href, document.baseURI);

  /** One key per realm, so that realms of one server can't link their users by it. @param {HTMLFormElement} form */
  const realmOf = (form) => (/^.*?\/realms\/[^/]+/.exec(actionOf(form).pathname) || ['/'])[0];

  /** The key of a realm, made where there is none; null where it can't be had. Never rejects. @param {string} realm */
  function deviceKey(realm) {
    const key = keys.get(realm) || loadKey(realm).catch(() => {
      keyless.add(realm);
      return null;
    });
    keys.set(realm, key);
    return key;
  }

  /** @param {string} realm */
  async function loadKey(realm) {
    const opening = indexedDB.open('risk-device', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
    /** @type {IDBDatabase} */ const database = await settled(opening);
    const store = (/** @type {IDBTransactionMode} */ mode) => database.transaction('keys', mode).objectStore('keys');
    let pair = await settled(store('readonly').get(realm));
    if (!pair) {
      const fresh = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
      await settled(store('readwrite').add(fresh, realm)).catch(() => {}); // another tab was first: its key is the one
      pair = await settled(store('readonly').get(realm));
    }
    database.close();
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
    return { pair, jwk: { kty, crv, x, y } };
  }

  /** @param {IDBRequest} request @returns {Promise<any>} */
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault(); // an unhandled one is reported on the console
      reject(request.error);
    };
  });

  /** @param {string} text */
  const utf8 = (text) => new TextEncoder().encode(text);
  /** @param {Uint8Array} bytes */
  const base64url = (bytes) =>
    btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

  /** A compact JWS over the text, or the text itself where there is no key. @param {string} text @param {string} realm */
  async function signed(text, realm) {
    const key = await deviceKey(realm);
    if (!key) return text;
    const header = JSON.stringify({ typ: 'telemetry+jwt', alg: 'ES256', jwk: key.jwk });
    const input = `${base64url(utf8(header))}.${base64url(utf8(text))}`;
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.pair.privateKey, utf8(input));
    return `${input}.${base64url(new Uint8Array(signature))}`;
  }

  // ------------------------------------------------------------------------------------------------------------- submit

  /** Forms stopped to be signed, each with the number of its attempt. @type {Map<HTMLFormElement, number>} */
  const stopped = new Map();
  let attempts = 0;
  /** @type {HTMLFormElement | null} */ let passing = null;

  /** First to see a submit. Unsigned telemetry goes with the event itself; to sign, the event is stopped before anyone else
   * sees it and sent once more when the signature is there or the budget is spent. @param {SubmitEvent} event */
  function onSubmit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || passing === form || !isWatched(form, event.submitter)) return;
    if (!stopped.has(form)) { // else a second click or Enter: the first one is on its way
      const text = payload(form);
      const realm = realmOf(form);
      write(form, text);
      if (keyless.has(realm) || !HTMLFormElement.prototype.requestSubmit) return;
      const attempt = ++attempts;
      const go = () => stopped.get(form) === attempt && resubmit(form, event.submitter);
      setTimeout(go, SIGNING_BUDGET_MS);
      const later = () => setTimeout(go); // a form that is still firing its submit event ignores another
      signed(text, realm).then((jws) => stopped.get(form) === attempt && write(form, jws)).then(later, later);
      stopped.set(form, attempt);
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
  function isWatched(form, submitter) {
    const method = (submitter && submitter.getAttribute('formmethod')) || form.getAttribute('method') || 'get';
    return method.toLowerCase() === 'post' && form.querySelector(FIELDS) !== null;
  }

  /** @param {HTMLFormElement} form @param {string} value */
  function write(form, value) {
    const present = /** @type {HTMLInputElement | null} */ (form.querySelector(`input[name=${OUTPUT}]`));
    const input = present || Object.assign(document.createElement('input'), { type: 'hidden', name: OUTPUT });
    input.value = value;
    if (!present) form.append(input);
  }

  /** Send a stopped submit once more, with the button that was pressed. @param {HTMLFormElement} form @param {any} button */
  function resubmit(form, button) {
    stopped.delete(form);
    passing = form;
    try {
      HTMLFormElement.prototype.requestSubmit.call(form, button && button.form === form ? button : undefined);
    } catch {
      HTMLFormElement.prototype.submit.call(form);
    } finally {
      passing = null;
    }
  }

  // -------------------------------------------------------------------------------------------------------------- start

  /** A page from the back/forward cache starts again. @param {PageTransitionEvent} event */
  function onPageShow(event) {
    if (!event.persisted) return;
    seen = nothing(true);
    stopped.clear();
    for (const input of document.querySelectorAll(`input[name=${OUTPUT}]`)) input.remove();
  }

  /** Run a handler so that nothing in it can reach the page. @param {(event: any) => void} handler
   * @returns {(event?: any) => void} */
  const guarded = (handler) => (event) => {
    try {
      handler(event);
    } catch { /* login matters more than telemetry */ }
  };

  const started = Symbol.for(OUTPUT); // two tags for this file on one page are one collector
  if (started in document) return;
  Object.defineProperty(document, started, { value: true });
  for (const [name, handler] of Object.entries({
    keydown: onKeyDown, keyup: onKeyUp, input: onInput, paste: onFlag('pasted'), compositionstart: onFlag('ime'),
    pointermove: onPointer('m'), pointerdown: onPointer('d'), pointerup: onPointer('u'), wheel: onPointer('w'),
    click: onUntrusted, submit: onSubmit, pageshow: onPageShow,
  })) window.addEventListener(name, guarded(handler), { capture: true, passive: name !== 'submit' });
  const prepare = guarded(() => { // what takes time, before it is needed
    for (const form of document.forms) if (isWatched(form, null)) deviceKey(realmOf(form));
    (window.requestIdleCallback || setTimeout)(guarded(timezoneOf));
  });
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', prepare);
  else prepare();
})();
