// SPDX-License-Identifier: Apache-2.0
screenInk.font = LABEL_FONT;
take(JSON.parse(byId('profile').textContent));
listen();
if (history.state) state.depth = history.state.depth || 0;  // this page, loaded again
state.taken = history.state && history.state.of || state.taken;
show(placeOf(location.hash));
window.renew = renew;
