// SPDX-License-Identifier: Apache-2.0
// --- another profile on the page that is there ---------------------------------------------------
// jtrace's server shows a window that goes on, and the next one, without loading the page again: what
// is zoomed to, chosen and searched for stays where the new profile has it, and comes back when one
// has it again.

function take(next) {
  const differed = differs;
  takeProfile(next);
  takeRows();
  takeFrames();
  takePlace();
  document.documentElement.classList.toggle('differs', differs);
  byId('widths').hidden = byId('equal').hidden = !differs;
  showHeader();
  showWeights();
  renewPanel();
  showLedger();
  if (differs !== differed) showColumns();
}

const nameOf = (frame) => [names[frame], kinds[frame]];
const pathOf = (node) => {
  const { path, caller } = pathTo(node);
  return { path: path.map(nameOf), caller };
};

// What is shown, by names.
function wishOf() {
  const filters = place.filters.map(([what, value]) => {
    if (what !== 'cut') return { what, value };
    const [node, length = 0] = cutPlace(value);
    const path = [];
    for (let i = node; i > 0; i = base.parent[i]) path.push(nameOf(base.frame[i]));
    return { what, path: path.reverse(), length };
  });
  return { fragment: fragmentOf({ ...place, filters: [], zoom: 0 }), filters, zoom: pathOf(place.zoom) };
}

// A method that was compiled meanwhile is another frame of the same name.
function frameFinder() {
  const known = new Map(names.map((name, frame) => [`${name}\n${kinds[frame]}`, frame]));
  return ([name, kind]) => known.get(`${name}\n${kind}`) ?? frameNamed(name);
}

function filterOf({ what, value, path, length }, find) {
  if (what !== 'cut') return [what, value];
  let node = 0;
  for (const frame of path.map(find)) {
    let child = node + 1;
    while (child < base.end[node] && base.frame[child] !== frame) child = base.end[child];
    if (child >= base.end[node]) return null;
    node = child;
  }
  return ['cut', length ? `${node}.${length}` : String(node)];
}

// Values that were chosen and have not come yet: nothing has them.
function addChosen(next, fragment) {
  for (const [what, text] of new URLSearchParams(fragment)) {
    const facet = what === 'pick' && next.rows && next.facets.find(({ name }) => text.startsWith(name + '='));
    const value = facet && text.slice(facet.name.length + 1);
    if (facet && !facet.values.includes(value)) facet.values.push(value);
  }
}

// Where the eye is.
function lookOf() {
  const chosen = list.shown[list.chosen];
  return { view: place.view, fromBottom, top: view.scrollTop, rows: byId('rows').scrollTop,
           chosen: chosen === undefined ? null : nameOf(chosen), focus: pathOf(Math.max(0, state.focus)),
           byKey: state.byKey };
}

function lookAgain(look, find) {
  const focus = look.focus.path.length > 0 ? nodeAlong({ path: look.focus.path.map(find), caller: look.focus.caller }) : 0;
  Object.assign(state, { focus: focus || -1, byKey: look.byKey });
  if (look.view !== place.view) return;
  if (place.view === 'table') {
    if (look.chosen) list.chosen = Math.max(0, list.shown.indexOf(sameName()[find(look.chosen)]));
    byId('rows').scrollTop = look.rows;
    showRows();
  } else if (rootOnTop()) {
    view.scrollTop = look.top;
  } else {
    fromBottom = look.fromBottom;
    view.scrollTop = contentHeight() - canvasHeight - fromBottom;
  }
  askDraw();
}

// Shows a profile, of which `address` is a page of its own. False where that would be in the way.
function renew(next, address) {
  const within = document.activeElement;
  const typing = within && within.tagName === 'INPUT' && byId('panel').contains(within);
  if (state.pressed || typing || !byId('menu').hidden || byId('guide').open) return false;
  const wish = place === state.wished ? state.wish : wishOf();
  const look = lookOf();
  clearTimeout(set.timer);
  addChosen(next, wish.fragment);
  take(next);
  const find = frameFinder();
  const filters = wish.filters.map((filter) => filterOf(filter, find)).filter(Boolean);
  show({ ...placeOf(wish.fragment), filters });
  const zoom = nodeAlong({ path: wish.zoom.path.map(find), caller: wish.zoom.caller });
  if (zoom > 0) zoomAtOnce(zoom);
  lookAgain(look, find);
  showPanel();
  Object.assign(state, { wish, wished: place });
  history.replaceState({ depth: state.depth, of: state.taken }, '', `${address}#${fragmentOf(place)}`);
  if (state.pointer) hoverOn(state.pointer, nodeAt(state.pointer));
  return true;
}

function zoomAtOnce(node) {
  place = { ...place, zoom: node };
  zoomRun++;
  [state.left, state.width] = windowOf(node);
  if (state.matches) showMatched();
  showSteps();
}
