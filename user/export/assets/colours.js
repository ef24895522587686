// SPDX-License-Identifier: Apache-2.0
// --- colours ---------------------------------------------------------------------------------
// A colour is [hue, saturation, lightness]; what is painted is a pixel, a number.

let pixels = null;  // per frame, of a difference per frame and state, for the theme of now; 0: not made yet
let dark = false;

function nameHash(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

// The kind gives the colour, the name's hash a shade of it: equal names look equal in every
// profile, neighbours can be told apart.
function kindColour(kind, hash) {
  const [, hue, saturation, lightness] = KINDS[kind] || KINDS.unknown;
  const turn = hash === undefined ? 0 : (hash % 17) - 8;
  const lift = hash === undefined ? 0 : ((hash >>> 8) % 9) - 4;
  return dark ? [hue + turn, Math.round(saturation * .5), lightness * .43 + lift * .8]
    : [hue + turn, saturation, lightness + lift * .8];
}

// Of STATES: orange for more and blue for less, which most eyes can tell apart; what is new or gone
// is the strongest, what is gone is striped as well.
const CHANGES = {
  light: [[10, 84, 62], [17, 88, 74], [24, 92, 87], [46, 12, 91], [209, 72, 88], [212, 70, 76], [220, 66, 68]],
  dark: [[10, 62, 44], [16, 52, 35], [24, 46, 31], [46, 3, 24], [210, 30, 30], [213, 44, 38], [222, 46, 48]],
};

function stateColour(state, hash) {
  const [hue, saturation, lightness] = CHANGES[dark ? 'dark' : 'light'][state];
  const lift = hash === undefined ? 0 : ((hash >>> 8) % 5) - 2;
  return [hue, saturation, lightness + lift * .6];
}

const styleOf = ([hue, saturation, lightness]) => `hsl(${hue} ${saturation}% ${lightness.toFixed(1)}%)`;

const RED_FIRST = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;  // the bytes of a pixel, on this machine
const pixelOf = (red, green, blue) =>
  (RED_FIRST ? 255 << 24 | blue << 16 | green << 8 | red : red << 24 | green << 16 | blue << 8 | 255) >>> 0;

function pixelOfColour([hue, saturation, lightness]) {
  const strength = saturation / 100 * Math.min(lightness, 100 - lightness) / 100;
  const part = (from) => {
    const turn = (from + hue / 30 + 24) % 12;
    return Math.round(255 * (lightness / 100 - strength * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))));
  };
  return pixelOf(part(0), part(8), part(4));
}

const pixelOfHex = (hex) => pixelOf(...[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

// `share` of one pixel over another, in 256ths.
function mixed(over, under, share) {
  const mix = (a, b) => ((a & 0xff00ff) * share + (b & 0xff00ff) * (256 - share)) >>> 8 & 0xff00ff;
  return (mix(over, under) | mix(over >>> 8, under >>> 8) << 8) >>> 0;
}

const stateOfNode = (node) => stateOf(tree.totals[BEFORE][node], tree.totals[AFTER][node]);

function forgetColours() {
  pixels = new Uint32Array((ALL + 1) * (differs ? STATES.length : 1));
}

function nodePixel(node) {
  const frame = tree.frame[node];
  const key = differs ? frame * STATES.length + stateOfNode(node) : frame;
  if (pixels[key] !== 0) return pixels[key];
  const hash = nameHash(names[frame]);
  return pixels[key] = pixelOfColour(differs ? stateColour(key % STATES.length, hash) : kindColour(kinds[frame], hash));
}

// Diagonal stripes, to be drawn over a colour.
function stripes() {
  const key = dark ? 'dark' : 'light';
  if (stripes[key]) return stripes[key];
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const ink = tile.getContext('2d');
  ink.strokeStyle = dark ? 'rgb(0 0 0 / .28)' : 'rgb(255 255 255 / .42)';
  ink.lineWidth = 2.4;
  for (const x of [-4, 4, 12]) {
    ink.moveTo(x - 5, 9);
    ink.lineTo(x + 5, -1);
  }
  ink.stroke();
  return stripes[key] = screenInk.createPattern(tile, 'repeat');
}

const PAINT = {
  light: { page: '#ffffff', ink: '#1b2026', soft: '#5e6670', edge: '#22272d', ring: '#2f6f4f',
           hit: '#b3307c', hitInk: '#ffffff', dim: '#ececea', dimInk: '#757c84' },
  dark: { page: '#1b1f24', ink: '#e9ecef', soft: '#98a1ab', edge: '#f2f4f6', ring: '#7fc8a0',
          hit: '#c4458f', hitInk: '#ffffff', dim: '#2a2f36', dimInk: '#8d96a0' },
};
const paint = () => dark ? PAINT.dark : PAINT.light;
