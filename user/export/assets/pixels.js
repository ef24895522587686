// SPDX-License-Identifier: Apache-2.0
// --- rows as pixels ----------------------------------------------------------------------------
// A large profile has tens of thousands of frames of a pixel or two in sight. A canvas takes a fifth of
// a second for as many rectangles, and a few milliseconds for one picture of them: frames are painted
// into an image, their texts are drawn over it.

const BAND = 64;  // rows that are painted at once
let image = null;

function imageOf(width, height) {
  if (!image || image.width !== width || image.height < height) image = new ImageData(width, height);
  return new Uint32Array(image.data.buffer);
}

// Position in the row of the first frame that ends beyond `value`, near `from`: the next one often is.
function nextBeyond(from, to, value) {
  let step = 1;
  while (from + step <= to && tree.rowEnd[from + step - 1] <= value) {
    from += step;
    step *= 2;
  }
  return firstBeyond(from, Math.min(to, from + step), value);
}

// What the search finds among the frames from one position of the rows to another.
const hitsWithin = (from, to) => state.hitsBefore[to] - state.hitsBefore[from];

// The first line of a row; notes in `wide` the frames that have room for more than a colour:
// [node, first pixel, last pixel].
function paintLine(out, start, across, row, brush, wide) {
  const [origin, width] = windowOfRow(row);
  const scale = across / width;
  const { rowNodes, rowFrame, rowX, rowEnd } = tree;
  const outside = outsideZoom(row);
  const to = tree.rowStart[row + 1];
  const { searching, page, hit, dim, ratio } = brush;
  for (let at = firstBeyond(tree.rowStart[row], to, origin); at < to && rowX[at] < origin + width;) {
    const left = (rowX[at] - origin) * scale;
    const right = (rowEnd[at] - origin) * scale;
    if (right - left < 1) {
      // Frames narrower than a pixel share one. The run is skipped by halving, so a row costs its
      // pixels and not its frames.
      const pixel = Math.max(0, Math.floor(left));
      const next = Math.max(at + 1, nextBeyond(at + 1, to, origin + (pixel + 1) / scale));
      const colour = searching ? (hitsWithin(at, next) > 0 ? hit : dim) : (differs ? 0 : pixels[rowFrame[at]]) || nodePixel(rowNodes[at]);
      out[start + pixel] = mixed(colour, page, outside ? 102 : 179);
      at = next;
      continue;
    }
    const first = Math.max(0, Math.round(left));
    const gap = right - left > 3 * ratio ? brush.gap : 0;
    const last = Math.max(first + 1, Math.min(across, Math.round(right)) - gap);
    let colour = searching ? (state.matches[rowFrame[at]] === 1 ? hit : dim) : nodePixel(rowNodes[at]);
    if (outside) colour = mixed(colour, page, searching ? 205 : 141);
    out.fill(colour, start + first, start + last);
    if (last - first > 7 * ratio) wide.push(rowNodes[at], first, last);
    at++;
  }
}

// How much of the pixel (x, y) of a frame's corner is the frame's, in 256ths.
function cornersOf(ratio) {
  const radius = 2.5 * ratio;
  const size = Math.ceil(radius);
  const corners = { size, shares: new Uint16Array(size * size) };
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const beyond = Math.hypot(radius - x - .5, radius - y - .5) - radius + .5;
      corners.shares[y * size + x] = Math.round(256 * (1 - Math.max(0, Math.min(1, beyond))));
    }
  }
  return corners;
}

function roundCorners(out, start, across, height, { page, corners: { size, shares } }, wide) {
  for (let i = 0; i < wide.length; i += 3) {
    const colour = out[start + wide[i + 1]];
    for (let y = 0; y < size; y++) {
      const [above, below] = [start + y * across, start + (height - 1 - y) * across];
      for (let x = 0; x < size; x++) {
        if (shares[y * size + x] === 256) continue;
        const pixel = mixed(colour, page, shares[y * size + x]);
        const [left, right] = [wide[i + 1] + x, wide[i + 2] - 1 - x];
        out[above + left] = out[above + right] = out[below + left] = out[below + right] = pixel;
      }
    }
  }
}

// Rows [from, to], all in one image. Calls `each(row, wide)` for each.
function paintBand(pen, from, to, brush, each) {
  const { ink, ratio } = pen;
  const across = Math.round(pen.width * ratio);
  const topOf = (row) => Math.round((rowTop(row) - pen.scroll) * ratio);
  const top = Math.min(topOf(from), topOf(to));
  const height = Math.max(topOf(from), topOf(to)) + Math.ceil(ROW * ratio) - top;
  const out = imageOf(across, height);
  out.fill(brush.page, 0, across * height);
  for (let row = from; row <= to; row++) {
    const begin = topOf(row) - top;
    const lines = Math.round((rowTop(row) - pen.scroll + ROW) * ratio) - top - begin - brush.gap;
    const start = begin * across;
    const wide = [];
    paintLine(out, start, across, row, brush, wide);
    for (let line = 1; line < lines; line++) out.copyWithin(start + line * across, start, start + across);
    roundCorners(out, start, across, lines, brush, wide);
    each(row, wide);
  }
  ink.putImageData(image, pen.left, pen.top + top, 0, 0, across, height);
}

function brushOf({ ratio, colour }) {
  return {
    ratio, gap: Math.max(1, Math.round(ratio)), searching: state.matches !== null, corners: cornersOf(ratio),
    page: pixelOfHex(colour.page), hit: pixelOfHex(colour.hit), dim: pixelOfHex(colour.dim),
  };
}
