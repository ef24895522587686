// SPDX-License-Identifier: Apache-2.0
// --- what can be done with a frame ---------------------------------------------------------------

// The node that a key means: the one chosen last, by keyboard or pointer; -1 without any.
function subject() {
  if (place.view === 'table') return -1;
  return state.byKey || state.hover < 0 ? state.focus : state.hover;
}

// The frame of it; in the table, that of the row.
function subjectFrame() {
  if (place.view === 'table') return list.chosen < list.shown.length ? list.shown[list.chosen] : -1;
  const node = subject();
  return node < 0 || tree.frame[node] === ALL ? -1 : tree.frame[node];
}

function withFrame(action) {
  const frame = subjectFrame();
  if (frame < 0) say('Point at a frame first, or go to one with the arrow keys');
  else action(frame, subject());
}

const addFilter = (filter) => go({ filters: [...place.filters, filter] });
const callersOf = (frame) => go({ view: 'around', of: names[frame], zoom: 0 });
const onlyWith = (frame) => addFilter(['only', names[frame]]);
const without = (frame) => addFilter(['without', names[frame]]);

// This stack only; among merged callers and callees, and in the table, the function everywhere.
function removeStack(frame, node) {
  const cut = node > 0 ? cutOf(node) : null;
  if (cut) addFilter(cut); else without(frame);
}

// As in a stack trace: the frame, then its callers.
function stackText(frame, node) {
  if (node < 0) return names[frame];
  const lines = [];
  for (let i = node; i > 0; i = tree.parent[i]) lines.push(names[tree.frame[i]]);
  if (place.view === 'around') lines.push(names[tree.frame[0]]);
  if (place.view === 'reverse' || node >= tree.split) lines.reverse();
  return lines.join('\n');
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyByHand(text);  // no clipboard for pages that came over plain HTTP
  }
  say(`Copied ${what}`);
}

function copyByHand(text) {
  const field = add(document.body, 'textarea', '', 'unseen');
  field.value = text;
  field.select();
  document.execCommand('copy');
  field.remove();
}

// --- saving ------------------------------------------------------------------------------------

function saveAs(blob, suffix, about = '') {
  const link = document.createElement('a');
  const stem = profile.title.replace(/[^\w.-]+/g, '_').slice(0, 60) || 'flamegraph';
  link.href = URL.createObjectURL(blob);
  link.download = stem + suffix;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(`Saved ${link.download}${about}`);
}

// The stacks that are seen, root first whatever the view, as `jtrace -o collapsed` writes them.
function collapsed() {
  const inside = shownNodes();
  const prefix = [''];  // of the node seen last on each level
  const parts = [];
  let part = '';
  for (let i = 1; i < base.n; i++) {
    const frame = base.frame[i];
    const path = prefix[base.level[i] - 1] + names[frame] + (differs && kinds[frame] === 'java' ? '' : kindOf(frame)[4]);
    prefix[base.level[i]] = path + ';';
    if (inside[i] && endsStacks(base, i)) part += `${path} ${shown(base.selfs, i).join(' ')}\n`;
    if (part.length > 1 << 22) {
      parts.push(new Blob([part]));  // a blob may lie on disk, strings may not
      part = '';
    }
  }
  return new Blob([...parts, part], { type: 'text/plain' });
}

// The whole graph, or what is seen of it where a picture of all would be too large.
function pictureSize(captionHeight) {
  const size = { width: canvasWidth, height: rowsHeight(), scroll: contentHeight() - rowsHeight(), ratio: 2 };
  if (rootOnTop()) size.scroll = 0;
  const fits = () => Math.max(size.width + 2 * PAD, size.height + captionHeight) * size.ratio <= MAX_SIDE &&
    size.width * (size.height + captionHeight) * size.ratio ** 2 <= MAX_AREA;
  if (!fits()) size.ratio = 1;
  if (!fits()) Object.assign(size, { height: canvasHeight, scroll: view.scrollTop, part: true });
  return size;
}

function picture() {
  if (view.hidden) return say('Pictures are of graphs; the table has none');
  const caption = 52;
  const size = pictureSize(caption);
  const sheet = document.createElement('canvas');
  sheet.width = Math.round((size.width + 2 * PAD) * size.ratio);
  sheet.height = Math.round((size.height + caption) * size.ratio);
  const ink = sheet.getContext('2d', { alpha: false });
  const colour = paint();
  ink.fillStyle = colour.page;
  ink.fillRect(0, 0, sheet.width, sheet.height);
  ink.setTransform(size.ratio, 0, 0, size.ratio, PAD * size.ratio, caption * size.ratio);
  drawGraph({ ink, width: size.width, height: size.height, scroll: size.scroll, colour, ratio: size.ratio,
              left: PAD * size.ratio, top: caption * size.ratio });
  ink.globalAlpha = 1;
  ink.fillStyle = colour.page;
  ink.fillRect(0, -caption, size.width, caption);  // over rows half seen
  ink.fillStyle = colour.ink;
  ink.font = TITLE_FONT;
  ink.fillText(profile.title || 'Flame graph', 0, 16 - caption);
  ink.fillStyle = colour.soft;
  ink.font = LABEL_FONT;
  const about = differs ? [`${profile.base || 'base'} → ${profile.new || 'new'}`]
    : [profile.target, profile.host, profile.start];
  const facts = [...about, ...stepTexts().map(([text]) => text)];
  ink.fillText(facts.filter(Boolean).join(' · ') + (size.part ? ' · part of the graph' : ''), 0, 37 - caption);
  sheet.toBlob((blob) => blob ? saveAs(blob, '.png') : say('This browser cannot make a picture of this size'));
}
