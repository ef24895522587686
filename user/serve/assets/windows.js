// SPDX-License-Identifier: Apache-2.0
const EVERY_MS = 2000;
const LIVE_MS = 1000;
const AGAIN_MS = 200;  // where somebody is just pressing a button on the graph
const byId = (id) => document.getElementById(id);
const chosen = (id) => byId(id).value;
let list = { windows: [], live: null, dropped: 0 };
let shown = { address: '', version: 0 };  // what the frame shows
let paused = false;
let turns = 0;  // only the last one may still change the page
let timer = 0;

const two = (number) => String(number).padStart(2, '0');
const clockOf = (at) => [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
const dayOf = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
const lengthOf = (ms) => `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
function textOf({ start_ms, duration_ms, title }) {
  const at = new Date(start_ms);
  return `${dayOf(at)} ${clockOf(at)}, ${lengthOf(duration_ms)} · ${title}`;
}

// Keeps what is chosen, as long as it is there; else the first.
function fill(select, options) {
  const before = select.value;
  const same = select.options.length === options.length &&
      options.every(([value, text], i) => select.options[i].value === value && select.options[i].text === text);
  if (same) return;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) select.value = before;
}

function fillWindows() {
  const newest = list.windows.slice().reverse().map((w) => [String(w.id), textOf(w)]);
  const live = list.live || chosen('to') === 'live' || chosen('base') === 'live' ? [['live', 'the one that goes on']] : [];
  fill(byId('window'), [['', list.live ? 'The newest, live' : 'The newest'], ['finished', 'The newest that is finished'], ...newest]);
  fill(byId('to'), [['', 'it alone'], ...live, ...newest]);
  fill(byId('base'), [['', 'nothing'], ...live, ...newest]);
}

// What has only one value is no choice; what is chosen and not there now may come again.
function fillChoices({ processes, events, weights }) {
  const offer = (id, all, options, wanted) => {
    const select = byId(id);
    const [one] = select.selectedOptions;
    const known = !one || one.value === '' || options.some(([value]) => value === one.value);
    fill(select, [['', all], ...options, ...known ? [] : [[one.value, one.text]]]);
    select.parentElement.hidden = !wanted || (options.length < 2 && select.value === '');
  };
  offer('process', 'All', processes.map(({ key, name }) => [key, name]), true);
  const compared = chosen('base') !== '';
  offer('event', 'All', events.map((name) => [name, name]), compared);
  offer('weight', 'as asked for', weights.map((name) => [name, name]), compared);
}

// --- what to show --------------------------------------------------------------------------------

const LIVE = Infinity;  // the id of the window that goes on
const idOf = (value) => value === 'live' ? LIVE : Number(value);
const textOfId = (id) => id === LIVE ? 'live' : String(id);

function newestId() {
  const last = list.windows.length > 0 ? list.windows[list.windows.length - 1].id : 0;
  return chosen('window') === '' && list.live ? LIVE : last;
}

function addressOf() {
  const id = Number(chosen('window')) || newestId();
  if (!id) return '';
  const other = chosen('to') ? idOf(chosen('to')) : id;
  const [first, last] = [Math.min(id, other), Math.max(id, other)];
  const span = first === last ? textOfId(first) : `${first}-${textOfId(last)}`;
  const more = new URLSearchParams();
  for (const id of ['process', ...chosen('base') ? ['event', 'weight'] : []]) {
    if (chosen(id)) more.set(id, chosen(id));
  }
  const rest = String(more);
  if (chosen('base')) return `/diff?base=${chosen('base')}&new=${span}${rest && `&${rest}`}`;
  if (first === last) return `/window/${span}.html${rest && `?${rest}`}`;
  return `/merged?from=${first}&to=${textOfId(last)}${rest && `&${rest}`}`;
}

const isLive = (address) => /[/=-]live\b/.test(address.replace(/&(process|event|weight)=.*/, ''));
// Whether the page changes by itself, and whether the tracer has to look for that.
const follows = () => ['', 'finished'].includes(chosen('window')) || [chosen('to'), chosen('base')].includes('live');
const watches = () => !paused && !document.hidden &&
  (chosen('window') === '' || [chosen('to'), chosen('base')].includes('live'));

// --- the frame -----------------------------------------------------------------------------------

// A page without a profile, which gets one after the other.
let graph = null;
function loadGraph() {
  graph = graph || new Promise((done) => {
    byId('graph').addEventListener('load', done, { once: true });
    byId('graph').contentWindow.location.replace('/graph.html');
  });
  return graph;
}

async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// What is chosen on the graph (weight, filter, zoom, view) stays chosen: the page there stays.
async function show(turn) {
  const address = addressOf();
  const version = isLive(address) && list.live ? list.live.id : 0;
  byId('empty').hidden = Boolean(address || shown.address);
  if (!address || (address === shown.address && version === shown.version)) return;
  if (isLive(address) && !list.live) return;  // a new window begins
  const data = await ask(`${address}${address.includes('?') ? '&' : '?'}as=data`);
  await loadGraph();
  while (turn === turns && !byId('graph').contentWindow.renew(data.page, address)) await pause(AGAIN_MS);
  if (turn !== turns) return;
  shown = { address, version };
  byId('graph').hidden = false;
  byId('empty').hidden = true;
  fillChoices(data.choices);
  say(data.page, isLive(address));
}

function say({ ledger, time_nanos, duration_nanos }, live) {
  const [, fired] = ledger.find(([name, , depth]) => name === 'fired' && depth === 0) || ['', '0'];
  const end = new Date((time_nanos + duration_nanos) / 1e6);
  byId('shown').textContent = live ? `live, as of ${clockOf(end)}, ${fired} events` : '';
}

// --- by itself -----------------------------------------------------------------------------------

async function refresh() {
  const turn = ++turns;
  clearTimeout(timer);
  byId('pause').disabled = !paused && !follows();
  try {
    list = await ask(`/api/windows${watches() ? '?live=1' : ''}`);
    if (turn !== turns) return;
    const gone = list.dropped ? `, ${list.dropped} older ones are gone` : '';
    byId('state').textContent = `${list.windows.length} window${list.windows.length === 1 ? '' : 's'}${gone}`;
    fillWindows();
    if (!paused) await show(turn);
  } catch (error) {
    byId('state').textContent = `jtrace does not answer: ${error.message}`;
  }
  if (turn === turns) timer = setTimeout(refresh, watches() ? LIVE_MS : EVERY_MS);
}

function setPaused(now) {
  paused = now;
  byId('pause').textContent = paused ? 'Go on' : 'Pause';
  byId('pause').setAttribute('aria-pressed', String(paused));
}

// Who chooses something else wants to see it.
for (const id of ['process', 'window', 'to', 'base', 'event', 'weight']) {
  byId(id).addEventListener('change', () => { setPaused(false); refresh(); });
}
byId('pause').addEventListener('click', () => { setPaused(!paused); refresh(); });
document.addEventListener('visibilitychange', refresh);
refresh();
