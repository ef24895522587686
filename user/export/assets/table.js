// SPDX-License-Identifier: Apache-2.0
// --- the table ---------------------------------------------------------------------------------

const columns = () => differs
  ? [['name', 'Function'], ['state', 'State'], ['self', 'Self'], ['before', 'Base'], ['after', 'New'],
     ['delta', 'Change']]
  : [['name', 'Function'], ['kind', 'Kind'], ['self', 'Self'], ['self', 'Share'], ['total', 'Total'],
     ['total', 'Share']];
const list = { source: null, functions: null, sorted: '', order: [], shown: [], chosen: 0 };

function showColumns() {
  byId('columns').replaceChildren();
  for (const [column, title] of columns()) {
    const button = add(byId('columns'), 'button', title);
    button.type = 'button';
    button.dataset.column = column;
    button.addEventListener('click', () => sortBy(column));
  }
}

// By how much every function changed, with totals made equal where they are.
function changesOf(what) {
  const columns = list.functions[what];
  return columns[AFTER].map((after, f) => after - columns[BEFORE][f] * scale);
}

const stateOfFunction = (f) => stateOf(...shown(list.functions.totals, f));

function sortFunctions() {
  const { all, self, total, look, totals } = list.functions;
  const column = place.sort.replace('-', '');
  const sign = place.sort.startsWith('-') ? -1 : 1;
  const byName = (a, b) => names[a] < names[b] ? -1 : 1;
  const value = differs ? { self: changesOf('selfs'), delta: changesOf('totals'),
                            before: totals[BEFORE], after: totals[AFTER] }[column] : { self, total }[column];
  const kind = (f) => differs ? String(stateOfFunction(f)) : kindOf(look[f])[0];
  const compare = value ? (a, b) => sign * (value[a] - value[b]) || byName(a, b)
    : column === 'kind' || column === 'state' ? (a, b) => sign * kind(a).localeCompare(kind(b)) || total[b] - total[a] || byName(a, b)
    : (a, b) => sign * byName(a, b);
  list.order = all.slice().sort(compare);
}

// The table has the functions that match the search, in the order of a column.
function showList() {
  const chosen = list.shown[list.chosen];
  if (list.source !== source) {
    Object.assign(list, { source, functions: functionsOf(source), sorted: '' });
    if (differs) list.most = changesOf('totals').reduce((most, by) => Math.max(most, Math.abs(by)), 0);
  }
  if (list.sorted !== place.sort) {
    list.sorted = place.sort;
    sortFunctions();
  }
  const matches = state.matches;
  list.shown = matches ? list.order.filter((f) => matches[f] === 1) : list.order;
  list.chosen = Math.max(0, list.shown.indexOf(chosen));
  let sorted = place.sort.replace('-', '');
  for (const button of byId('columns').children) {
    const order = place.sort.startsWith('-') ? 'descending' : 'ascending';
    button.setAttribute('aria-sort', button.dataset.column === sorted ? order : 'none');
    if (button.dataset.column === sorted) sorted = '';  // a value's share is in the same order
  }
  byId('space').style.height = list.shown.length * LIST_ROW + 'px';
  byId('rows').setAttribute('aria-rowcount', list.shown.length);
  showRows();
}

// Only the rows in sight exist.
function showRows() {
  const rows = byId('rows');
  const first = Math.max(0, Math.floor(rows.scrollTop / LIST_ROW) - 2);
  const last = Math.min(list.shown.length, Math.ceil((rows.scrollTop + rows.clientHeight) / LIST_ROW) + 2);
  const parts = document.createDocumentFragment();
  for (let at = first; at < last; at++) parts.append(listRow(at));
  byId('space').replaceChildren(parts);
}

function listRow(at) {
  const f = list.shown[at];
  const { look } = list.functions;
  const row = document.createElement('div');
  row.className = 'row';
  row.setAttribute('role', 'row');
  row.setAttribute('aria-rowindex', at + 1);
  row.setAttribute('aria-selected', String(at === list.chosen));
  row.style.top = at * LIST_ROW + 'px';
  row.dataset.at = at;
  const name = add(row, 'span', '');
  add(name, 'i', '').style.background = styleOf(differs ? stateColour(stateOfFunction(f)) : kindColour(kinds[look[f]]));
  name.append(window.innerWidth < NARROW ? shortName(look[f]) : names[f]);
  name.title = names[f];
  if (differs) changeCells(row, f); else valueCells(row, f);
  return row;
}

function valueCells(row, f) {
  const { self, total, look } = list.functions;
  const whole = source.total[0];
  add(row, 'span', kindOf(look[f])[0], 'kind');
  add(row, 'span', bareValue(self[f]), self[f] === 0 ? 'zero' : '');
  add(row, 'span', share(self[f], whole), self[f] === 0 ? 'zero' : '');
  add(row, 'span', bareValue(total[f]));
  const part = add(row, 'span', share(total[f], whole), 'share');
  add(part, 'u', '').style.width = Math.max(1, 74 * total[f] / whole) + 'px';
}

function changeCells(row, f) {
  const { selfs, totals } = list.functions;
  const cell = (value, text) => add(row, 'span', text(value), value === 0 ? 'zero' : '');
  const whole = (value) => signed(Math.round(value), bareValue);
  const state = stateOfFunction(f);
  add(row, 'span', STATES[state][0], 'kind');
  cell(selfs[AFTER][f] - selfs[BEFORE][f] * scale, whole);
  cell(totals[BEFORE][f], bareValue);
  cell(totals[AFTER][f], bareValue);
  const by = totals[AFTER][f] - totals[BEFORE][f] * scale;
  const part = cell(by, whole);
  part.classList.add('share');
  const bar = add(part, 'u', '');
  bar.style.width = (by === 0 ? 0 : Math.max(1, 64 * Math.abs(by) / list.most)) + 'px';
  bar.style.background = styleOf(stateColour(by > 0 ? 1 : 5));
}

// The row under the pointer is what keys mean. Rows stay: replacing one loses a click on it.
function pointAtRow(event) {
  const row = event.target.closest('.row');
  // Scrolling by keys moves rows below a pointer that rests.
  if (!row || (event.movementX === 0 && event.movementY === 0)) return;
  list.chosen = Number(row.dataset.at);
  for (const other of byId('space').children) {
    other.setAttribute('aria-selected', String(other === row));
  }
}

function chooseRow(at) {
  list.chosen = Math.max(0, Math.min(list.shown.length - 1, at));
  const rows = byId('rows');
  const top = list.chosen * LIST_ROW;
  if (top < rows.scrollTop) rows.scrollTop = top;
  if (top + LIST_ROW > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + LIST_ROW - rows.clientHeight;
  const f = list.shown[list.chosen];
  if (f !== undefined) {
    const { selfs, totals } = list.functions;
    byId('spoken').textContent = `${names[f]}, self ${amount(shown(selfs, f))}, total ${amount(shown(totals, f))}` +
      (differs ? ', ' + changeText(shown(totals, f)) : '');
  }
  showRows();
}

// A column's first order is the one people look for: most events, or A to Z.
function sortBy(column) {
  const up = ['name', 'kind', 'state'].includes(column) ? column : '-' + column;
  const down = up.startsWith('-') ? column : '-' + column;
  byId('rows').scrollTop = 0;
  set({ sort: place.sort === up ? down : up });
}

function onRowKey(event) {
  const page = Math.max(1, Math.floor(byId('rows').clientHeight / LIST_ROW) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  if (event.key in steps) {
    event.preventDefault();
    chooseRow(list.chosen + steps[event.key]);
  } else if (event.key === 'Enter' && subjectFrame() >= 0) {
    callersOf(subjectFrame());
  }
}
