// SPDX-License-Identifier: Apache-2.0
// --- columns of numbers as text --------------------------------------------------------------
// Pages of many nodes have them packed; user/export/packed.h writes them, docs/formats.md has the format.

const DIGITS = new Int8Array(128);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].forEach((letter, digit) => {
  DIGITS[letter.charCodeAt(0)] = digit;
});

// Puts the numbers into `out`, each and `more`.
function unpack(text, out, more = 0) {
  let [at, zeros] = [0, false];
  for (let i = 0; i < text.length;) {
    let digit = DIGITS[text.charCodeAt(i++)];
    let value = digit & 31;
    for (let factor = 32; digit > 31; factor *= 32) {
      digit = DIGITS[text.charCodeAt(i++)];
      value += (digit & 31) * factor;
    }
    if (zeros) {
      if (more !== 0) out.fill(more, at, at + value);
      at += value;
      zeros = false;
    } else {
      out[at++] = value + more;
      zeros = value === 0;
    }
  }
  return out;
}

function unpackedProfile(packed) {
  const { nodes, rows } = packed;
  const levels = unpack(packed.up, new Int32Array(nodes));
  for (let i = 0, level = 0; i < nodes; i++) levels[i] = level += 1 - levels[i];
  const profile = { ...packed, levels, frames: unpack(packed.frames, new Int32Array(nodes)) };
  for (const name of ['self', 'before']) {
    if (packed[name] !== undefined) profile[name] = unpack(packed[name], new Float64Array(nodes));
  }
  const labels = (column) => unpack(column, new Int32Array(rows.size), -1);
  if (rows) {
    profile.rows = {
      nodes: unpack(rows.nodes, new Int32Array(rows.size)),
      facets: rows.facets.map(labels),
      sizes: rows.sizes.map(labels),
      values: rows.values.map((column) => unpack(column, new Float64Array(rows.size))),
    };
  }
  return profile;
}
