// SPDX-License-Identifier: Apache-2.0
// --- trees: nodes in preorder, one column an array ---------------------------------------------

const profile = JSON.parse(byId('profile').textContent);
const ALL = profile.names.length;  // the frame of the root that holds everything
const names = profile.names.concat(['all']);
const kinds = profile.name_kinds.map((kind) => profile.kinds[kind]).concat(['root']);

// A tree from the columns of its nodes but the root. Nodes from `split` on, if any, are callers of
// the root and not callees: they lie above it, and have an x axis of their own.
function indexTree({ levels, frames, selfs, root = ALL, rootSelf = 0, split, origin = null, cut = 0 }) {
  const n = levels.length + 1;
  const tree = {
    n, split: split || n, origin, cut,
    level: new Int32Array(n), frame: new Int32Array(n), parent: new Int32Array(n),
    end: new Int32Array(n),  // the subtree of i is [i, end[i])
    self: new Float64Array(n), total: new Float64Array(n), x: new Float64Array(n),
  };
  const { level, frame, parent, end, self, total, x } = tree;
  level.set(levels, 1);
  frame.set(frames, 1);
  self.set(selfs, 1);
  frame[0] = root;
  self[0] = rootSelf;
  const last = [0];  // node seen last on each level
  for (let i = 1; i < n; i++) {
    parent[i] = last[level[i] - 1];
    last[level[i]] = i;
  }
  for (let i = n - 1; i > 0; i--) {
    total[i] += self[i];
    if (end[i] === 0) end[i] = i + 1;
    if (i < tree.split || parent[i] !== 0) total[parent[i]] += total[i];
    if (end[parent[i]] === 0) end[parent[i]] = end[i];  // the last child ends last
  }
  total[0] += self[0];
  end[0] = n;
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
  tree.rowNodes = new Int32Array(n);  // nodes by row, each row from left to right
  const fill = tree.rowStart.slice();
  for (let i = 0; i < n; i++) tree.rowNodes[fill[tree.row[i]]++] = i;
}

const base = indexTree({ levels: profile.levels, frames: profile.frames, selfs: profile.self });

// Index into rowNodes of the first node of the row whose right edge lies beyond `value`.
function firstBeyond(from, to, value) {
  while (from < to) {
    const middle = (from + to) >> 1;
    const node = tree.rowNodes[middle];
    if (tree.x[node] + tree.total[node] > value) to = middle; else from = middle + 1;
  }
  return from;
}

// The stacks of base that `keep` marks, by the node they end in.
function prune(keep) {
  const total = new Float64Array(base.n);
  for (let i = base.n - 1; i > 0; i--) {
    if (keep[i]) total[i] += base.self[i];
    total[base.parent[i]] += total[i];
  }
  const levels = [], frames = [], selfs = [], origin = [0];
  for (let i = 1; i < base.n; i++) {
    if (total[i] <= 0) continue;
    levels.push(base.level[i]);
    frames.push(base.frame[i]);
    selfs.push(keep[i] ? base.self[i] : 0);
    origin.push(i);
  }
  return indexTree({ levels, frames, selfs, origin });
}
