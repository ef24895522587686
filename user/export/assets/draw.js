// SPDX-License-Identifier: Apache-2.0
// --- drawing ---------------------------------------------------------------------------------
// A pen is where to draw: { ink, width, height, scroll, colour, ratio, left, top }, the screen's or a
// picture's; `ratio` pixels are one of all other lengths, and (left, top) is where it begins, in pixels.

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

const advances = new Map();  // of each character

function advance(character) {
  let width = advances.get(character);
  if (width === undefined) advances.set(character, width = screenInk.measureText(character).width);
  return width;
}

function labelFor(frame, room) {
  const known = formsOf(frame);
  for (const [text, width] of known) if (width <= room) return text;
  const [text] = known[known.length - 1];
  let length = 0;
  for (let left = room - advance('…'); length < text.length && (left -= advance(text[length])) >= 0;) length++;
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

// Whether a row is only there to show where the zoom is: its side's rows up to the zoom's are.
function outsideZoom(row) {
  const zoomed = tree.row[place.zoom];
  return place.zoom !== 0 && Math.abs(row - tree.center) < Math.abs(zoomed - tree.center) &&
    sideOf(row) !== -sideOf(zoomed);
}

// What is drawn over the pixels of a row: stripes of what is gone, and texts.
function drawOver({ ink, width, scroll, colour, ratio }, row, wide) {
  const searching = state.matches !== null;
  const top = rowTop(row) - scroll;
  ink.globalAlpha = outsideZoom(row) ? (searching ? .8 : .55) : 1;
  for (let i = 0; i < wide.length; i += 3) {
    const node = wide[i];
    const [left, right] = [wide[i + 1] / ratio, Math.min(width, wide[i + 2] / ratio)];
    if (differs && !searching && stateOfNode(node) === GONE) {
      ink.fillStyle = stripes();
      ink.fillRect(left, top, right - left, ROW - 1);
    }
    if (right - left < LABEL_MIN) continue;
    const frame = tree.frame[node];
    const label = labelFor(frame, right - left - 2 * PAD);
    ink.fillStyle = !searching ? colour.ink : state.matches[frame] === 1 ? colour.hitInk : colour.dimInk;
    if (label) ink.fillText(label, left + PAD, top + ROW / 2);
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
  const { ink, width, height, scroll, colour, ratio } = pen;
  ink.globalAlpha = 1;
  ink.fillStyle = colour.page;
  ink.fillRect(0, 0, width, height);
  // A view that is not shown has no width, and there are no images of none.
  if (tree.total[0] <= 0 || Math.round(width * ratio) < 1 || height <= 0) return;
  ink.font = LABEL_FONT;
  ink.textBaseline = 'middle';
  const one = rowAt(scroll);
  const other = rowAt(scroll + height);
  const from = Math.max(0, Math.min(one, other) - 1);
  const to = Math.min(tree.rows - 1, Math.max(one, other) + 1);
  const brush = brushOf(pen);
  for (let row = from; row <= to; row += BAND) {
    const over = [];
    paintBand(pen, row, Math.min(to, row + BAND - 1), brush, (...of) => over.push(of));
    for (const [of, wide] of over) drawOver(pen, of, wide);
  }
  if (place.view === 'around') drawOutline(pen, 0, colour.ring, 2);
}

function draw() {
  drawAsked = false;
  if (view.hidden) return;
  const ratio = window.devicePixelRatio || 1;
  const pen = { ink: screenInk, width: canvasWidth, height: canvasHeight, scroll: view.scrollTop, colour: paint(),
                ratio, left: 0, top: 0 };
  screenInk.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawGraph(pen);
  drawOutline(pen, state.hover, pen.colour.edge, 1);
  drawOutline(pen, state.focus, pen.colour.ring, 2);
}

function askDraw() {
  if (drawAsked) return;
  drawAsked = true;
  requestAnimationFrame(() => { if (drawAsked) draw(); });
}

// The canvas is as large as what is seen of the graph, never as the graph: browsers refuse
// canvases of more than 16k to 32k pixels, which 2000 frames reach.
function fit() {
  if (place.view === 'table') showRows();
  if (view.hidden) return false;
  const ratio = window.devicePixelRatio || 1;
  canvasHeight = view.clientHeight;
  byId('room').style.height = contentHeight() + 'px';
  canvasWidth = view.clientWidth;  // after the scroll bar came or went
  const [width, height] = [Math.round(canvasWidth * ratio), Math.round(canvasHeight * ratio)];
  const other = canvas.width !== width || canvas.height !== height;
  if (other) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = canvasWidth + 'px';
    canvas.style.height = canvasHeight + 'px';
  }
  if (!rootOnTop()) view.scrollTop = contentHeight() - canvasHeight - fromBottom;
  if (place.zoom !== 0) reveal(place.zoom);
  return other;
}

// A canvas of another size is empty, and what is asked for now is drawn in the next frame.
function resize() {
  if (fit()) draw();
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
  fit();
  if (rootOnTop()) {
    view.scrollTop = place.view === 'around' ? rowTop(tree.center) - canvasHeight / 2 : fromRoot;
  }
}
