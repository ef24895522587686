// SPDX-License-Identifier: Apache-2.0
// --- trees: nodes in preorder, one column an array ---------------------------------------------

// What follows from the profile is made by functions take...(), here and in the files behind: another
// profile may come to the page that is there (renew.js).
let profile, names, kinds;
let ALL;  // the frame of the root that holds everything

// A profile has one value a stack: how wide the stack is drawn. A difference has three, with what
// the stack has in the base and in the new profile; one of several weights has each of them after it.
let differs, VALUES;
const WIDTH = 0, BEFORE = 1, AFTER = 2;
const WEIGHT = 1;  // the column of the first weight, where there are several

function takeProfile(next) {
  profile = next.version === 2 ? unpackedProfile(next) : next;
  ALL = profile.names.length;
  names = profile.names.concat(['all']);
  kinds = profile.name_kinds.map((kind) => profile.kinds[kind]).concat(['root']);
  differs = profile.before !== undefined;
  VALUES = differs ? [WIDTH, BEFORE, AFTER]
    : profile.weights && profile.weights.length > 1 ? [WIDTH, ...profile.weights.map((_, i) => i + 1)] : [WIDTH];
  base = null;
  scale = 1;
}

// A tree from the columns of its nodes but the root; `selfs` and `rootSelf` have one for each of
// VALUES. Nodes from `split` on, if any, are callers of the root and not callees: they lie above
// it, and have an x axis of their own.
function indexTree({ levels, frames, selfs, root = ALL, rootSelf = null, split, origin = null, cut = 0 }) {
  const n = levels.length + 1;
  const column = () => new Float64Array(n);
  const tree = {
    n, split: split || n, origin, cut,
    level: new Int32Array(n), frame: new Int32Array(n), parent: new Int32Array(n),
    end: new Int32Array(n),  // the subtree of i is [i, end[i])
    selfs: VALUES.map(column), totals: VALUES.map(column), x: column(),
  };
  const { level, frame, parent, end, x } = tree;
  tree.self = tree.selfs[WIDTH];
  tree.total = tree.totals[WIDTH];
  level.set(levels, 1);
  frame.set(frames, 1);
  frame[0] = root;
  const last = [0];  // node seen last on each level
  for (let i = 1; i < n; i++) {
    parent[i] = last[level[i] - 1];
    last[level[i]] = i;
  }
  for (let i = n - 1; i > 0; i--) {
    if (end[i] === 0) end[i] = i + 1;
    if (end[parent[i]] === 0) end[parent[i]] = end[i];  // the last child ends last
  }
  end[0] = n;
  for (const value of VALUES) {
    tree.selfs[value].set(selfs[value], 1);
    if (rootSelf) tree.selfs[value][0] = rootSelf[value];
    addUp(tree, tree.selfs[value], tree.totals[value]);
  }
  const total = tree.total;
  const next = new Float64Array(n);  // where the next child of a node begins
  for (let i = 1; i < n; i++) {
    if (i === tree.split) next[0] = 0;
    x[i] = next[parent[i]];
    next[parent[i]] += total[i];
    next[i] = x[i];
  }
  placeRows(tree);
  return tree;
}

function addUp({ n, split, parent }, self, total) {
  for (let i = n - 1; i > 0; i--) {
    total[i] += self[i];
    if (i < split || parent[i] !== 0) total[parent[i]] += total[i];
  }
  total[0] += self[0];
}

// Row 0 is the root of a whole tree; callers have the rows before their root's.
function placeRows(tree) {
  const { n, level, split } = tree;
  let above = 0;
  let below = 0;
  for (let i = split; i < n; i++) above = Math.max(above, level[i]);
  for (let i = 0; i < split; i++) below = Math.max(below, level[i]);
  tree.center = above;
  tree.rows = above + below + 1;
  tree.row = new Int32Array(n);
  tree.rowStart = new Int32Array(tree.rows + 1);
  for (let i = 0; i < n; i++) {
    tree.row[i] = i < split ? above + level[i] : above - level[i];
    tree.rowStart[tree.row[i] + 1]++;
  }
  for (let r = 0; r < tree.rows; r++) tree.rowStart[r + 1] += tree.rowStart[r];
  // Nodes by row, each row from left to right, with what drawing looks for.
  tree.rowNodes = new Int32Array(n);
  tree.rowFrame = new Int32Array(n);
  tree.rowX = new Float64Array(n);
  tree.rowEnd = new Float64Array(n);
  const fill = tree.rowStart.slice();
  for (let i = 0; i < n; i++) {
    const at = fill[tree.row[i]]++;
    tree.rowNodes[at] = i;
    tree.rowFrame[at] = tree.frame[i];
    tree.rowX[at] = tree.x[i];
    tree.rowEnd[at] = tree.x[i] + tree.total[i];
  }
}

// All stacks. Of a difference, a stack is as wide as in the base, in the new profile or in that of
// the two that has more of it, which leaves none out. Where totals are made `equal`, what the base
// has is scaled for widths and changes; the counts stay those that were counted.
let base = null;
let scale = 1;  // of what the base has

function weighBase(at) {
  const { width, equal } = at;
  const { levels, frames, self, before } = profile;
  if (rows) {
    choose(at);
    base = indexTree({ levels, frames, selfs: rowSelfs(at.weight) });
    return;
  }
  if (!differs) {
    base = base || indexTree({ levels, frames, selfs: [self] });
    return;
  }
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  scale = equal && sum(before) > 0 && sum(self) > 0 ? sum(self) / sum(before) : 1;
  const wide = { base: (b) => b * scale, new: (b, a) => a, both: (b, a) => Math.max(b * scale, a) }[width];
  base = indexTree({ levels, frames, selfs: [before.map((b, i) => wide(b, self[i])), before, self] });
}

// Whether stacks end in a node.
function endsStacks(of, node) {
  return of.self[node] > 0 || (differs && (of.selfs[BEFORE][node] > 0 || of.selfs[AFTER][node] > 0));
}

// A tree without the nodes that have no width, which are what one side of a difference has not, or
// no event that was chosen;
// what their callers have in all stays. `origins` are those of the nodes in base or source.
function visible(of, origins) {
  if (!differs && !rows) return of;
  const levels = [], frames = [], origin = [0], places = [0];
  let split = 1;
  for (let i = 1; i < of.n; i++) {
    if (of.total[i] <= 0) continue;
    levels.push(of.level[i]);
    frames.push(of.frame[i]);
    origin.push(origins ? origins(i) : 0);
    places.push(i);
    if (i < of.split) split++;
  }
  if (places.length === of.n) return of;
  const pick = (column) => places.map((i) => column[i]);
  const seen = indexTree({
    levels, frames, selfs: of.selfs.map((self) => pick(self).slice(1)), root: of.frame[0],
    rootSelf: of.selfs.map((self) => self[0]), split, origin: origins ? origin : null, cut: of.cut,
  });
  for (const value of VALUES) seen.totals[value].set(pick(of.totals[value]));
  return seen;
}

// Index into rowNodes of the first node of the row whose right edge lies beyond `value`.
function firstBeyond(from, to, value) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (tree.rowEnd[middle] > value) to = middle; else from = middle + 1;
  }
  return from;
}

// The stacks of base that `keep` marks, by the node they end in.
function prune(keep) {
  const wanted = new Uint8Array(base.n);
  for (let i = base.n - 1; i > 0; i--) {
    if (keep[i] && endsStacks(base, i)) wanted[i] = 1;
    if (wanted[i]) wanted[base.parent[i]] = 1;
  }
  const levels = [], frames = [], selfs = VALUES.map(() => []), origin = [0];
  for (let i = 1; i < base.n; i++) {
    if (!wanted[i]) continue;
    levels.push(base.level[i]);
    frames.push(base.frame[i]);
    for (const value of VALUES) selfs[value].push(keep[i] ? base.selfs[value][i] : 0);
    origin.push(i);
  }
  return indexTree({ levels, frames, selfs, origin });
}
