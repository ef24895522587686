// SPDX-License-Identifier: Apache-2.0
// --- rows: the events that end in one node and have equal labels --------------------------------
// Pages of profiles with several weights or with labels have them; of others the tree has it all.

// What stacks can be weighed by, and which of it counts events, -1 where none does.
let WEIGHTS, EVENTS, rows;

// What rows are told apart by: facets (text) and sizes (numbers, in buckets). `at` has the index of
// a row's value, or its bucket; -1 where the events have no such label.
let DIMENSIONS;

function takeRows() {
  WEIGHTS = profile.weights || [{ type: profile.type, unit: profile.unit }];
  EVENTS = WEIGHTS.findIndex(({ type, unit }) => type === 'events' && unit === 'count');
  rows = profile.rows ? readRows(profile.rows) : null;
  DIMENSIONS = !rows ? [] : [
    ...profile.facets.map(({ name, values }, i) => ({ name, values, at: Int32Array.from(profile.rows.facets[i]) })),
    ...profile.sizes.map(({ name, unit }, i) => sizeOf(name, unit, Int32Array.from(profile.rows.sizes[i]))),
  ];
}

function readRows({ nodes, values }) {
  const node = new Int32Array(nodes.length);
  const ends = new Uint8Array(profile.levels.length + 1);  // of nodes: whether rows end in them
  let at = 1;  // the root is node 0
  for (let i = 0; i < nodes.length; i++) {
    node[i] = at += nodes[i];
    ends[at] = 1;
  }
  const columns = values.map((column) => Float64Array.from(column));
  const sums = columns.map((column) => column.reduce((all, value) => all + value, 0));
  return { n: nodes.length, node, ends, values: columns, sums, failed: new Uint32Array(nodes.length) };
}

function sizeOf(name, unit, at) {
  let [first, last] = [64, 0];
  for (const bucket of at) {
    if (bucket < 0) continue;
    first = Math.min(first, bucket);
    last = Math.max(last, bucket);
  }
  return { name, unit, at, size: true, first, last: Math.max(first, last) };
}

// Bucket 0 is nothing, 1 is 1, 2 is 2 to 4, 3 is 4 to 8, ...
const bucketBegin = (bucket) => bucket === 0 ? 0 : 2 ** (bucket - 1);
const bucketEnd = (bucket) => 2 ** bucket;

// Of a dimension, which values pass: by index + 1, the first being those without any; null where
// all do.
function passing(d, { picks, ranges }) {
  const of = DIMENSIONS[d];
  const range = ranges.find(([which]) => which === d);
  const chosen = picks.filter(([which]) => which === d);
  if (of.size ? !range : chosen.length === 0) return null;
  const flags = new Uint8Array(of.size ? 66 : of.values.length + 1);
  if (of.size) flags.fill(1, range[1] + 1, range[2] + 2);
  else for (const [, value] of chosen) flags[value + 1] = 1;
  return flags;
}

// Marks each row with the dimensions that leave it out, one bit each.
function choose(at) {
  rows.failed.fill(0);
  DIMENSIONS.forEach((of, d) => {
    const flags = passing(d, at);
    if (!flags) return;
    for (let i = 0; i < rows.n; i++) if (!flags[of.at[i] + 1]) rows.failed[i] |= 1 << d;
  });
}

// The self values of the tree's columns: the weight that is drawn, then each weight.
function rowSelfs(weight) {
  const columns = WEIGHTS.map(() => new Float64Array(profile.levels.length));
  WEIGHTS.forEach((_, w) => {
    for (let i = 0; i < rows.n; i++) {
      if (rows.failed[i] === 0) columns[w][rows.node[i] - 1] += rows.values[w][i];
    }
  });
  return VALUES.length === 1 ? columns : [columns[weight], ...columns];
}

// What each value of a dimension has of a weight, whatever is chosen of it, under all else that is
// chosen; `inside` marks the nodes that count.
function sumsOf(d, weight, inside) {
  const { at, size, values } = DIMENSIONS[d];
  const sums = new Float64Array(size ? 66 : values.length + 1);
  const others = ~(1 << d);
  const column = rows.values[weight];
  for (let i = 0; i < rows.n; i++) {
    if ((rows.failed[i] & others) === 0 && inside[rows.node[i]]) sums[at[i] + 1] += column[i];
  }
  return sums;
}

// --- in the address ----------------------------------------------------------------------------

function pickText([d, value]) {
  const { name, values } = DIMENSIONS[d];
  return value < 0 ? name : `${name}=${values[value]}`;
}

function pickOf(text) {
  for (let d = 0; d < DIMENSIONS.length; d++) {
    const { name, values, size } = DIMENSIONS[d];
    if (size) continue;
    if (text === name) return [d, -1];
    const value = text.startsWith(name + '=') ? values.indexOf(text.slice(name.length + 1)) : -1;
    if (value >= 0) return [d, value];
  }
  return null;
}

const rangeText = ([d, first, last]) => `${DIMENSIONS[d].name}=${bucketBegin(first)}-${bucketEnd(last)}`;

function rangeOf(text) {
  const [, name, from, to] = /^([^]*)=(\d{1,20})-(\d{1,20})$/.exec(text) || [];
  const d = DIMENSIONS.findIndex((of) => of.size && of.name === name);
  if (d < 0) return null;
  const first = Number(from) < 1 ? 0 : Math.floor(Math.log2(Number(from))) + 1;
  const last = Number(to) < 2 ? 0 : Math.ceil(Math.log2(Number(to)));
  return first <= last && last < 64 ? [d, first, last] : null;
}
