// SPDX-License-Identifier: Apache-2.0
// --- the panel: which events are shown ------------------------------------------------------------

const FIRST_VALUES = 8;   // of a facet; a click shows more
const MORE_VALUES = 40;
const panel = { open: null, parts: [], shape: '' };  // open: null until the user says

const titleOf = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const valueName = ({ values }, value) => value < 0 ? '(none)' : values[value] || '(empty)';

// "1.02 µs – 4.1 µs"; "0 B"; "up to 1 B", of the buckets from first to last.
function bucketText({ unit }, first, last) {
  if (first === last && first < 2) return bareValue(first, { unit });
  return `${bareValue(bucketBegin(first), { unit })} – ${bareValue(bucketEnd(last), { unit })}`;
}

// What is chosen, for the line above the graph: [text, what takes it back].
function chosenTexts() {
  const steps = [];
  DIMENSIONS.forEach((of, d) => {
    const range = place.ranges.find(([which]) => which === d);
    const chosen = place.picks.filter(([which]) => which === d).map(([, value]) => valueName(of, value));
    if (range) steps.push([`${of.name} ${bucketText(of, range[1], range[2])}`, () => clearDimension(d)]);
    if (chosen.length === 0) return;
    const names = chosen.slice(0, 2).map((name) => name.length > 32 ? '…' + name.slice(-31) : name);
    const more = chosen.length > 2 ? ` and ${chosen.length - 2} more` : '';
    steps.push([`${of.name}: ${names.join(', ')}${more}`, () => clearDimension(d)]);
  });
  return steps;
}

function clearDimension(d) {
  const others = ([which]) => which !== d;
  go({ picks: place.picks.filter(others), ranges: place.ranges.filter(others) });
}

function togglePick(d, value) {
  const same = ([which, other]) => which === d && other === value;
  const picks = place.picks.some(same) ? place.picks.filter((pick) => !same(pick)) : [...place.picks, [d, value]];
  go({ picks });
}

function setRange(d, one, other) {
  const range = [d, Math.min(one, other), Math.max(one, other)];
  const again = place.ranges.some((known) => String(known) === String(range));
  if (again) clearDimension(d);
  else go({ ranges: [...place.ranges.filter(([which]) => which !== d), range] });
}

// Buttons stay where the same dimensions come again: a click on one that is replaced is lost.
const shapeOf = (of) => [of.name, of.unit, of.first, of.last, Boolean(of.values && of.values.length > FIRST_VALUES)];

function renewPanel() {
  const { scrollTop } = byId('panel');
  const same = JSON.stringify(DIMENSIONS.map(shapeOf)) === panel.shape;
  if (same) for (const part of panel.parts) part.of = DIMENSIONS[part.d];
  else makePanel();
  byId('panel').scrollTop = scrollTop;
}

function makePanel() {
  const before = panel.parts;
  panel.shape = JSON.stringify(DIMENSIONS.map(shapeOf));
  byId('panel').replaceChildren();
  const order = [...DIMENSIONS.keys()].sort((a, b) => Boolean(DIMENSIONS[b].size) - Boolean(DIMENSIONS[a].size) || a - b);
  panel.parts = order.map((d) => {
    const of = DIMENSIONS[d];
    const section = add(byId('panel'), 'section', '');
    const head = add(section, 'div', '', 'part-head');
    const title = add(head, 'h2', titleOf(of.name));
    title.id = `part-${d}`;
    const clear = add(head, 'button', 'Clear');
    clear.type = 'button';
    clear.setAttribute('aria-label', `Clear ${of.name}`);
    clear.addEventListener('click', () => clearDimension(d));
    const { limit, wanted } = before.find((other) => other.of.name === of.name) || { limit: FIRST_VALUES, wanted: '' };
    const part = { d, of, section, clear, limit, wanted };
    return Object.assign(part, of.size ? makeHistogram(part) : makeFacet(part));
  });
}

const isPanelOpen = () => DIMENSIONS.length > 0 && (panel.open === null ? window.innerWidth >= 1100 : panel.open);

function showPanel() {
  const open = isPanelOpen();
  byId('panel').hidden = !open;
  byId('filter').setAttribute('aria-pressed', String(open));
  if (!open) return;
  const inside = shownNodes();
  for (const part of panel.parts) {
    const sums = sumsOf(part.d, place.weight, inside);
    const chosen = passing(part.d, place) !== null;
    part.clear.hidden = !chosen;
    if (part.of.size) showHistogram(part, sums); else showFacet(part, sums);
  }
}

function togglePanel() {
  if (DIMENSIONS.length === 0) return;
  panel.open = !isPanelOpen();
  showPanel();
  if (panel.open) byId('panel').querySelector('button:not([hidden]), input').focus();
  else keysToView();
}

// --- a facet: values, most first -------------------------------------------------------------------

function makeFacet({ d, of, section, wanted }) {
  const box = of.values.length > FIRST_VALUES ? add(section, 'input', '') : null;
  const values = add(section, 'div', '', 'values');
  values.setAttribute('role', 'group');
  values.setAttribute('aria-labelledby', `part-${d}`);
  if (box) {
    box.type = 'search';
    box.value = wanted;
    box.placeholder = `Find in ${grouped.format(of.values.length)}`;
    box.spellcheck = false;
    box.setAttribute('aria-label', `Find a value of ${of.name}`);
    box.addEventListener('input', () => {
      const part = panel.parts.find((other) => other.d === d);
      Object.assign(part, { wanted: box.value.toLowerCase(), limit: FIRST_VALUES });
      listValues(part);
    });
  }
  return { box, values, sums: null };
}

function showFacet(part, sums) {
  part.sums = sums;
  part.order = Array.from(sums.keys()).filter((at) => sums[at] > 0 || isPicked(part.d, at - 1))
    .sort((a, b) => sums[b] - sums[a] || a - b);
  part.whole = sums.reduce((all, value) => all + value, 0);
  listValues(part);
}

const isPicked = (d, value) => place.picks.some(([which, other]) => which === d && other === value);

function listValues(part) {
  const { d, of, values, sums, order, wanted, whole } = part;
  const focused = values.contains(document.activeElement) ? document.activeElement.dataset.at : undefined;
  const fits = order.filter((at) => wanted === '' || valueName(of, at - 1).toLowerCase().includes(wanted));
  const some = fits.filter((at, i) => i < part.limit || isPicked(d, at - 1));
  const most = Math.max(...fits.slice(0, 1).map((at) => sums[at]), 1);
  values.replaceChildren();
  for (const at of some) {
    const item = add(values, 'button', '', 'value');
    item.type = 'button';
    item.dataset.at = at;
    item.setAttribute('role', 'checkbox');
    item.setAttribute('aria-checked', String(isPicked(d, at - 1)));
    item.title = valueName(of, at - 1);
    add(item, 'u', '').style.width = `${100 * sums[at] / most}%`;
    add(add(item, 'span', ''), 'bdi', valueName(of, at - 1)).dir = 'ltr';  // cut at its beginning
    add(item, 'em', bareValue(sums[at]));
    add(item, 'i', share(sums[at], whole));
    item.addEventListener('click', () => togglePick(d, at - 1));
  }
  if (fits.length > some.length) {
    const more = add(values, 'button', `… ${grouped.format(fits.length - some.length)} more`, 'more');
    more.type = 'button';
    more.dataset.at = 'more';
    more.addEventListener('click', () => { part.limit += MORE_VALUES; listValues(part); });
  }
  if (some.length === 0) add(values, 'p', wanted ? 'No value has this in its name.' : 'None of these events.');
  if (focused === undefined) return;
  const same = [...values.children].find((item) => item.dataset.at === focused) || values.querySelector('button');
  if (same) same.focus();
}

// --- a size: a bar for each bucket ------------------------------------------------------------------

function makeHistogram({ d, of, section }) {
  const bars = add(section, 'div', '', 'bars');
  bars.setAttribute('role', 'listbox');
  bars.setAttribute('aria-multiselectable', 'true');
  bars.setAttribute('aria-labelledby', `part-${d}`);
  for (let bucket = of.first; bucket <= of.last; bucket++) {
    const bar = add(bars, 'button', '', 'bar');
    bar.type = 'button';
    bar.tabIndex = bucket === of.first ? 0 : -1;
    bar.dataset.bucket = bucket;
    bar.setAttribute('role', 'option');
    add(bar, 'i', '');
  }
  const axis = add(section, 'div', '', 'axis');
  add(axis, 'span', bareValue(bucketBegin(of.first), of));
  add(axis, 'span', bareValue(of.last < 1 ? 0 : bucketEnd(of.last), of));
  const about = add(section, 'div', '', 'about');
  listenToBars(bars, d);
  return { bars, about };
}

function showHistogram(part, sums) {
  const { of, bars } = part;
  part.sums = sums;
  part.whole = sums.subarray(1).reduce((all, value) => all + value, 0);
  const most = sums.subarray(1).reduce((all, value) => Math.max(all, value), 0);
  const flags = passing(part.d, place);
  for (const bar of bars.children) {
    const bucket = Number(bar.dataset.bucket);
    const value = sums[bucket + 1];
    const height = most > 0 && value > 0 ? Math.max(3, 100 * value / most) : 0;
    bar.firstChild.style.height = height + '%';
    bar.setAttribute('aria-selected', String(flags !== null && flags[bucket + 1] === 1));
    bar.setAttribute('aria-label', barText(part, bucket));
  }
  bars.classList.toggle('chosen', flags !== null);
  const range = place.ranges.find(([which]) => which === part.d);
  showAbout(part, range ? range[1] : of.first, range ? range[2] : of.last);
}

const barText = ({ of, sums, whole }, bucket) =>
  `${bucketText(of, bucket, bucket)}: ${valueText(sums[bucket + 1])}, ${share(sums[bucket + 1], whole)}`;

function showAbout(part, first, last) {
  let sum = 0;
  for (let bucket = first; bucket <= last; bucket++) sum += part.sums[bucket + 1];
  part.about.textContent = `${bucketText(part.of, first, last)}: ${valueText(sum)}, ${share(sum, part.whole)}`;
}

function listenToBars(bars, d) {
  let from = -1;  // where a drag, or a range by keys, began
  const part = () => panel.parts.find((other) => other.d === d);
  const bucketAt = (event) => {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const bar = under && bars.contains(under) ? under.closest('.bar') : null;
    return bar ? Number(bar.dataset.bucket) : -1;
  };
  const mark = (one, other) => {
    for (const bar of bars.children) {
      const bucket = Number(bar.dataset.bucket);
      bar.classList.toggle('marked', one >= 0 && bucket >= Math.min(one, other) && bucket <= Math.max(one, other));
    }
    if (one >= 0) showAbout(part(), Math.min(one, other), Math.max(one, other));
  };
  let to = -1;
  bars.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    from = to = bucketAt(event);
    if (from >= 0 && event.target.releasePointerCapture) bars.setPointerCapture(event.pointerId);
    mark(from, to);
  });
  bars.addEventListener('pointermove', (event) => {
    const bucket = bucketAt(event);
    if (bucket < 0) return;
    if (event.buttons & 1 && from >= 0) mark(from, to = bucket);
    else showAbout(part(), bucket, bucket);
  });
  bars.addEventListener('pointerup', () => {
    if (from >= 0) setRange(d, from, to);
    from = to = -1;
    mark(-1, -1);
  });
  bars.addEventListener('pointercancel', () => { from = to = -1; mark(-1, -1); });
  bars.addEventListener('pointerleave', (event) => { if (!(event.buttons & 1)) showHistogram(part(), part().sums); });
  bars.addEventListener('focusin', (event) => {
    const bar = event.target.closest('.bar');
    if (bar) showAbout(part(), Number(bar.dataset.bucket), Number(bar.dataset.bucket));
  });
  bars.addEventListener('keydown', (event) => onBarKey(event, bars, d));
}

// Arrows move, with Shift they take a range along; Enter and blank take one bucket, or all again.
function onBarKey(event, bars, d) {
  const at = Number(event.target.dataset.bucket);
  const { first, last } = DIMENSIONS[d];
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -64, End: 64 }[event.key];
  if (step) {
    const next = Math.max(first, Math.min(last, at + step));
    const range = place.ranges.find(([which]) => which === d);
    if (event.shiftKey && next !== at) {
      const rest = range && at === range[2] ? range[1] : range && at === range[1] ? range[2] : at;
      setRange(d, rest, next);
    }
    for (const bar of bars.children) bar.tabIndex = Number(bar.dataset.bucket) === next ? 0 : -1;
    bars.children[next - first].focus();
  } else if (event.key === 'Enter' || event.key === ' ') {
    setRange(d, at, at);
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
