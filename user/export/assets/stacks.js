// SPDX-License-Identifier: Apache-2.0
// --- functions: frames of one name, whatever their kind ------------------------------------------

let sameNames = null;

// Of each frame, the first frame of its name. A method that was interpreted and then compiled is
// several frames, and one function.
function sameName() {
  if (sameNames) return sameNames;
  const first = new Map();
  sameNames = Int32Array.from(names, (name, frame) => {
    if (frame === ALL) return ALL;
    if (!first.has(name)) first.set(name, frame);
    return first.get(name);
  });
  return sameNames;
}

function frameNamed(name) {
  const frame = names.indexOf(name);
  return frame === ALL ? -1 : frame;
}

// Selfs and totals of every function of `source`, totals counted once a stack.
function functionsOf(source) {
  const name = sameName();
  const column = () => new Float64Array(ALL + 1);
  const selfs = VALUES.map(column);
  const totals = VALUES.map(column);
  const until = new Int32Array(ALL + 1);   // where the outermost node of a function ends
  const weight = column();
  const look = new Int32Array(ALL + 1).fill(-1);  // the frame that lends its kind
  for (let i = 1; i < source.n; i++) {
    const frame = source.frame[i];
    const f = name[frame];
    const outermost = i >= until[f];
    for (const value of VALUES) {
      selfs[value][f] += source.selfs[value][i];
      if (outermost) totals[value][f] += source.totals[value][i];
    }
    if (outermost) until[f] = source.end[i];
    weight[frame] += source.total[i];
    if (look[f] < 0 || weight[frame] > weight[look[f]]) look[f] = frame;
  }
  const all = [];
  for (let f = 0; f < ALL; f++) if (totals.some((total) => total[f] > 0)) all.push(f);
  return { all, selfs, totals, self: selfs[WIDTH], total: totals[WIDTH], look };
}

// --- which stacks are shown ----------------------------------------------------------------------

// Of every node of `of`, whether it or a caller passes the test.
function below(of, test) {
  const flags = new Uint8Array(of.n);
  for (let i = 1; i < of.n; i++) flags[i] = flags[of.parent[i]] || test(of.frame[i]) ? 1 : 0;
  return flags;
}

// Of every node of base, whether the `length` frames up from it are those up from `like`.
function endsLike(like, length) {
  const flags = new Uint8Array(base.n);
  for (let i = 1; i < base.n; i++) {
    if (!(rows ? rows.ends[i] : endsStacks(base, i)) || base.level[i] < length) continue;
    let [a, b, left] = [i, like, length];
    while (left > 0 && base.frame[a] === base.frame[b]) {
      a = base.parent[a];
      b = base.parent[b];
      left--;
    }
    flags[i] = left === 0 ? 1 : 0;
  }
  return flags;
}

const inRange = (from, to) => new Uint8Array(base.n).fill(1, from, to);

// A filter is [what, value]: `only` and `without` have a function's name; `cut` a place in base:
// the node whose subtree it is, or "node.length" for stacks that end alike.
function passes([what, value]) {
  if (what === 'only' || what === 'without') {
    const wanted = frameNamed(value);
    return below(base, (frame) => sameName()[frame] === wanted);
  }
  const [node, length] = cutPlace(value);
  return length ? endsLike(node, length) : inRange(node, base.end[node]);
}

const cutPlace = (value) => value.split('.').map(Number);

function validFilter([what, value]) {
  if (what === 'only' || what === 'without') return frameNamed(value) >= 0;
  if (what !== 'cut' || !/^\d{1,9}(\.\d{1,9})?$/.test(value)) return false;
  const [node, length = 1] = cutPlace(value);
  return node > 0 && node < base.n && length > 0 && length <= base.level[node];
}

function kept(filters) {
  const keep = new Uint8Array(base.n).fill(1);
  for (const filter of filters) {
    const flags = passes(filter);
    const wanted = filter[0] === 'only' ? 1 : 0;
    for (let i = 0; i < base.n; i++) if (flags[i] !== wanted) keep[i] = 0;
  }
  return keep;
}

// The nodes of base whose stacks are seen now, whatever the view and the labels of their events.
function shownNodes() {
  const filters = place.filters.slice();
  if (place.view === 'around') filters.push(['only', place.of]);
  const keep = kept(filters);
  const zoom = cutOf(place.zoom);
  if (!zoom) return keep;
  const inside = passes(zoom);
  return keep.map((flag, i) => flag & inside[i]);
}

// The part of the graph that is zoomed to, as the filter that would take it away; null where there
// is none, or it is of the callers and callees of a frame.
function cutOf(node) {
  if (node === 0 || place.view === 'around') return null;
  if (place.view === 'reverse') return ['cut', `${baseNode(tree.origin[node])}.${tree.level[node]}`];
  return ['cut', String(tree === source ? baseNode(node) : tree.origin[node])];
}

// A node of `source` in base.
const baseNode = (node) => source.origin ? source.origin[node] : node;
