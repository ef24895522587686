// SPDX-License-Identifier: Apache-2.0
// --- state -----------------------------------------------------------------------------------

const view = byId('view');
const canvas = byId('graph');
const screenInk = canvas.getContext('2d', { alpha: false });
const darkSystem = matchMedia('(prefers-color-scheme: dark)');
const stillSystem = matchMedia('(prefers-reduced-motion: reduce)');

// What is shown, all of which the address holds. `view` is stacks, reverse, table or around (the
// callers and callees of the function `of`); theme '' follows the system. `width` and `equal` are of
// differences: which side widths are of, and whether the base is scaled. `picks` has values of facets,
// [dimension, value], and `ranges` buckets of sizes, [dimension, first, last].
let START, place;
const sorts = () => differs ? ['name', 'state', 'self', 'before', 'after', 'delta'] : ['name', 'kind', 'self', 'total'];
const WIDTHS = ['both', 'base', 'new'];
let source;  // base without the stacks that the filters take away
let tree;    // what is drawn: source, reversed or around a function, where it has a width

const state = {
  left: 0, width: 0,     // what is shown of the root's values; moves while zooming
  hover: -1, focus: -1,  // nodes under the pointer and at the keyboard
  byKey: false,          // the keyboard chose last
  matches: null,         // per frame, or null where nothing is searched for
  hits: [], hit: -1,     // nodes found that lie in no other found node
  found: null, hitsBefore: null,  // what the found stacks have; how many frames match, by position in the rows
  depth: 0,              // steps taken on this page that the back button takes back
  taken: 0,              // profiles that were on it
  pressed: false, pointer: null,  // a button of the mouse is; where it was last on the graph
  wish: null, wished: null,       // what was to be shown of the last profile, and the place that came of it
};
let canvasWidth = 0;
let canvasHeight = 0;
let fromBottom = 0;  // of the scrolled graph: a flame graph keeps its root where it is
let drawAsked = false;
let zoomRun = 0;

function takePlace() {
  place = START = {
    view: 'stacks', of: '', filters: [], zoom: 0, q: '', icicle: false, theme: '',
    sort: differs ? '-delta' : '-total', width: 'both', equal: profile.normalise === true,
    weight: profile.weight || 0, picks: [], ranges: [],
  };
  weighBase(place);
  source = tree = base;
  Object.assign(state, { hover: -1, focus: -1, matches: null, hits: [], hit: -1, taken: state.taken + 1 });
}

// --- the address -------------------------------------------------------------------------------

function fragmentOf(at) {
  const parts = new URLSearchParams();
  if (at.view !== START.view) parts.append('view', at.view);
  if (at.view === 'around') parts.append('of', at.of);
  if (at.weight !== START.weight) parts.append('weight', WEIGHTS[at.weight].type);
  for (const pick of at.picks) parts.append('pick', pickText(pick));
  for (const range of at.ranges) parts.append('range', rangeText(range));
  for (const [what, value] of at.filters) parts.append(what, value);
  if (at.zoom > 0) parts.append('zoom', at.zoom);
  if (at.q !== '') parts.append('q', at.q);
  if (at.icicle) parts.append('icicle', '1');
  if (at.theme) parts.append('theme', at.theme);
  if (at.sort !== START.sort) parts.append('sort', at.sort);
  if (at.width !== START.width) parts.append('width', at.width);
  if (at.equal !== START.equal) parts.append('equal', at.equal ? '1' : '0');
  return parts.toString();
}

// An address may be typed, or be that of another profile: what does not fit is left out.
function placeOf(fragment) {
  const at = { ...START, filters: [], picks: [], ranges: [] };
  for (const [what, value] of new URLSearchParams(fragment.replace(/^#/, ''))) {
    if (what === 'view' && ['stacks', 'reverse', 'table', 'around'].includes(value)) at.view = value;
    else if (what === 'of' && frameNamed(value) >= 0) at.of = value;
    else if (what === 'zoom' && /^\d{1,9}$/.test(value)) at.zoom = Number(value);
    else if (what === 'q') at.q = value;
    else if (what === 'icicle') at.icicle = value === '1';
    else if (what === 'theme' && (value === 'dark' || value === 'light')) at.theme = value;
    else if (what === 'sort' && sorts().includes(value.replace('-', ''))) at.sort = value;
    else if (what === 'width' && differs && WIDTHS.includes(value)) at.width = value;
    else if (what === 'equal' && differs && /^[01]$/.test(value)) at.equal = value === '1';
    else if (what === 'weight' && WEIGHTS.some(({ type }) => type === value)) {
      at.weight = WEIGHTS.findIndex(({ type }) => type === value);
    } else if (what === 'pick' && pickOf(value)) at.picks.push(pickOf(value));
    else if (what === 'range' && rangeOf(value)) at.ranges.push(rangeOf(value));
    else if (validFilter([what, value])) at.filters.push([what, value]);
  }
  if (at.view === 'around' && at.of === '') at.view = START.view;
  return at;
}

function record(taken) {
  try {
    const address = '#' + fragmentOf(place);
    if (taken) history.pushState({ depth: state.depth + 1, of: state.taken }, '', address);
    else history.replaceState({ depth: state.depth, of: state.taken }, '', address);
    if (taken) state.depth++;
  } catch {
    // A page in a sandboxed frame has no address to write to; all else works.
  }
}

// A step to somewhere else: the back button and U undo it.
function go(change) {
  const next = { ...place, ...change };
  if (fragmentOf(next) === fragmentOf(place)) return;
  show(next);
  record(true);
}

// How it looks and what is searched for: kept in the address, but no step.
function set(change) {
  show({ ...place, ...change });
  clearTimeout(set.timer);
  set.timer = setTimeout(() => record(false), TYPING_MS);
}

function undo() {
  if (state.depth > 0) history.back();
  else if (place.zoom !== 0) go({ zoom: 0 });
  else if (place.view === 'around') go({ view: 'stacks', zoom: 0 });
  else if (place.filters.length > 0) go({ filters: place.filters.slice(0, -1) });
  else if (place.ranges.length > 0) go({ ranges: place.ranges.slice(0, -1) });
  else if (place.picks.length > 0) go({ picks: place.picks.slice(0, -1) });
  else say('Nothing to undo');
}

// Going back takes back steps, not the look of the page nor what is searched for.
function onHistory(event) {
  clearTimeout(set.timer);
  const at = placeOf(location.hash);
  state.depth = event.state ? event.state.depth : 0;
  // Places have other numbers in another profile.
  if (event.state && event.state.of !== state.taken) {
    Object.assign(at, { zoom: 0, filters: at.filters.filter(([what]) => what !== 'cut') });
  }
  const { q, icicle, theme, sort, width, equal, weight } = place;
  show(event.state ? { ...at, q, icicle, theme, sort, width, equal, weight } : at);
  record(false);
}

// Shows a place, redoing what differs from the place of now.
function show(next) {
  const before = place;
  const first = before === START;
  const other = (key) => JSON.stringify(before[key]) !== JSON.stringify(next[key]);
  const weighed = first || ['width', 'equal', 'weight', 'picks', 'ranges'].some(other);
  const filtered = weighed || other('filters');
  const reshaped = filtered || before.view !== next.view || before.of !== next.of;
  const zoomed = pathTo(before.zoom);
  const focused = pathTo(Math.max(0, state.focus));
  place = { ...next };
  if (weighed) weighBase(place);
  if (filtered) source = place.filters.length > 0 ? prune(kept(place.filters)) : base;
  if (reshaped) {
    hideFloats();
    state.hover = state.focus = -1;
    tree = treeOf(place);
    // Removing stacks moves the others: what was zoomed to has another place, or none.
    if (!first && before.view === place.view && before.of === place.of) {
      if (before.zoom === place.zoom) place.zoom = nodeAlong(zoomed);
      state.focus = nodeAlong(focused) || -1;
    }
  }
  if (place.zoom >= tree.n) place.zoom = 0;
  if (first || before.theme !== place.theme) showTheme();
  if (first || reshaped || before.q !== place.q) search(before.q !== place.q || first);
  if (first || reshaped || before.icicle !== place.icicle) showShape(before, reshaped);
  if (reshaped) [state.left, state.width] = windowOf(place.zoom);
  if (place.view === 'table') showList();
  if (rows && reshaped) showPanel();
  // The panel adds up all rows: the zoom need not wait for it.
  if (reshaped || before.zoom !== place.zoom) showZoom(() => { if (rows && !reshaped) showPanel(); });
  showSteps();
  const typing = document.activeElement === byId('search') || byId('panel').contains(document.activeElement);
  if (reshaped && !first && !typing) keysToView();
  askDraw();
}

function treeOf({ view, of }) {
  if (view === 'around') return visible(around(source, frameNamed(of)), null);
  if (view !== 'reverse') return visible(source, baseNode);
  const whole = reversed(source);
  return visible(whole, (node) => whole.origin[node]);
}

// The arrow keys move in what is shown now, whatever button led there.
function keysToView() {
  (view.hidden ? byId('rows') : canvas).focus({ preventScroll: true });
}

// Frames from below the root to a node, and the node that has them in the tree of now.
function pathTo(node) {
  const path = [];
  for (let i = node; i > 0; i = tree.parent[i]) path.push(tree.frame[i]);
  return { path: path.reverse(), caller: node >= tree.split };
}

function nodeAlong({ path, caller }) {
  let node = 0;
  for (const frame of path) {
    let child = node === 0 && caller ? tree.split : node + 1;
    const end = node === 0 && !caller ? tree.split : tree.end[node];
    while (child < end && tree.frame[child] !== frame) child = tree.end[child];
    if (child >= end) return 0;
    node = child;
  }
  return node;
}

const windowOf = (node) => [tree.x[node], tree.total[node]];
