// SPDX-License-Identifier: Apache-2.0
const EVERY_MS = 2000;
const byId = (id) => document.getElementById(id);
let windows = [];
let shown = '';  // address of what the frame shows

const two = (number) => String(number).padStart(2, '0');
function timeOf(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
      [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
}
const textOf = (w) => `${timeOf(w.start_ms)}, ${(w.duration_ms / 1000).toFixed(w.duration_ms < 10000 ? 1 : 0)} s` +
    `${w.live ? ', goes on' : ''} · ${w.title}`;

// Keeps what is chosen, as long as it is there; else the first.
function fill(select, options) {
  const before = select.value;
  const same = select.options.length === options.length &&
      options.every(([value, text], i) => select.options[i].value === value && select.options[i].text === text);
  if (same) return;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) select.value = before;
}

const ofProcess = () => windows.filter((w) => !byId('process').value || w.target === byId('process').value);

function fillAll() {
  const targets = [...new Set(windows.map((w) => w.target))].sort();
  byId('processes').hidden = targets.length < 2;
  fill(byId('process'), [['', 'All'], ...targets.map((t) => [t, t])]);
  const newest = ofProcess().reverse().map((w) => [String(w.id), textOf(w)]);
  fill(byId('window'), [['', 'The newest'], ...newest]);
  fill(byId('to'), [['', 'it alone'], ...newest]);
  fill(byId('base'), [['', 'nothing'], ...newest]);
}

function addressOf() {
  const list = ofProcess();
  if (!list.length) return '';
  const id = Number(byId('window').value) || list[list.length - 1].id;
  const to = Number(byId('to').value) || id;
  const [first, last] = [Math.min(id, to), Math.max(id, to)];
  const base = byId('base').value;
  const process = byId('process').value ? `&target=${encodeURIComponent(byId('process').value)}` : '';
  if (base) return `/diff?base=${base}&new=${first === last ? first : `${first}-${last}`}${process}`;
  return first === last ? `/window/${first}.html` : `/merged?from=${first}&to=${last}${process}`;
}

function show() {
  const address = addressOf();
  byId('graph').hidden = !address;
  byId('empty').hidden = Boolean(address);
  if (!address || address === shown) return;
  // What is chosen on the page (weight, filter, zoom) is in its fragment, and stays chosen.
  const frame = byId('graph').contentWindow;
  const fragment = shown && frame.location.pathname !== 'blank' ? frame.location.hash : '';
  shown = address;
  frame.location.replace(address + fragment);
}

async function refresh() {
  try {
    const answer = await fetch('/api/windows');
    if (!answer.ok) throw new Error(await answer.text());
    const list = await answer.json();
    windows = list.windows;
    const gone = list.dropped ? `, ${list.dropped} older ones are gone` : '';
    byId('state').textContent = `${windows.length} window${windows.length === 1 ? '' : 's'}${gone}`;
    fillAll();
    show();
  } catch (error) {
    byId('state').textContent = `jtrace does not answer: ${error.message}`;
  }
  setTimeout(refresh, EVERY_MS);
}

for (const id of ['process', 'window', 'to', 'base']) {
  byId(id).addEventListener('change', () => { fillAll(); show(); });
}
refresh();
