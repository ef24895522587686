// SPDX-License-Identifier: Apache-2.0
// --- merging: the same frames by leaf, or around one frame --------------------------------------

// Calls `assign(from, to, child)` for each child that the nodes first[from..to), all under one
// parent, make together; afterwards they lie grouped by child. Children are in the order of names.
let seenBy, seenAs;  // of a frame: the run it was last seen in, and its child there
let runs = 0;

function takeFrames() {
  seenBy = new Int32Array(ALL + 1);
  seenAs = new Int32Array(ALL + 1);
  runs = 0;
  sameNames = null;
  forms.clear();
}

function childFrames(tree_, nodes, from, to) {
  if (to - from === 1) return [tree_.frame[nodes[from]]];
  const run = ++runs;
  const frames = [];
  for (let k = from; k < to; k++) {
    const frame = tree_.frame[nodes[k]];
    if (seenBy[frame] === run) continue;
    seenBy[frame] = run;
    frames.push(frame);
  }
  return frames.sort((a, b) => names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b);
}

// Merges stacks of `source` frame by frame, level by level. `nodes` are where they begin; they go
// on with the callers (`up`) or with the callees. Going up, nodes[k] stands for weights[value][k].
function merge(source, nodes, weights, up) {
  const grown = { levels: [], frames: [], selfs: VALUES.map(() => []), parents: [], origin: [], cut: 0 };
  let ids = nodes.map((_, k) => k);                 // of each node, the stack it belongs to
  let owners = new Int32Array(nodes.length).fill(-1);  // and what it hangs under; equal ones adjoin
  const starts = nodes;
  for (let level = 1; nodes.length > 0; level++) {
    if (grown.levels.length > MAX_MERGED) {
      grown.cut = level - 1;
      for (let k = 0; k < nodes.length; k++) {
        for (const value of VALUES) {
          grown.selfs[value][owners[k]] += up ? weights[value][ids[k]] : source.totals[value][nodes[k]];
        }
      }
      break;
    }
    const first = grown.levels.length;
    const child = addLevel(source, nodes, owners, grown, level);
    const [order, bounds] = orderBy(child, first, grown.levels.length);
    const next = { nodes: [], ids: [], owners: [] };
    for (let c = first; c < grown.levels.length; c++) {
      grown.origin.push(up ? starts[ids[order[bounds[c - first]]]] : 0);
      for (let k = bounds[c - first]; k < bounds[c - first + 1]; k++) {
        stepOn(source, nodes[order[k]], ids[order[k]], c, weights, up, grown, next);
      }
    }
    ({ nodes, ids, owners } = next);
  }
  return inPreorder(grown);
}

// One level of children; returns the child of each node.
function addLevel(source, nodes, owners, grown, level) {
  const child = new Int32Array(nodes.length);
  for (let from = 0; from < nodes.length;) {
    let to = from + 1;
    while (to < nodes.length && owners[to] === owners[from]) to++;
    for (const frame of childFrames(source, nodes, from, to)) {
      seenAs[frame] = grown.levels.length;
      grown.levels.push(level);
      grown.frames.push(frame);
      for (const value of VALUES) grown.selfs[value].push(0);
      grown.parents.push(owners[from]);
    }
    for (let k = from; k < to; k++) child[k] = seenAs[source.frame[nodes[k]]];
    from = to;
  }
  return child;
}

// Counting sort: positions by their key in [first, end), and where each key's begin.
function orderBy(keys, first, end) {
  const bounds = new Int32Array(end - first + 1);
  for (const key of keys) bounds[key - first + 1]++;
  for (let k = 0; k < end - first; k++) bounds[k + 1] += bounds[k];
  const order = new Int32Array(keys.length);
  const fill = bounds.slice();
  for (let k = 0; k < keys.length; k++) order[fill[keys[k] - first]++] = k;
  return [order, bounds];
}

function stepOn(source, node, id, child, weights, up, grown, next) {
  const go = (to) => { next.nodes.push(to); next.ids.push(id); next.owners.push(child); };
  if (up) {
    if (source.parent[node] !== 0) go(source.parent[node]);
    else for (const value of VALUES) grown.selfs[value][child] += weights[value][id];
    return;
  }
  for (const value of VALUES) grown.selfs[value][child] += source.selfs[value][node];
  for (let c = node + 1; c < source.end[node]; c = source.end[c]) go(c);
}

// Breadth first, as merge() grows them, to preorder, as trees are: siblings are adjacent and in
// order, so a node's place follows from its parent's and the sizes of the siblings before it.
function inPreorder({ levels, frames, selfs, parents, origin, cut }) {
  const n = levels.length;
  const size = new Int32Array(n).fill(1);
  for (let i = n - 1; i >= 0; i--) if (parents[i] >= 0) size[parents[i]] += size[i];
  const at = new Int32Array(n);
  const used = new Int32Array(n);
  let roots = 0;
  const sorted = { levels: new Int32Array(n), frames: new Int32Array(n),
                   selfs: VALUES.map(() => new Float64Array(n)),
                   origin: new Int32Array(n + 1), cut };
  for (let i = 0; i < n; i++) {
    const parent = parents[i];
    at[i] = parent < 0 ? roots : at[parent] + 1 + used[parent];
    if (parent < 0) roots += size[i]; else used[parent] += size[i];
    sorted.levels[at[i]] = levels[i];
    sorted.frames[at[i]] = frames[i];
    for (const value of VALUES) sorted.selfs[value][at[i]] = selfs[value][i];
    sorted.origin[at[i] + 1] = origin[i];  // the root is node 0
  }
  return sorted;
}

function reversed(source) {
  const leaves = [];
  for (let i = 1; i < source.n; i++) if (endsStacks(source, i)) leaves.push(i);
  return indexTree(merge(source, leaves, source.selfs.map((self) => leaves.map((i) => self[i])), true));
}

// The nodes of a function that lie in no other of its nodes: a stack counts once however often the
// function calls itself.
function outermost(source, wanted) {
  const found = [];
  for (let i = 1; i < source.n;) {
    const hit = sameName()[source.frame[i]] === wanted;
    if (hit) found.push(i);
    i = hit ? source.end[i] : i + 1;
  }
  return found;
}

// Callees of a function below it, its callers above, each side merged.
function around(source, wanted) {
  const found = outermost(source, wanted);
  const inner = [];
  const called = [];
  const rootSelf = VALUES.map(() => 0);
  for (const node of found) {
    for (const value of VALUES) rootSelf[value] += source.selfs[value][node];
    for (let c = node + 1; c < source.end[node]; c = source.end[c]) inner.push(c);
    if (source.parent[node] !== 0) called.push(node);
  }
  const down = merge(source, inner, null, false);
  const weights = source.totals.map((total) => called.map((i) => total[i]));
  const up = merge(source, called.map((i) => source.parent[i]), weights, true);
  return indexTree({
    levels: [...down.levels, ...up.levels], frames: [...down.frames, ...up.frames],
    selfs: VALUES.map((value) => [...down.selfs[value], ...up.selfs[value]]), root: found.length ? source.frame[found[0]] : wanted,
    rootSelf, split: down.levels.length + 1, cut: up.cut || down.cut,
  });
}
