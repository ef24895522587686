// SPDX-License-Identifier: Apache-2.0
screenInk.font = LABEL_FONT;
document.documentElement.classList.toggle('differs', differs);
byId('widths').hidden = byId('equal').hidden = !differs;
showHeader();
showWeights();
makePanel();
showLedger();
listen();
if (history.state) state.depth = history.state.depth || 0;  // this page, loaded again
show(placeOf(location.hash));
