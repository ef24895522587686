// SPDX-License-Identifier: Apache-2.0
// --- menus and the guide -------------------------------------------------------------------------

function hideFloats() {
  byId('tip').hidden = byId('menu').hidden = true;
}

// A menu at a place of the window; `keys` are those of commands().
function openMenu(x, y, keys) {
  const menu = byId('menu');
  const before = document.activeElement;
  byId('tip').hidden = true;
  menu.replaceChildren();
  menu.hidden = false;
  for (const key of keys) {
    const [, text, run] = commands().find(([known]) => known === key);
    const item = add(menu, 'button', text);
    item.type = 'button';
    item.setAttribute('role', 'menuitem');
    add(item, 'span', key);
    item.addEventListener('click', () => { menu.hidden = true; before.focus(); run(); });
  }
  menu.style.left = Math.max(8, Math.min(x, window.innerWidth - menu.offsetWidth - 8)) + 'px';
  menu.style.top = Math.max(8, Math.min(y, window.innerHeight - menu.offsetHeight - 8)) + 'px';
  menu.firstChild.focus();
}

function onMenuKey(event) {
  const items = [...byId('menu').children];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  } else if (event.key === 'Escape' || event.key === 'Tab') {
    hideFloats();
    keysToView();
  } else if (event.key !== 'Enter' && event.key !== ' ') {
    byId('menu').hidden = true;  // the key does what it does without the menu
    return;
  } else {
    event.stopPropagation();
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

const FRAME_MENU = ['C', 'F', 'X', 'Shift+X', 'Y', 'Shift+Y', 'U'];

function openFrameMenu(x, y) {
  withFrame(() => openMenu(x, y, place.view === 'table' ? ['C', 'F', 'Shift+X', 'Y', 'U'] : FRAME_MENU));
}

// Where the keyboard's frame is on the screen.
function openMenuByKey() {
  const box = (place.view === 'table' ? byId('rows') : canvas).getBoundingClientRect();
  if (place.view === 'table') {
    openFrameMenu(box.left + 40, box.top + (list.chosen + 1) * LIST_ROW - byId('rows').scrollTop);
    return;
  }
  const node = Math.max(0, subject());
  const [origin, width] = windowOfRow(tree.row[node]);
  const left = Math.max(0, (tree.x[node] - origin) * canvasWidth / width);
  openFrameMenu(box.left + left + 20, box.top + rowTop(tree.row[node]) - view.scrollTop + ROW);
}

function openSaveMenu() {
  const box = byId('save').getBoundingClientRect();
  openMenu(box.left, box.bottom + 4, ['S', 'P']);
}

function showGuide() {
  const keys = byId('keys');
  keys.replaceChildren();
  for (const [key, text] of [...commands(), ...MORE_KEYS]) {
    const pair = add(keys, 'div', '');
    add(add(pair, 'dt', ''), 'kbd', key);
    add(pair, 'dd', text);
  }
  hideFloats();
  byId('guide').showModal();
}

function escape() {
  if (place.q !== '') set({ q: '' });
  else if (place.zoom !== 0) zoomTo(0);
  else if (place.view === 'around') go({ view: 'stacks', of: '', zoom: 0 });
  else if (state.focus >= 0) {
    state.focus = -1;
    askDraw();
  }
}

const toggleView = (name) => go({ view: place.view === name ? 'stacks' : name, of: '', zoom: 0 });

function turn() {
  if (!byId('turn').disabled) set({ icicle: !place.icicle });
}

function nextWeight() {
  let weight = place.weight;
  do weight = (weight + 1) % WEIGHTS.length; while (rows.sums[weight] <= 0 && weight !== place.weight);
  set({ weight });
}

// Collapsed text does not hold what its numbers are.
function weightNote() {
  const { type, unit } = weightNow();
  if (WEIGHTS.length < 2) return '';
  return `, weight: ${type}${unit === 'count' || unit === type ? '' : unit === 'nanoseconds' ? ', ns' : `, ${unit}`}`;
}

const nextWidth = () => set({ width: WIDTHS[(WIDTHS.indexOf(place.width) + 1) % WIDTHS.length] });

// What a key does, for onKey(), the menus and the guide.
const commands = () => [
  ['/', 'Search', () => byId('search').select()],
  ['N', 'Next match', () => nextHit(1)],
  ['Shift+N', 'Previous match', () => nextHit(-1)],
  ['C', 'Callers and callees', () => withFrame(callersOf)],
  ['F', 'Only stacks with this frame', () => withFrame(onlyWith)],
  ['X', 'Remove this stack', () => withFrame(removeStack)],
  ['Shift+X', 'Remove all stacks with this frame', () => withFrame(without)],
  ['U', 'Undo', undo],
  ['A', 'Show all stacks', showAll],
  ['0', 'Reset the zoom', () => zoomTo(0)],
  ['R', 'Reversed, or back', () => toggleView('reverse')],
  ['T', 'Table, or back', () => toggleView('table')],
  ['I', 'Root at the top or at the bottom', turn],
  ...(differs ? [
    ['W', 'Widths of both, the base or the new profile', nextWidth],
    ['E', 'Scale the base to the total of the new profile, or not', () => set({ equal: !place.equal })],
  ] : []),
  ...(WEIGHTS.length > 1 ? [['W', 'The next weight', nextWeight]] : []),
  ...(DIMENSIONS.length > 0 ? [['B', 'Choose events by labels and sizes', togglePanel]] : []),
  ['Y', 'Copy the name', () => withFrame((frame) => copy(names[frame], 'the name'))],
  ['Shift+Y', 'Copy the stack', () => withFrame((frame, node) => copy(stackText(frame, node), 'the stack'))],
  ['S', 'Save stacks as collapsed text', () => saveAs(collapsed(), '.collapsed', weightNote())],
  ['P', 'Save a picture', picture],
  ['M', 'Menu of the frame', openMenuByKey],
  ['D', 'Dark or light', () => set({ theme: dark ? 'light' : 'dark' })],
  ['?', 'These keys', showGuide],
];
const MORE_KEYS = [
  ['arrows', 'Move between frames or rows'],
  ['Enter', 'Zoom; in the table, callers and callees'],
  ['Escape', 'Clear the search, then the zoom'],
  ['Backspace', 'Undo'],
  ['Ctrl+click', 'Remove this stack (Alt+click too)'],
  ['right click', 'Menu of the frame'],
];

const commandOf = (event) => {
  const key = event.key === 'Backspace' ? 'U' : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shifted = event.key !== '?' && event.key !== '/' && event.shiftKey ? 'Shift+' + key : key;
  return commands().find(([known]) => known === shifted) || commands().find(([known]) => known === key);
};

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === 'f' && event.target !== byId('search')) {
    event.preventDefault();  // the browser's own search cannot see a canvas
    byId('search').select();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || byId('guide').open) return;
  if (event.target !== byId('search') && event.target.tagName === 'INPUT') {
    if (event.key === 'Escape') keysToView();
    return;
  }
  if (event.target === byId('search')) {
    if (event.key === 'Enter') nextHit(event.shiftKey ? -1 : 1);
    if (event.key === 'Escape') { escape(); keysToView(); }
    return;
  }
  if (event.key === 'Escape') return escape();
  const command = commandOf(event);
  if (command) {
    event.preventDefault();
    command[2]();
  } else if (event.target === canvas) {
    onGraphKey(event);
  }
}

function onGraphKey(event) {
  if (event.key.startsWith('Arrow')) {
    event.preventDefault();
    focusOn(state.focus < 0 ? place.zoom : neighbour(state.focus, event.key));
  } else if (event.key === 'Enter' && state.focus >= 0) {
    zoomTo(state.focus);
  } else if (event.key === 'Home') {
    event.preventDefault();
    focusOn(0);
  }
}

function onClick(event) {
  const node = nodeAt(event);
  if (node < 0) return;
  hoverOn(event, node);
  if (event.ctrlKey || event.altKey || event.metaKey) withFrame(removeStack);
  else zoomTo(node === place.zoom ? tree.parent[node] : node);
}

function onContextMenu(event) {
  event.preventDefault();
  hoverOn(event, nodeAt(event));
  if (state.hover >= 0) openFrameMenu(event.clientX, event.clientY);
}

function listenToGraph() {
  const hover = (event, node) => { if (byId('menu').hidden) hoverOn(event, node); };
  canvas.addEventListener('mousemove', (event) => { state.pointer = event; hover(event, nodeAt(event)); });
  canvas.addEventListener('mouseleave', (event) => { state.pointer = null; hover(event, -1); });
  canvas.addEventListener('click', onClick);
  canvas.addEventListener('contextmenu', onContextMenu);
  view.addEventListener('scroll', () => {
    fromBottom = Math.max(0, view.scrollHeight - view.scrollTop - view.clientHeight);
    askDraw();
  }, { passive: true });
}

function listenToList() {
  const rows = byId('rows');
  const rowOf = (event) => event.target.closest('.row');
  rows.addEventListener('scroll', showRows, { passive: true });
  rows.addEventListener('keydown', onRowKey);
  rows.addEventListener('mousemove', pointAtRow);
  rows.addEventListener('click', (event) => {
    if (rowOf(event)) callersOf(list.shown[Number(rowOf(event).dataset.at)]);
  });
  rows.addEventListener('contextmenu', (event) => {
    if (!rowOf(event)) return;
    event.preventDefault();
    chooseRow(Number(rowOf(event).dataset.at));
    openFrameMenu(event.clientX, event.clientY);
  });
}

function listen() {
  document.addEventListener('keydown', onKey);
  for (const [type, pressed] of [['pointerdown', true], ['pointerup', false], ['pointercancel', false]]) {
    window.addEventListener(type, () => { state.pressed = pressed; }, true);
  }
  window.addEventListener('resize', () => { resize(); showSteps(); });
  window.addEventListener('popstate', onHistory);
  new ResizeObserver(resize).observe(document.querySelector('main'));
  document.addEventListener('mousedown', (event) => {
    if (!byId('menu').contains(event.target)) byId('menu').hidden = true;
  });
  byId('menu').addEventListener('keydown', onMenuKey);
  byId('search').addEventListener('input', (event) => set({ q: event.target.value }));
  byId('guide').addEventListener('click', () => byId('guide').close());
  const buttons = {
    next: () => nextHit(1), previous: () => nextHit(-1), turn, save: openSaveMenu, help: showGuide,
    theme: () => set({ theme: dark ? 'light' : 'dark' }),
    stacks: () => go({ view: 'stacks', of: '', zoom: place.view === 'stacks' ? place.zoom : 0 }),
    equal: () => set({ equal: !place.equal }), filter: togglePanel,
    ...Object.fromEntries(WIDTHS.map((width) => ['width-' + width, () => set({ width })])),
    reverse: () => toggleView('reverse'), table: () => toggleView('table'),
  };
  for (const [id, run] of Object.entries(buttons)) byId(id).addEventListener('click', run);
  darkSystem.addEventListener('change', showTheme);
  listenToGraph();
  listenToList();
}
