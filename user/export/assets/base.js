// SPDX-License-Identifier: Apache-2.0
const byId = (id) => document.getElementById(id);
const ROW = 20;           // px, height of a frame
const PAD = 6;            // px, left and right of a label
const LABEL_MIN = 26;     // px, narrower frames have no label
const LIST_ROW = 26;      // px, height of a row of the table
const NARROW = 641;       // px, of a window; as in the style's last rule
const ZOOM_MS = 170;
const TYPING_MS = 250;    // browsers refuse more than 200 changes of the address in 10 s
const MAX_MERGED = 800000;   // nodes of a reversed tree; what lies deeper is cut, and said to be
const MAX_SIDE = 16384;   // px, of a picture that every browser can make
const MAX_AREA = 64e6;    // px
const LABEL_FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const TITLE_FONT = '600 15px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

// Hue, saturation and lightness of each kind on the light page, in the order of the legend, and the
// suffix in collapsed text. The names are those of kind_name() in user/export/frame_text.cpp.
const KINDS = {
  'java': ['Java, C2', 130, 42, 77, '_[j]'],
  'java-c1': ['Java, C1', 84, 48, 76, '_[1]'],
  'java-inlined': ['Java, inlined', 172, 40, 77, '_[i]'],
  'java-interpreted': ['Java, interpreted', 104, 20, 85, '_[0]'],
  'java-native': ['Java, native method', 199, 56, 80, '_[j]'],
  'java-stub': ['JVM stub', 212, 22, 82, ''],
  'native': ['Native', 8, 68, 83, ''],
  'kernel': ['Kernel', 32, 86, 76, '_[k]'],
  'event': ['Event', 264, 62, 86, ''],
  'thread': ['Thread', 226, 48, 85, ''],
  'marker': ['Marker', 48, 8, 86, ''],
  'unknown': ['Unknown', 340, 14, 83, ''],
  'root': ['All', 220, 8, 89, ''],
};
const kindOf = (frame) => KINDS[kinds[frame]] || KINDS.unknown;
