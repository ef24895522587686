// SPDX-License-Identifier: Apache-2.0
// --- the page around the graph ---------------------------------------------------------------

function add(parent, tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  parent.append(element);
  return element;
}

function showHeader() {
  const title = profile.title || (differs ? 'Difference' : 'Flame graph');
  document.title = profile.title || differs ? `${title} – jtrace` : 'jtrace';
  byId('title').textContent = differs && profile.title ? `${title}: difference` : title;
  const total = shown(base.totals, 0);
  const one = [['Target', profile.target], ['Host', profile.host], ['Start', profile.start],
               ['Duration', profile.duration], ['Total', everything()]];
  const two = [['Base', profile.base], ['New', profile.new],
               ['Total', `${amount(total)}, ${differs ? changeText(total, 1) : ''}`]];
  const facts = [...(differs ? two : one), ['Stacks', grouped.format(profile.stacks)]];
  byId('meta').replaceChildren();
  for (const [name, value] of facts) {
    if (!value) continue;
    const fact = add(byId('meta'), 'div', '', name === 'Base' || name === 'New' ? 'side' : '');
    add(fact, 'dt', name);
    add(fact, 'dd', value);
  }
}

// All that the profile has of each weight, the one that was asked for first.
function everything() {
  if (!rows) return valueText(base.total[0]);
  const order = [START.weight, ...WEIGHTS.keys()];
  const some = order.filter((w, i) => order.indexOf(w) === i && (w === START.weight || rows.sums[w] > 0));
  return some.map((w) => valueText(rows.sums[w], WEIGHTS[w])).join(' · ');
}

function showWeights() {
  byId('weights').hidden = WEIGHTS.length < 2;
  byId('filter').hidden = DIMENSIONS.length === 0;
  byId('weights').replaceChildren();
  for (const of of byId('tip').querySelectorAll('.others')) of.remove();
  if (WEIGHTS.length < 2) return;
  add(byId('tip'), 'span', '', 'others');
  WEIGHTS.forEach(({ type, unit }, weight) => {
    const button = add(byId('weights'), 'button', type.charAt(0).toUpperCase() + type.slice(1));
    button.type = 'button';
    button.title = `Widths and amounts by ${type}${unit === 'count' || unit === type ? '' : `, ${unit}`} (W)`;
    button.dataset.weight = weight;
    button.disabled = rows.sums[weight] <= 0;
    button.addEventListener('click', () => set({ weight }));
  });
}

function showLedger() {
  const figures = byId('figures');
  for (const id of ['figures', 'lines', 'notes']) byId(id).replaceChildren();
  if (differs && profile.ledger.length > 0) add(figures, 'span', 'New:');
  // The lines that say how events get lost are many; one word does where none did.
  const isLoss = ([name, , depth]) => depth === 0 && name.startsWith('lost');
  const losses = profile.ledger.filter(isLoss);
  const noneLost = losses.every(([, count]) => count === '0');
  for (const line of profile.ledger) {
    const [name, count, depth] = line;
    const row = add(byId('lines'), 'tr', '', depth > 0 ? 'part' : '');
    add(row, 'td', name);
    add(row, 'td', count);
    if (line === losses[0] && noneLost) add(add(figures, 'span', 'lost'), 'b', '0');
    else if (depth === 0 && count !== '0') add(add(figures, 'span', name), 'b', count);
  }
  if (!profile.balanced) add(figures, 'span', 'ledger does not add up', 'verdict bad');
  else if (profile.ledger.length > 0) add(figures, 'span', 'adds up', 'verdict');
  else figures.textContent = 'Details';
  for (const comment of profile.comments) add(byId('notes'), 'li', comment);
  if (profile.command) add(byId('notes'), 'li', profile.command);
  byId('ledger').hidden = profile.ledger.length === 0 && byId('notes').children.length === 0;
}

function showLegend() {
  const legend = byId('legend');
  legend.replaceChildren();
  if (differs) {
    STATES.forEach(([, text], state) => {
      const item = add(legend, 'li', '');
      const colour = add(item, 'span', '', state === GONE ? 'striped' : '');
      colour.style.backgroundColor = styleOf(stateColour(state));
      item.append(text);
    });
    return;
  }
  const used = new Set(kinds);
  for (const kind of Object.keys(KINDS)) {
    if (!used.has(kind) || kind === 'root') continue;
    const item = add(legend, 'li', '');
    add(item, 'span', '').style.background = styleOf(kindColour(kind));
    item.append(KINDS[kind][0]);
  }
}

function showTheme() {
  dark = place.theme === '' ? darkSystem.matches : place.theme === 'dark';
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  byId('theme').textContent = dark ? 'Light' : 'Dark';
  forgetColours();
  showLegend();
  askDraw();
}

// The steps that led to what is shown: [text, what takes it back, id].
function stepTexts() {
  const all = shown(source.totals, 0);
  const some = differs ? amount(all) : bareValue(all[0]);
  const recorded = rows ? [rows.sums[place.weight]] : shown(base.totals, 0);
  const fewer = place.filters.length + place.picks.length + place.ranges.length > 0;
  const whole = fewer ? `${some} of ${amount(recorded)}` : `All ${amount(all)}`;
  const steps = [[whole, null], ...chosenTexts()];
  place.filters.forEach((filter, i) => {
    const rest = place.filters.filter((_, other) => other !== i);
    steps.push([filterText(filter), () => go({ filters: rest })]);
  });
  if (place.view === 'reverse') steps.push(['from the leaves', () => go({ view: 'stacks', zoom: 0 })]);
  if (place.view === 'around') {
    const back = () => go({ view: 'stacks', of: '', zoom: 0 });
    const found = shown(tree.totals, 0);
    const part = `${amount(found)}, ${portion(found, all)}`;
    const what = window.innerWidth < NARROW ? 'around' : 'callers above and callees below';
    steps.push([`${what} ${shortName(tree.frame[0])}: ${part}`, back]);
  }
  if (place.zoom !== 0 && place.view !== 'table') {
    const part = portion(shown(tree.totals, place.zoom), all);
    steps.push([`${shortName(tree.frame[place.zoom])}: ${part}`, () => zoomTo(0), 'zoomed']);
  }
  if (tree.cut) steps.push([`cut after ${grouped.format(tree.cut)} rows`, null]);
  return steps;
}

function filterText([what, value]) {
  if (what !== 'cut') return `${what} ${frameNamed(value) < 0 ? value : shortName(frameNamed(value))}`;
  const [node, length = 0] = cutPlace(value);
  let top = node;
  for (let up = 1; up < length; up++) top = base.parent[top];
  return `without this ${shortName(base.frame[top])}`;
}

function showSteps() {
  const steps = byId('steps');
  steps.replaceChildren();
  for (const [text, back, id] of stepTexts()) {
    const button = add(steps, 'button', text, back ? 'undoable' : '');
    button.type = 'button';
    button.title = back ? 'Take this step back' : 'Show all stacks (A)';
    if (id) button.id = id;
    button.addEventListener('click', back || showAll);
  }
  steps.scrollLeft = steps.scrollWidth;
}

const showAll = () => go({ filters: [], picks: [], ranges: [], zoom: 0, view: place.view === 'around' ? 'stacks' : place.view, of: '' });

function say(text) {
  const note = byId('note');
  note.textContent = text;
  note.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { note.hidden = true; }, 2500);
}
