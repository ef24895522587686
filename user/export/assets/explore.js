// SPDX-License-Identifier: Apache-2.0
// --- zoom, focus, search ---------------------------------------------------------------------

// Self values of merged callers say where stacks begin, which nobody calls their own.
const hasSelf = (node) => place.view !== 'reverse' && node < tree.split;

function describe(node) {
  const frame = tree.frame[node];
  const total = shown(tree.totals, node);
  const whole = shown(source.totals, 0);
  const parts = [amount(total), portion(total, whole)];
  const zoomed = place.zoom !== 0 && node >= place.zoom && node < tree.end[place.zoom];
  if (zoomed) parts.push(`${portion(total, shown(tree.totals, place.zoom))} of the zoom`);
  else if (place.view === 'around') parts.push(`${portion(total, shown(tree.totals, 0))} of the frame`);
  if (differs) parts.splice(1, 0, changeText(total));
  const self = shown(tree.selfs, node);
  return [names[frame], parts.join(' · '),
          hasSelf(node) ? `self ${amount(self)} · ${portion(self, whole)}` : '',
          differs ? `${kindText(frame)} · ${STATES[stateOfNode(node)][0]}` : kindText(frame),
          otherWeights(tree.totals, node)];
}

function reveal(node) {
  const top = rowTop(tree.row[node]);
  if (top < view.scrollTop) view.scrollTop = Math.max(0, top - 2 * ROW);
  if (top + ROW > view.scrollTop + canvasHeight) view.scrollTop = top + 3 * ROW - canvasHeight;
}

// Brings what is below a node on the stack into sight, and then the node itself.
function revealSubtree(node) {
  if (node !== 0) {
    let deepest = node;
    for (let i = node + 1; i < tree.end[node]; i++) if (tree.level[i] > tree.level[deepest]) deepest = i;
    reveal(deepest);
  }
  reveal(node);
}

// Calls `then` when the zoom is reached.
function showZoom(then) {
  if (state.matches) showMatched();
  if (view.hidden) return then();
  if (place.zoom !== 0) revealSubtree(place.zoom);
  const run = ++zoomRun;
  const from = [state.left, state.width];
  const to = windowOf(place.zoom);
  if (from[0] === to[0] && from[1] === to[1]) {
    askDraw();
    return then();
  }
  const started = performance.now();
  const step = (now) => {
    if (run !== zoomRun) return;
    const t = stillSystem.matches ? 1 : Math.min(1, Math.max(0, now - started) / ZOOM_MS);
    const eased = 1 - (1 - t) ** 3;
    state.left = t === 1 ? to[0] : from[0] + (to[0] - from[0]) * eased;
    state.width = t === 1 ? to[1] : from[1] + (to[1] - from[1]) * eased;
    draw();
    if (t < 1) requestAnimationFrame(step); else setTimeout(then);
  };
  requestAnimationFrame(step);
}

const zoomTo = (node) => go({ zoom: node });

function focusOn(node) {
  state.focus = node;
  state.byKey = true;
  byId('tip').hidden = true;
  const [name, value, self, kind, others] = describe(node);
  byId('spoken').textContent = `${name}, ${kind}, ${value}${self ? ', ' + self : ''}${others ? ', ' + others : ''}`;
  reveal(node);
  askDraw();
}

// Of the stacks shown, the share that holds a match anywhere: nested matches count once.
function matchedTotal() {
  const found = below(source, (frame) => state.matches[frame] === 1);
  const wanted = place.view === 'around' ? frameNamed(place.of) : -1;
  const inside = wanted < 0 ? null : below(source, (frame) => sameName()[frame] === wanted);
  return source.selfs.map((self) => {
    let sum = 0;
    for (let i = 1; i < source.n; i++) if (found[i] && (!inside || inside[i])) sum += self[i];
    return sum;
  });
}

// How many hits come before a node.
function hitsBefore(node) {
  let [from, to] = [0, state.hits.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (state.hits[middle] >= node) to = middle; else from = middle + 1;
  }
  return from;
}

// Of each position in the rows, how many frames before it match: drawing asks for those of a pixel.
function countRowHits() {
  const counts = new Int32Array(tree.n + 1);
  for (let at = 0; at < tree.n; at++) counts[at + 1] = counts[at] + state.matches[tree.rowFrame[at]];
  return counts;
}

function showMatched() {
  const found = shownValues().map((value) => state.found[value]);
  const whole = shown(place.view === 'around' ? tree.totals : source.totals, 0);
  let text = `${portion(found, whole)} matched, ${amount(found)}`;
  if (place.zoom !== 0 && place.view !== 'around') {
    const [from, to] = [place.zoom, tree.end[place.zoom]];
    // The hits lie apart and in order: those of the zoom adjoin, or the one before them holds all of it.
    const first = hitsBefore(from);
    const within = first > 0 && tree.end[state.hits[first - 1]] >= to;
    const inside = shownValues().map((value) => {
      if (within) return tree.totals[value][from];
      let sum = 0;
      for (let at = first; at < state.hits.length && state.hits[at] < to; at++) sum += tree.totals[value][state.hits[at]];
      return sum;
    });
    text += ` · ${portion(inside, shown(tree.totals, place.zoom))} of the zoom`;
  }
  byId('matched').textContent = text;
}

function patternOf(text) {
  if (text === '') return null;
  try {
    return new RegExp(text, text === text.toLowerCase() ? 'i' : '');  // capitals make it exact
  } catch {
    return null;
  }
}

function search(changed) {
  const field = byId('search');
  if (field.value !== place.q) field.value = place.q;
  const pattern = patternOf(place.q);
  if (changed) {
    // The root "all" has no name of its own.
    state.matches = pattern && Uint8Array.from(names, (name, i) => i < ALL && pattern.test(name) ? 1 : 0);
  }
  const wrong = place.q !== '' && pattern === null;
  if (wrong) field.setAttribute('aria-invalid', 'true'); else field.removeAttribute('aria-invalid');
  byId('matched').textContent = wrong ? 'not a regular expression' : '';
  state.hits = [];
  state.hit = -1;
  for (let i = 1; state.matches && i < tree.n;) {
    const hit = state.matches[tree.frame[i]] === 1;
    if (hit) state.hits.push(i);
    i = hit ? tree.end[i] : i + 1;
  }
  state.found = state.matches && matchedTotal();
  state.hitsBefore = state.matches && countRowHits();
  byId('next').disabled = byId('previous').disabled = state.hits.length === 0 || place.view === 'table';
  if (state.matches) showMatched();
}

function nextHit(step) {
  if (state.hits.length === 0 || view.hidden) return;
  state.hit = state.hit < 0 ? (step > 0 ? 0 : state.hits.length - 1)
                            : (state.hit + step + state.hits.length) % state.hits.length;
  const node = state.hits[state.hit];
  if (node < place.zoom || node >= tree.end[place.zoom]) zoomTo(0);
  focusOn(node);
}

// The neighbour in a direction on the screen, within what the zoom shows.
function neighbour(node, key) {
  const side = sideOf(tree.row[node]);
  const downIsDeeper = place.view === 'around' ? side >= 0 : place.icicle;
  if (key === 'ArrowLeft' || key === 'ArrowRight') return besides(node, key === 'ArrowRight' ? 1 : -1);
  if (node === 0 && place.view === 'around') {
    return key === 'ArrowDown' ? widest(1, tree.split, 0) : widest(tree.split, tree.n, 0);
  }
  if ((key === 'ArrowDown') !== downIsDeeper) return tree.parent[node];
  if (tree.level[node] < tree.level[place.zoom] && node < place.zoom && tree.end[node] > place.zoom) {
    let up = place.zoom;
    while (tree.level[up] > tree.level[node] + 1) up = tree.parent[up];
    return up;
  }
  return widest(node + 1, tree.end[node], node);  // the way most events go
}

function widest(from, to, otherwise) {
  let best = otherwise;
  for (let c = from; c < to; c = tree.end[c]) {
    if (best === otherwise || tree.total[c] > tree.total[best]) best = c;
  }
  return best;
}

function besides(node, step) {
  const row = tree.row[node];
  let low = tree.rowStart[row];
  let high = tree.rowStart[row + 1] - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tree.rowNodes[middle] < node) low = middle + 1; else high = middle;
  }
  const at = low + step;
  if (at < tree.rowStart[row] || at >= tree.rowStart[row + 1]) return node;
  const other = tree.rowNodes[at];
  return other >= place.zoom && other < tree.end[place.zoom] ? other : node;
}

function nodeAt(event) {
  const box = canvas.getBoundingClientRect();
  const row = rowAt(event.clientY - box.top + view.scrollTop);
  if (row < 0 || row >= tree.rows || tree.total[0] <= 0) return -1;
  const [origin, width] = windowOfRow(row);
  const perPixel = width / canvasWidth;
  const value = origin + (event.clientX - box.left) * perPixel;
  const to = tree.rowStart[row + 1];
  const at = firstBeyond(tree.rowStart[row], to, value);
  // A hairline is drawn a whole pixel wide, so its frame may begin just right of the pointer.
  if (at < to && tree.x[tree.rowNodes[at]] <= value + perPixel) return tree.rowNodes[at];
  return -1;
}

function showTip(event, node) {
  const tip = byId('tip');
  tip.hidden = node < 0 || !byId('menu').hidden;
  if (tip.hidden) return;
  describe(node).forEach((text, i) => { if (tip.children[i]) tip.children[i].textContent = text; });
  const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 10);
  const above = event.clientY - tip.offsetHeight - 14;
  tip.style.left = Math.max(8, left) + 'px';
  tip.style.top = (above > 8 ? above : event.clientY + 18) + 'px';
}

function hoverOn(event, node) {
  showTip(event, node);
  if (node === state.hover) return;
  state.hover = node;
  if (node >= 0) state.byKey = false;
  canvas.style.cursor = node < 0 ? 'default' : 'pointer';
  askDraw();
}
