// @ts-check
/**
 * Collector: how a login form was filled in, never what was typed.
 *
 * Listens from load, and at submit puts one string into the hidden input `risk_telemetry`: a compact ES256 JWS made with a
 * non-extractable key of this browser profile, or the bare JSON where no such key can be had. docs/collector.md is the wire.
 *
 * Rules of this file: no key identity leaves a handler, nor the places of a keypad that the page draws; what can't be measured
 * is said to be missing, not invented; whatever fails here, the form is submitted. What runs at every event reads as little of
 * the event as it can (a string or a time costs more than all else there), stores numbers, and leaves the rest to the submit.
 * No network, cookies, console output, globals or dependencies; valid as a module and as a classic script.
 *
 * @typedef {{ times: Float64Array, presses: number, corrections: number, restarts: number, untrusted: number, pasted: boolean,
 *   autofilled: boolean, ime: boolean, virtual: boolean, moved: boolean, truncated: boolean }} Typing of one field since it was
 *   last empty; `times`: down and up of each press, NaN where the release was never seen
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
  const FEW_SAMPLES = 16; // not worth thinning
  const SAMPLE_EVERY_MS = 20; // moves and wheels
  const SAMPLE = 7; // numbers of one sample: time, x, y, kind; pressure, width and height, NaN for a mouse
  const KINDS = ['m', 'd', 'u', 'w']; // move, down, up, wheel
  const SHORTEST_HOLD_MS = 10; // no finger is quicker
  const MAX_TIME_MS = 3_600_000; // nothing is recorded on a page left open for longer
  const MAX_JSON_BYTES = 11_900; // as a JWS: 4/3 of it, plus header and signature, stays under 16 KiB

  // ------------------------------------------------------------------------------------------------------ what was seen

  const nothing = (restored = false) => ({
    restored, // from the back/forward cache: a second attempt on the same page
    start: performance.now(),
    typings: /** @type {Map<EventTarget, Typing>} */ (new Map()),
    target: /** @type {EventTarget | null} */ (null), // of the last key or input, and its record
    typing: /** @type {Typing | null} */ (null),
    /** Keys down now: in memory only, to find the press that a release belongs to. */
    held: /** @type {Map<number | string, { times: Float64Array, place: number }>} */ (new Map()),
    isKeyed: false, // a character key went down and its input is still to come
    mayBeEmpty: false, // the field may have lost its text since the last character
    trace: new Float64Array(MAX_SAMPLES * SAMPLE),
    samples: 0,
    thinned: 0, // samples that were dropped again
    every: SAMPLE_EVERY_MS,
    due: [0, 0, 0, 0], // by kind: when the next sample is due
    contacts: 0, // fingers and pens on the page
    text: -1, // length of all that the inputs hold, at the last press of the pointer
    isTyped: false, // the browser put text into an input since then
    isKeypad: false, // the page did, while it was pressed
    untrusted: 0,
  });
  let seen = nothing();

  /** @returns {Typing} */
  const blank = (restarts = 0, untrusted = 0) => ({
    times: new Float64Array(2 * MAX_PRESSES).fill(NaN), presses: 0, corrections: 0, restarts, untrusted,
    pasted: false, autofilled: false, ime: false, virtual: false, moved: false, truncated: false,
  });

  const round = (/** @type {number} */ ms) => Math.round(ms * 10) / 10;
  const increment = (/** @type {number} */ n) => Math.min(n + 1, 9999);

  /** The record of the field that a trusted event is about; an untrusted one is counted and tells nothing.
   * @param {Event} event @returns {Typing | null} */
  function typingOf(event) {
    const { target } = event;
    if (target !== seen.target) {
      seen.target = target;
      seen.typing = target && (seen.typings.get(target) || begin(target));
      seen.mayBeEmpty = true;
    }
    const { typing } = seen;
    if (typing === null || event.isTrusted) return typing;
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
    const { key } = event;
    if (typing === null || !key) return; // a browser that fills in makes events without one
    if (key.length !== 1 && key !== 'Dead' && [...key].length !== 1) return onOtherKey(event, key, typing);
    if ((event.ctrlKey || event.metaKey) && !event.getModifierState('AltGraph')) return;
    seen.isKeyed = true;
    if (!event.repeat) onCharacter(event, typing);
  }

  /** @param {KeyboardEvent} event @param {string} key @param {Typing} typing */
  function onOtherKey(event, key, typing) {
    if (key === 'Unidentified') typing.virtual = true;
    else if (key === 'Process' || event.isComposing) typing.ime = true;
    else if (event.repeat) return;
    else if (/^(Arrow|Home$|End$)/.test(key)) typing.moved = typing.presses > 0;
    else if (key === 'Backspace' || key === 'Delete') {
      typing.corrections = increment(typing.corrections);
      seen.mayBeEmpty = true;
    }
  }

  /** A key that puts a character into the field. @param {KeyboardEvent} event @param {Typing} typing */
  function onCharacter(event, typing) {
    if (seen.mayBeEmpty) {
      seen.mayBeEmpty = false;
      const isEmptied = typing.presses > 0 && /** @type {HTMLInputElement} */ (event.target).value === '';
      if (isEmptied) Object.assign(typing, blank(increment(typing.restarts), typing.untrusted));
    }
    const { presses, times } = typing;
    const { keyCode } = event;
    if (event.isComposing) typing.ime = true;
    else if (keyCode === 229 || presses === 0 && /^(Unidentified)?$/.test(event.code)) typing.virtual = true;
    const now = event.timeStamp;
    if (presses >= MAX_PRESSES || now - seen.start > MAX_TIME_MS) {
      typing.truncated = true;
      return;
    }
    times[2 * presses] = now;
    typing.presses = presses + 1;
    seen.held.set(keyCode || event.code, { times, place: 2 * presses + 1 });
  }

  /** The focus may have moved on while the key was down: matched by key, not by field. @param {KeyboardEvent} event */
  function onKeyUp(event) {
    if (!event.isTrusted) return void typingOf(event);
    const key = event.keyCode || event.code;
    const press = seen.held.get(key);
    if (press === undefined) return;
    seen.held.delete(key);
    press.times[press.place] = event.timeStamp;
  }

  /** @param {InputEvent} event */
  function onInput(event) {
    if (seen.isKeyed && event.isTrusted) { // what the key wrote
      seen.isKeyed = false;
      seen.isTyped = true;
      return;
    }
    if (event.isTrusted) seen.isTyped = seen.mayBeEmpty = true;
    const typing = typingOf(event);
    if (typing === null) return;
    const { inputType } = event;
    if (inputType === 'insertFromPaste' || inputType === 'insertFromDrop') typing.pasted = true;
    else if (!inputType || inputType === 'insertReplacementText') typing.autofilled = true; // by the browser
    else if (inputType === 'insertText') onKeyless(event, typing);
  }

  /** Text that no key went before: a character of a keyboard that hides its keys, or all at once. @param {InputEvent} event
   * @param {Typing} typing */
  function onKeyless({ data }, typing) {
    if (data && [...data].length > 1 && !typing.virtual) typing.autofilled = true;
    else typing.virtual = true;
  }

  /** @param {'pasted' | 'ime'} flag @returns {(event: Event) => void} */
  const onFlag = (flag) => (event) => {
    const typing = typingOf(event);
    if (typing !== null) typing[flag] = true;
  };

  /** A move or a wheel, at most so often. @param {number} kind @returns {(event: PointerEvent | WheelEvent) => void} */
  const onMotion = (kind) => (event) => {
    if (!event.isTrusted) return onUntrusted(event);
    const now = event.timeStamp;
    const { due, every } = seen;
    if (now < due[kind]) return;
    due[kind] = now < due[kind] + every ? due[kind] + every : now + every; // a rate, as frames don't fit the step
    sample(event, kind, now, seen.contacts > 0 && kind === 0);
  };

  /** @param {number} kind @returns {(event: PointerEvent) => void} */
  const onPress = (kind) => (event) => {
    if (!event.isTrusted) return onUntrusted(event);
    const isContact = event.pointerType === 'touch' || event.pointerType === 'pen';
    seen.contacts = isContact ? Math.max(seen.contacts + (kind === 1 ? 1 : -1), 0) : 0;
    if (kind === 1) noteKeypad();
    if (kind < KINDS.length) sample(event, kind, event.timeStamp, isContact);
  };

  /** @param {any} event of a pointer or a wheel @param {number} kind index in KINDS @param {number} now
   * @param {boolean} isContact */
  function sample(event, kind, now, isContact) {
    if (now - seen.start > MAX_TIME_MS) return;
    if (seen.samples >= MAX_SAMPLES) {
      thin();
      seen.every *= 2;
    }
    const { trace } = seen;
    const at = seen.samples++ * SAMPLE;
    trace[at] = now;
    trace[at + 1] = event.clientX;
    trace[at + 2] = event.clientY;
    trace[at + 3] = kind;
    trace[at + 4] = NaN;
    if (isContact) trace.set([event.pressure, event.width, event.height], at + 4);
  }

  /** Whether the page itself wrote into an input since the last press: then where it was pressed may tell what was. */
  function noteKeypad() {
    let text = 0;
    for (const { name, value } of document.querySelectorAll('input')) if (name !== OUTPUT) text += value.length;
    if (seen.text >= 0 && text !== seen.text && !seen.isTyped) seen.isKeypad = true;
    seen.text = text;
    seen.isTyped = false;
    seen.mayBeEmpty = true;
  }

  /** @param {Event} event */
  function onUntrusted(event) {
    if (!event.isTrusted) seen.untrusted = increment(seen.untrusted);
  }

  /** Keep about half of the trace: every other move; every other sample where that would free little; nothing of a few. */
  function thin(few = 0) {
    const { trace, samples } = seen;
    let presses = 0;
    for (let i = 0; i < samples; i++) if (isPress(trace[i * SAMPLE + 3])) presses++;
    let kept = 0;
    let isOdd = false;
    for (let i = 0; i < samples && samples > few; i++) {
      const isKept = presses <= samples / 2 && isPress(trace[i * SAMPLE + 3]) || (isOdd = !isOdd);
      if (isKept) trace.copyWithin(kept++ * SAMPLE, i * SAMPLE, (i + 1) * SAMPLE);
    }
    seen.thinned = Math.min(seen.thinned + samples - kept, 99_999);
    seen.samples = kept;
  }

  const isPress = (/** @type {number} */ kind) => kind === 1 || kind === 2;

  // ------------------------------------------------------------------------------------------------------- what is sent

  /** The JSON text of one submit. @param {HTMLFormElement} form */
  function payload(form) {
    const inputs = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll(FIELDS)]);
    const names = inputs.map(nameOf);
    const firsts = inputs.filter((_, index) => names.indexOf(names[index]) === index);
    noteKeypad();
    const body = {
      v: 1,
      challenge: (actionOf(form).searchParams.get('session_code') || '').slice(0, 256),
      clock_step_ms: clockStep(),
      age_ms: round(performance.now() - seen.start),
      restored: seen.restored,
      untrusted: seen.untrusted,
      keypad: seen.isKeypad,
      fields: firsts.slice(0, MAX_FIELDS).map(field),
      pointer: pointer(),
      dropped: { fields: inputs.length - Math.min(firsts.length, MAX_FIELDS), pointer: seen.thinned },
      device: device(),
    };
    const isTooLong = () => new TextEncoder().encode(JSON.stringify(body)).length > MAX_JSON_BYTES;
    while (seen.samples > 0 && isTooLong()) {
      thin(FEW_SAMPLES);
      body.pointer = pointer();
      body.dropped.pointer = seen.thinned;
    }
    for (const one of body.fields) if (isTooLong()) Object.assign(one, { keys: [], complete: false, truncated: true });
    return JSON.stringify(body);
  }

  /** The trace, without its places where they could tell what was pressed. */
  function pointer() {
    let last = 0;
    return Array.from({ length: seen.samples }, (_, index) => {
      const [ms, x, y, kind, pressure, width, height] = seen.trace.subarray(index * SAMPLE, (index + 1) * SAMPLE);
      last = Math.max(round(ms - seen.start), last);
      const place = seen.isKeypad ? [0, 0] : [Math.round(x), Math.round(y)];
      const contact = pressure >= 0 ? [Math.round(pressure * 1000) / 1000, round(width), round(height)] : [];
      return [last, ...place, KINDS[kind], ...contact];
    });
  }

  /** @param {HTMLInputElement} input */
  const nameOf = (input) => input.name.replace(/[^\w.-]/g, '').slice(0, 32) || input.type;

  /** @param {HTMLInputElement} input */
  function field(input) {
    const typing = seen.typings.get(input) || blank();
    const { presses, times, corrections, restarts, pasted, ime, moved, truncated, untrusted } = typing;
    const virtual = typing.virtual || isTapped(typing);
    const timed = !ime && !virtual; // an input method or a soft keyboard has no honest timings
    const typed = presses > 0 || !timed;
    const length = [...input.value].length;
    const prefilled = !typed && length > 0 && input.value === input.defaultValue;
    const isKeyed = typed && (untrusted === 0 || presses === length); // else a script wrote over what was typed
    const autofilled = typing.autofilled || input.matches(':is(:autofill, :-webkit-autofill)')
      || (length > 0 && !isKeyed && !pasted && !prefilled);
    const edited = corrections > 0 || pasted || autofilled || moved || truncated;
    return {
      name: nameOf(input),
      started_ms: timed && typed ? round(Math.max(times[0] - seen.start, 0)) : null,
      keys: timed ? keysOf(typing) : [],
      complete: timed && typed && !edited && presses === length,
      corrections, restarts, pasted, autofilled, prefilled, ime, virtual, truncated, untrusted,
    };
  }

  /** Down and up of each press in milliseconds from the first; up is null where it was not seen. @param {Typing} typing */
  function keysOf({ presses, times }) {
    let last = 0;
    return Array.from({ length: presses }, (_, index) => {
      last = Math.max(round(times[2 * index] - times[0]), last);
      const up = round(times[2 * index + 1] - times[0]);
      return [last, up <= MAX_TIME_MS ? Math.max(up, last) : null];
    });
  }

  /** Whether a screen's keyboard told each key only when the finger had left: down and up at once. @param {Typing} typing */
  function isTapped({ presses, times }) {
    if (presses === 0 || !matchMedia('(pointer: coarse)').matches) return false;
    for (let i = 0; i < 2 * presses; i += 2) if (times[i + 1] - times[i] >= SHORTEST_HOLD_MS) return false;
    return true;
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
    const downs = [...seen.typings.values()].flatMap(({ presses, times }) => [...times.subarray(0, 2 * presses)]
      .filter((_, index) => index % 2 === 0));
    const samples = [...seen.trace.subarray(0, seen.samples * SAMPLE)].filter((_, index) => index % SAMPLE === 0);
    const times = [...downs, ...samples].map((time) => round(time - seen.start)).sort((a, b) => a - b);
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
    pointermove: onMotion(0), pointerdown: onPress(1), pointerup: onPress(2), pointercancel: onPress(KINDS.length),
    wheel: onMotion(3), click: onUntrusted, submit: onSubmit, pageshow: onPageShow,
  })) window.addEventListener(name, guarded(handler), { capture: true, passive: name !== 'submit' });
  const prepare = guarded(() => { // what takes time, before it is needed
    for (const form of document.forms) if (isWatched(form, null)) deviceKey(realmOf(form));
    (window.requestIdleCallback || setTimeout)(guarded(timezoneOf));
  });
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', prepare);
  else prepare();
})();
