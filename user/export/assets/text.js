// SPDX-License-Identifier: Apache-2.0
// --- text ------------------------------------------------------------------------------------

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function scaled(value, steps) {
  let step = steps[0];
  for (const candidate of steps) if (Math.abs(value) >= candidate[0]) step = candidate;
  const shown = value / step[0];
  return (shown >= 100 || Number.isInteger(shown) ? grouped.format(shown) : shown.toPrecision(3)) + ' ' + step[1];
}

function bareValue(value) {
  if (profile.unit === 'nanoseconds') {
    return scaled(value, [[1, 'ns'], [1e3, 'µs'], [1e6, 'ms'], [1e9, 's']]);
  }
  if (profile.unit === 'bytes') {
    return scaled(value, [[1, 'B'], [1024, 'KiB'], [1048576, 'MiB'], [1073741824, 'GiB']]);
  }
  return grouped.format(value);
}

const counted = () => profile.unit !== 'nanoseconds' && profile.unit !== 'bytes';
const valueText = (value) => bareValue(value) + (counted() ? ' ' + profile.type : '');

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

// For a line of text: no package, no parameters.
function shortName(frame) {
  const known = shortForms(names[frame], kinds[frame]);
  const java = kinds[frame].startsWith('java');
  const text = java ? names[frame].slice(names[frame].lastIndexOf('/') + 1) : known[Math.min(1, known.length - 1)];
  return text.length > 48 ? text.slice(0, 47) + '…' : text || names[frame];
}
