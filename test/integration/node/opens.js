// SPDX-License-Identifier: Apache-2.0
// Opens files along known paths, all of them after a byte was read from standard input, and waits
// for another at the end. Prints what it did: "OPENS count leaf;...;root", of its own functions.
'use strict';
const fs = require('fs');
const count = Number(process.argv[2]);
const warm = Number(process.argv[3]);

function openIt() {
  fs.closeSync(fs.openSync('/dev/null', 'r'));
}

function recurse(depth) {
  if (depth > 0) recurse(depth - 1);
  else openIt();
}
function pathRecursion() {
  recurse(20);
}

function makeClosure(n) {
  return function closure() {
    if (n >= 0) openIt();
  };
}
const closureOf = makeClosure(1);
function pathClosure() {
  closureOf();
}

class Base {
  method() {
    this.overridden();
  }
}
class Derived extends Base {
  overridden() {
    openIt();
  }
  get property() {
    openIt();
    return 1;
  }
}
const derived = new Derived();
function pathMethod() {
  derived.method();
}
function pathGetter() {
  return derived.property;
}

function pathMap() {
  return [1].map(function mapped(x) {
    openIt();
    return x;
  });
}
function pathSort() {
  return [2, 1].sort(function compared(a, b) {
    openIt();
    return a - b;
  });
}
function pathReplace() {
  return 'a-b'.replace(/-/g, function replaced(m) {
    openIt();
    return m;
  });
}
function pathJson() {
  return JSON.parse('[]', function revived(k, v) {
    openIt();
    return v;
  });
}
function* generate() {
  openIt();
  yield 1;
}
function pathGenerator() {
  for (const x of generate()) if (x !== 1) throw new Error('generator');
}
function pathArguments(a, b) {
  // Fewer arguments than are declared, and more.
  few(a);
  many(a, b, 3, 4, 5);
}
function few(a, b, c) {
  if (c === undefined) openIt();
}
function many() {
  openIt();
}

const sync = [
  [pathRecursion, ['openIt', ...Array(21).fill('recurse'), 'pathRecursion']],
  [pathClosure, ['openIt', 'closure', 'pathClosure']],
  [pathMethod, ['openIt', 'overridden', 'method', 'pathMethod']],
  [pathGetter, ['openIt', 'get property', 'pathGetter']],
  [pathMap, ['openIt', 'mapped', 'pathMap']],
  [pathSort, ['openIt', 'compared', 'pathSort']],
  [pathReplace, ['openIt', 'replaced', 'pathReplace']],
  [pathJson, ['openIt', 'revived', 'pathJson']],
  [pathGenerator, ['openIt', 'generate', 'pathGenerator']],
  [pathArguments, ['openIt', 'few', 'pathArguments'], ['openIt', 'many', 'pathArguments']],
];

function runAll(times) {
  for (let i = 0; i < times; ++i) for (const [path] of sync) path(i, i);
}

let ticks = 0;
function tick() {
  openIt();
  if (++ticks < count) setImmediate(tick);
  else end();
}
async function awaited() {
  await null;
  openIt();
}
async function pathAsync() {
  for (let i = 0; i < count; ++i) await awaited();
}

function end() {
  const say = (chain) => console.log(`OPENS ${count} ${chain.join(';')}`);
  for (const [, ...chains] of sync) {
    for (const chain of chains) say([...chain, 'runAll', 'main', '(anonymous)']);
  }
  say(['openIt', 'awaited']);
  say(['openIt', 'tick']);
  console.log('done');
  fs.readSync(0, Buffer.alloc(1), 0, 1);
}

function main() {
  runAll(warm);
  process.stdout.write('ready\n');
  fs.readSync(0, Buffer.alloc(1), 0, 1);
  runAll(count);
}
main();
pathAsync().then(function afterAsync() {
  setTimeout(tick, 1);
});
