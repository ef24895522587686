// SPDX-License-Identifier: Apache-2.0
// --- text ------------------------------------------------------------------------------------

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function scaled(value, steps) {
  let step = steps[0];
  for (const candidate of steps) if (Math.abs(value) >= candidate[0]) step = candidate;
  const shown = value / step[0];
  return (Math.abs(shown) >= 100 ? grouped.format(shown) : String(Number(shown.toPrecision(3)))) + ' ' + step[1];
}

// What widths and amounts are of.
const weightNow = () => WEIGHTS[place.weight];

function bareValue(value, { unit } = weightNow()) {
  if (unit === 'nanoseconds') {
    return scaled(value, [[1, 'ns'], [1e3, 'µs'], [1e6, 'ms'], [1e9, 's']]);
  }
  if (unit === 'bytes') {
    return scaled(value, [[1, 'B'], [2 ** 10, 'KiB'], [2 ** 20, 'MiB'], [2 ** 30, 'GiB'], [2 ** 40, 'TiB']]);
  }
  return grouped.format(value);
}

const counts = ({ unit }) => unit !== 'nanoseconds' && unit !== 'bytes';
// "1 event"; a field that is a weight keeps its name.
const nounOf = ({ type }, value) => value === 1 && (type === 'events' || type === 'errors') ? type.slice(0, -1) : type;
const valueText = (value, weight = weightNow()) => bareValue(value, weight) + (counts(weight) ? ' ' + nounOf(weight, value) : '');

// The other weights of a node or a function, and how much one event has: "12 events · 1.58 ms each".
function otherWeights(columns, at) {
  if (WEIGHTS.length < 2) return '';
  const value = (weight) => columns[WEIGHT + weight][at];
  const texts = WEIGHTS.map((weight, w) => w === place.weight || value(w) === 0 ? '' : valueText(value(w), weight));
  if (EVENTS >= 0 && !counts(weightNow()) && value(EVENTS) > 0) {
    texts.push(`${bareValue(value(place.weight) / value(EVENTS))} each`);
  }
  return texts.filter(Boolean).join(' · ');
}

function share(part, whole) {
  const percent = whole > 0 ? 100 * part / whole : 0;
  if (percent === 0) return '0 %';
  if (percent < 0.01) return '< 0.01 %';
  return percent.toFixed(percent < 1 ? 2 : 1) + ' %';
}

// Shorter and shorter forms of a name: what matters in a narrow frame is the method, not its
// package or its parameters.
function shortForms(name, kind) {
  const forms = [name];
  if (kind.startsWith('java')) {
    const type = name.slice(name.lastIndexOf('/') + 1);
    forms.push(type, type.slice(type.lastIndexOf('.') + 1));
  } else if (kind === 'native' && name.indexOf('(') > 0) {
    const plain = name.slice(0, name.indexOf('('));
    forms.push(plain, plain.slice(plain.lastIndexOf(':') + 1));
  }
  return forms.filter((form, i) => form !== '' && forms.indexOf(form) === i);
}

// How far the JIT had got with a method is not told apart where two runs are compared.
const kindText = (frame) => differs && kinds[frame] === 'java' ? 'Java' : kindOf(frame)[0];

// For a line of text: no package, no parameters.
function shortName(frame) {
  const known = shortForms(names[frame], kinds[frame]);
  const java = kinds[frame].startsWith('java');
  const text = java ? names[frame].slice(names[frame].lastIndexOf('/') + 1) : known[Math.min(1, known.length - 1)];
  return text.length > 48 ? text.slice(0, 47) + '…' : text || names[frame];
}

// --- values: one of a profile, two of a difference ------------------------------------------------

const shownValues = () => differs ? [BEFORE, AFTER] : [WIDTH];
const shown = (columns, at) => shownValues().map((value) => columns[value][at]);

// "12 events", "12 → 34 events"
function amount(values) {
  if (values.length === 1 || values[0] === values[1]) return valueText(values[0]);
  return `${bareValue(values[0])} → ${valueText(values[1])}`;
}

function portion(parts, wholes) {
  const shares = parts.map((part, i) => share(part, wholes[i]));
  return shares[0] === shares[1] || shares.length === 1 ? shares[0] : shares.join(' → ');
}

// How much a function or a node changed, in the order of the legend: [word, what the legend says].
const STATES = [['new', 'New'], ['grew', 'Doubled or more'], ['grew', '+5 to +100 %'],
                ['same', 'Within 5 %'], ['shrank', '−5 to −50 %'], ['shrank', 'Halved or less'],
                ['gone', 'Gone']];
const NEW = 0, SAME = 3, GONE = 6;

function stateOf(before, after, factor = scale) {
  if (before <= 0) return after > 0 ? NEW : SAME;
  if (after <= 0) return GONE;
  const ratio = after / (before * factor);
  return ratio >= 2 ? 1 : ratio > 1.05 ? 2 : ratio >= 0.95 ? SAME : ratio > 0.5 ? 4 : 5;
}

const signed = (value, text) => (value > 0 ? '+' : value < 0 ? '−' : '') + text(Math.abs(value));

// "+240 (+240 %)"; "+12 % at equal totals", where counts of the two do not compare.
function changeText([before, after], factor = scale) {
  const state = stateOf(before, after, factor);
  if (state === NEW || state === GONE || (before === 0 && after === 0)) return STATES[state][0];
  const percent = 100 * (after / (before * factor) - 1);
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  const ratio = percent >= 1000 ? `×${grouped.format(after / (before * factor))}`
    : `${signed(Number(percent.toFixed(digits)), (p) => p.toFixed(digits))} %`;
  return factor === 1 ? `${signed(after - before, bareValue)} (${ratio})` : `${ratio} at equal totals`;
}
