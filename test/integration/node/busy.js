// SPDX-License-Identifier: Apache-2.0
// Computes, by calls, builtins and callbacks, after a byte was read from standard input.
'use strict';
const fs = require('fs');

function inner(x, list) {
  for (let i = 0; i < 500; ++i) x = (x * 31 + i) % 65521;
  const text = String(x).replace('1', '2') + list.indexOf(x);
  return x + text.length + Math.max(x, list[x % list.length]);
}
function outer(ms) {
  const end = Date.now() + ms;
  const list = [1, 2, 3, 4, 5];
  let x = 1;
  while (Date.now() < end) x = inner(x, list) % 65521;
}
function main() {
  outer(500);
  process.stdout.write('ready\n');
  fs.readSync(0, Buffer.alloc(1), 0, 1);
  outer(2000);
}
main();
