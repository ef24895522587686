// SPDX-License-Identifier: Apache-2.0
// --- colours ---------------------------------------------------------------------------------

let colours = [];  // per frame, for the theme of now
let dark = false;

function nameHash(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

// The kind gives the colour, the name's hash a shade of it: equal names look equal in every
// profile, neighbours can be told apart.
function kindColour(kind, hash) {
  const [, hue, saturation, lightness] = KINDS[kind] || KINDS.unknown;
  const turn = hash === undefined ? 0 : (hash % 17) - 8;
  const lift = hash === undefined ? 0 : ((hash >>> 8) % 9) - 4;
  if (dark) {
    return `hsl(${hue + turn} ${Math.round(saturation * .5)}% ${(lightness * .43 + lift * .8).toFixed(1)}%)`;
  }
  return `hsl(${hue + turn} ${saturation}% ${lightness + lift * .8}%)`;
}

function colourOf(frame) {
  return colours[frame] || (colours[frame] = kindColour(kinds[frame], nameHash(names[frame])));
}

// Of STATES: orange for more and blue for less, which most eyes can tell apart; what is new or gone
// is the strongest, what is gone is striped as well.
const CHANGES = {
  light: [[10, 84, 62], [17, 88, 74], [24, 92, 87], [46, 12, 91], [209, 72, 88], [212, 70, 76], [220, 66, 68]],
  dark: [[10, 62, 44], [16, 52, 35], [24, 46, 31], [46, 3, 24], [210, 30, 30], [213, 44, 38], [222, 46, 48]],
};

function stateColour(state, hash) {
  const [hue, saturation, lightness] = CHANGES[dark ? 'dark' : 'light'][state];
  const lift = hash === undefined ? 0 : ((hash >>> 8) % 5) - 2;
  return `hsl(${hue} ${saturation}% ${(lightness + lift * .6).toFixed(1)}%)`;
}

const stateOfNode = (node) => stateOf(tree.totals[BEFORE][node], tree.totals[AFTER][node]);

function nodeColour(node) {
  const frame = tree.frame[node];
  if (!differs) return colourOf(frame);
  const key = frame * STATES.length + stateOfNode(node);
  return colours[key] || (colours[key] = stateColour(key % STATES.length, nameHash(names[frame])));
}

// Diagonal stripes, to be drawn over a colour.
function stripes() {
  const key = dark ? 'dark' : 'light';
  if (stripes[key]) return stripes[key];
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const ink = tile.getContext('2d');
  ink.strokeStyle = dark ? 'rgb(0 0 0 / .28)' : 'rgb(255 255 255 / .42)';
  ink.lineWidth = 2.4;
  for (const x of [-4, 4, 12]) {
    ink.moveTo(x - 5, 9);
    ink.lineTo(x + 5, -1);
  }
  ink.stroke();
  return stripes[key] = screenInk.createPattern(tile, 'repeat');
}

const PAINT = {
  light: { page: '#ffffff', ink: '#1b2026', soft: '#5e6670', edge: '#22272d', ring: '#2f6f4f',
           hit: '#b3307c', hitInk: '#ffffff', dim: '#ececea', dimInk: '#757c84' },
  dark: { page: '#1b1f24', ink: '#e9ecef', soft: '#98a1ab', edge: '#f2f4f6', ring: '#7fc8a0',
          hit: '#c4458f', hitInk: '#ffffff', dim: '#2a2f36', dimInk: '#8d96a0' },
};
const paint = () => dark ? PAINT.dark : PAINT.light;

// --- drawing ---------------------------------------------------------------------------------
// A pen is where to draw: { ink, width, height, scroll, colour }, the screen's or a picture's.

const rowsHeight = () => tree.rows * ROW + 2 * PAD;
const contentHeight = () => Math.max(rowsHeight(), canvasHeight);
const rootOnTop = () => place.icicle || place.view === 'around';
const rowTop = (row) => rootOnTop() ? PAD + row * ROW : contentHeight() - PAD - (row + 1) * ROW;
const rowAt = (y) => Math.floor(rootOnTop() ? (y - PAD) / ROW : (contentHeight() - PAD - y) / ROW);

const forms = new Map();  // frame -> [[text, width], ...]

function formsOf(frame) {
  let known = forms.get(frame);
  if (!known) {
    known = shortForms(names[frame], kinds[frame]).map((text) => [text, screenInk.measureText(text).width]);
    forms.set(frame, known);
  }
  return known;
}

function labelFor(frame, room) {
  const known = formsOf(frame);
  for (const [text, width] of known) if (width <= room) return text;
  const [text, width] = known[known.length - 1];
  let length = Math.floor(text.length * room / width);
  while (length > 1 && screenInk.measureText(text.slice(0, length) + '…').width > room) length--;
  return length > 1 ? text.slice(0, length) + '…' : '';
}

// -1 among callers, 1 among callees, 0 at their frame; everything is a callee of the root "all".
const sideOf = (row) => Math.sign(row - tree.center);

// What a row shows of its values: callers and callees are zoomed apart, their axes differ.
function windowOfRow(row) {
  const zoomSide = sideOf(tree.row[place.zoom]);
  const zoomed = sideOf(row) === zoomSide || sideOf(row) === 0 || zoomSide === 0;
  return zoomed ? [state.left, state.width] : [0, tree.total[0]];
}

// Whether a node is only there to show where the zoom is.
const outsideZoom = (node) => place.zoom !== 0 && tree.level[node] < tree.level[place.zoom] &&
  sideOf(tree.row[node]) !== -sideOf(tree.row[place.zoom]);

function drawFrame(pen, node, left, width, top) {
  const { ink, colour } = pen;
  const frame = tree.frame[node];
  const searching = state.matches !== null;
  const hit = searching && state.matches[frame] === 1;
  ink.globalAlpha = outsideZoom(node) ? (searching ? .8 : .55) : 1;
  ink.fillStyle = hit ? colour.hit : searching ? colour.dim : nodeColour(node);
  const striped = differs && !searching && stateOfNode(node) === GONE;
  const gap = width > 3 ? 1 : 0;
  if (width > 8 && ink.roundRect) {
    ink.beginPath();
    ink.roundRect(left, top, width - gap, ROW - 1, 2.5);
    ink.fill();
    if (striped) {
      ink.fillStyle = stripes();
      ink.fill();
    }
  } else {
    ink.fillRect(left, top, width - gap, ROW - 1);
  }
  if (width >= LABEL_MIN) {
    const label = labelFor(frame, width - gap - 2 * PAD);
    ink.fillStyle = hit ? colour.hitInk : searching ? colour.dimInk : colour.ink;
    if (label) ink.fillText(label, left + PAD, top + ROW / 2);
  }
}

// Frames narrower than a pixel, from rowNodes[at] on, as one line; returns where to go on. Without
// a search the run is skipped by halving, so a row costs its pixels and not its frames.
function drawRun(pen, at, to, top, origin, scale) {
  const { ink, colour } = pen;
  const first = tree.rowNodes[at];
  const left = (tree.x[first] - origin) * scale;
  const edge = origin + (Math.floor(left) + 1) / scale;
  const next = Math.max(at + 1, firstBeyond(at, to, edge));
  let hit = false;
  if (state.matches !== null) {
    for (let i = at; i < next && !hit; i++) hit = state.matches[tree.frame[tree.rowNodes[i]]] === 1;
  }
  ink.globalAlpha = outsideZoom(first) ? .4 : .7;
  ink.fillStyle = hit ? colour.hit : state.matches !== null ? colour.dim : nodeColour(first);
  ink.fillRect(Math.floor(left), top, 1, ROW - 1);
  return next;
}

function drawRow(pen, row) {
  const [origin, width] = windowOfRow(row);
  const scale = pen.width / width;
  const top = rowTop(row) - pen.scroll;
  const to = tree.rowStart[row + 1];
  let at = firstBeyond(tree.rowStart[row], to, origin);
  while (at < to) {
    const node = tree.rowNodes[at];
    if (tree.x[node] >= origin + width) break;
    const left = Math.max(0, (tree.x[node] - origin) * scale);
    const right = Math.min(pen.width, (tree.x[node] + tree.total[node] - origin) * scale);
    if (tree.total[node] * scale < HAIRLINE) {
      at = drawRun(pen, at, to, top, origin, scale);
    } else {
      drawFrame(pen, node, left, right - left, top);
      at++;
    }
  }
}

function drawOutline(pen, node, style, thickness) {
  if (node < 0) return;
  const [origin, width] = windowOfRow(tree.row[node]);
  const scale = pen.width / width;
  const left = Math.max(0, (tree.x[node] - origin) * scale);
  const right = Math.min(pen.width, (tree.x[node] + tree.total[node] - origin) * scale);
  if (right < 0 || left > pen.width) return;
  const inset = thickness / 2;
  pen.ink.globalAlpha = 1;
  pen.ink.strokeStyle = style;
  pen.ink.lineWidth = thickness;
  pen.ink.strokeRect(left + inset, rowTop(tree.row[node]) - pen.scroll + inset,
                     Math.max(2, right - left - 1 - thickness), ROW - 1 - thickness);
}

function drawGraph(pen) {
  const { ink, width, height, scroll, colour } = pen;
  ink.globalAlpha = 1;
  ink.fillStyle = colour.page;
  ink.fillRect(0, 0, width, height);
  if (tree.total[0] <= 0) return;
  ink.font = LABEL_FONT;
  ink.textBaseline = 'middle';
  const one = rowAt(scroll);
  const other = rowAt(scroll + height);
  const from = Math.max(0, Math.min(one, other) - 1);
  const to = Math.min(tree.rows - 1, Math.max(one, other) + 1);
  for (let row = from; row <= to; row++) drawRow(pen, row);
  if (place.view === 'around') drawOutline(pen, 0, colour.ring, 2);
}

function draw() {
  drawAsked = false;
  if (view.hidden) return;
  const ratio = window.devicePixelRatio || 1;
  const pen = { ink: screenInk, width: canvasWidth, height: canvasHeight, scroll: view.scrollTop, colour: paint() };
  screenInk.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawGraph(pen);
  drawOutline(pen, state.hover, pen.colour.edge, 1);
  drawOutline(pen, state.focus, pen.colour.ring, 2);
}

function askDraw() {
  if (drawAsked) return;
  drawAsked = true;
  requestAnimationFrame(draw);
}

// The canvas is as large as what is seen of the graph, never as the graph: browsers refuse
// canvases of more than 16k to 32k pixels, which 2000 frames reach.
function resize() {
  if (place.view === 'table') showRows();
  if (view.hidden) return;
  const ratio = window.devicePixelRatio || 1;
  canvasHeight = view.clientHeight;
  byId('room').style.height = contentHeight() + 'px';
  canvasWidth = view.clientWidth;  // after the scroll bar came or went
  const [width, height] = [Math.round(canvasWidth * ratio), Math.round(canvasHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = canvasWidth + 'px';
    canvas.style.height = canvasHeight + 'px';
  }
  if (!rootOnTop()) view.scrollTop = contentHeight() - canvasHeight - fromBottom;
  if (place.zoom !== 0) reveal(place.zoom);
  draw();
}

// Another tree, or the same one turned: its root comes into sight, or stays where it is.
function showShape(before, reshaped) {
  const nothing = source.total[0] <= 0 || tree.total[0] <= 0;
  byId('empty').hidden = !nothing;
  byId('empty').textContent = rows && base.total[0] <= 0 && rows.sums.some((sum) => sum > 0)
    ? (rows.sums[place.weight] > 0 ? 'No events are left; take a step back above, or press U.'
      : `These events have no ${weightNow().type}; press W for another weight.`)
    : base.total[0] <= 0
    ? 'No stacks were recorded; the ledger above says what became of the events.'
    : place.width !== 'both' && source.totals.some((total) => total[0] > 0)
      ? 'This side has none of these stacks; press W for the other.'
      : 'No stacks are left; take a step back above, or press U.';
  byId('list').hidden = nothing || place.view !== 'table';
  view.hidden = nothing || place.view === 'table';
  byId('turn').textContent = place.icicle ? 'Flame' : 'Icicle';
  byId('turn').disabled = place.view === 'table' || place.view === 'around';
  for (const name of ['stacks', 'reverse', 'table']) {
    byId(name).setAttribute('aria-pressed', String(place.view === name));
  }
  for (const width of WIDTHS) byId('width-' + width).setAttribute('aria-pressed', String(place.width === width));
  for (const button of byId('weights').children) {
    button.setAttribute('aria-pressed', String(Number(button.dataset.weight) === place.weight));
  }
  byId('equal').setAttribute('aria-pressed', String(place.equal));
  hoverOn(null, -1);
  if (reshaped) fromBottom = 0;
  const wasOnTop = before.icicle || before.view === 'around';
  const fromRoot = reshaped ? 0 : wasOnTop ? view.scrollTop : fromBottom;
  fromBottom = fromRoot;
  resize();
  if (rootOnTop()) {
    view.scrollTop = place.view === 'around' ? rowTop(tree.center) - canvasHeight / 2 : fromRoot;
  }
}
