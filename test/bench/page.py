# SPDX-License-Identifier: Apache-2.0
"""The page of many nodes in a headless Chromium, and the writers of many stacks."""
import os
import pathlib
import subprocess
import sys
import tempfile

import table

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "browser"))
import chromium  # noqa: E402

# Runs before the page's script. What a key or click costs: `busy` is the time of its handlers and
# of the frame that follows them, `seen` the time from the event until that frame has been painted,
# `gap` the longest time between two frames of the half second after it, `between` the median of those
# of its first 160 ms, in which a zoom moves.
WATCH = """
(() => {
  const later = (then) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = then; port2.postMessage(0); };
  const now = () => performance.now();
  window.times = { watched: 0 };
  addEventListener('DOMContentLoaded', () => requestAnimationFrame(() => later(() => { times.load = now(); })));
  const watch = (event) => {
    const which = ++times.watched;
    const began = now();
    const seen = { handled: 0, frame: 0, seen: 0, gap: 0, between: 0 };
    addEventListener(event.type, () => { seen.handled = now() - began; }, { once: true });
    requestAnimationFrame(() => {
      const frame = now();
      later(() => {
        seen.frame = now() - frame;
        seen.seen = now() - began;
      });
      let last = frame;
      const moving = [];
      const next = () => {
        seen.gap = Math.max(seen.gap, now() - last);
        moving.push(now() - last);
        last = now();
        if (last - frame < 160 || moving.length === 1)
          seen.between = moving.toSorted((a, b) => a - b)[moving.length >> 1];
        if (last - frame < 400) requestAnimationFrame(next);
        else if (which === times.watched) times.last = { ...seen, busy: seen.handled + seen.frame };
      };
      requestAnimationFrame(next);
    });
  };
  for (const type of ['click', 'keydown', 'input']) addEventListener(type, watch, true);
})();
"""


# Draws one rectangle on each of the ten frames after a click, and nothing else: what a picture takes by the
# clock that a headless browser without a GPU shows, whoever draws it.
RECTANGLE = """<!DOCTYPE html><title>one rectangle</title><body style="margin: 0"><canvas id="graph" width="1600" height="1000"></canvas>
<script>
const ink = document.getElementById('graph').getContext('2d');
addEventListener('click', () => {
  let left = 10;
  const draw = () => {
    ink.fillStyle = left % 2 ? '#c00' : '#00c';
    ink.fillRect(100 + left, 100, 40, 20);
    if (--left > 0) requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
});
</script>"""


def cpu(page):
    """ms that the page's thread has used; other work on the machine is not in it."""
    metrics = page.call("Performance.getMetrics")["metrics"]
    return 1000 * sum(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def measured(page, act):
    """What the event costs that `act` makes."""
    page.run("void (times.last = null)")
    before = cpu(page)
    act()
    page.until("times.last")
    return {**page.run("times.last"), "cpu": cpu(page) - before}


def click(page, share, row):
    """On the graph, `row` rows above its root."""
    box = page.run("(({left, width, bottom}) => ({left, width, bottom}))"
                   "(document.getElementById('graph').getBoundingClientRect())")
    at = {"x": box["left"] + share * box["width"], "y": box["bottom"] - 16 - 20 * row}
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, button="none" if kind == "mouseMoved" else "left",
                  clickCount=1, **at)


def key(page, name):
    code = {"Escape": 27}.get(name, ord(name[0].upper()))
    text = {"text": name} if len(name) == 1 else {}
    page.call("Input.dispatchKeyEvent", type="keyDown", key=name, windowsVirtualKeyCode=code, **text)
    page.call("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)


def search(page, text):
    page.run("document.getElementById('search').select()")
    page.call("Input.insertText", text=text)


def watched_page(browser):
    page = browser.page()
    page.size(1600, 1000)
    page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    page.call("Performance.enable", timeDomain="threadTicks")
    return page


def browse_rectangle(browser, folder, figures):
    """The same clicks, on a page that has nothing to do."""
    path = pathlib.Path(folder, "rectangle.html")
    path.write_text(RECTANGLE, encoding="utf-8")
    page = watched_page(browser)
    page.open(str(path))
    page.until("times.load")
    page.run("new Promise(done => setTimeout(done, 300))")
    for share, row in ((.3, 4), (.5, 12), (.7, 25)) * 2:
        figures.setdefault("one rectangle, no graph", []).append(measured(page, lambda: click(page, share, row)))
    page.call("Page.close")


def browse(browser, path, figures):
    page = watched_page(browser)
    before = cpu(page)
    page.open(path)
    page.until("times.load")
    page.run("new Promise(done => setTimeout(done, 300))")
    figures.setdefault("load", []).append({"seen": page.run("times.load"), "cpu": cpu(page) - before})

    def note(name, act):
        figures.setdefault(name, []).append(measured(page, act))

    for kind, media in (("", "no-preference"), (", at once", "reduce")):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": media}])
        for share, row in ((.3, 4), (.5, 12), (.7, 25)):
            note("zoom" + kind, lambda: click(page, share, row))
            if page.run("document.getElementById('zoomed') === null"):
                raise AssertionError("the click did not zoom")
            note("zoom out" + kind, lambda: key(page, "0"))
    note("search", lambda: search(page, "method42"))
    note("zoom, searching", lambda: click(page, .4, 8))
    page.run("document.getElementById('graph').focus()")
    key(page, "Escape")
    note("reversed", lambda: key(page, "r"))
    note("zoom, reversed", lambda: click(page, .4, 2))
    note("back to stacks", lambda: key(page, "r"))
    note("table", lambda: key(page, "t"))
    figures.setdefault("noise", []).extend(page.noise)
    figures["memory"] = page.run("performance.memory.usedJSHeapSize")
    page.call("Page.close")


def write(args, folder, what, count, step, *formats):
    """Figures of each format as write_large prints them: bytes, seconds, seconds of CPU."""
    out = subprocess.run([os.path.join(args.build, "test/bench/write_large"), folder, what, str(count), str(step),
                          *formats], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[0]: [float(figure) for figure in line.split()[1:]] for line in out.splitlines()}


def run_writers(args):
    """`message` is pprof before it is compressed; rates of both are of its bytes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            wrote = write(args, folder, "stacks", args.stacks, 3)
            for name in ("html", "collapsed", "message", "pprof"):
                size, seconds, cpu = wrote[name]
                given = wrote["message"][0] if name == "pprof" else size
                found.setdefault(name, []).append((size, given / 1e6 / seconds, given / 1e6 / cpu))
    print(f"\n{args.stacks:,} stacks, 30 to 60 frames deep: median (min .. max)\n")
    table.head("", "MB", "MB/s", "MB/s of CPU time")
    for name, rounds in found.items():
        table.row(name, f"{rounds[0][0] / 1e6:.1f}", table.spread([one[1] for one in rounds]),
                  table.spread([one[2] for one in rounds]))


def run(args):
    run_writers(args)
    if chromium.find() is None:
        print("\nno chromium: the page is not measured")
        return
    print("\nms, median (min .. max): from the event until it is drawn; of handlers and frame; longest between two "
          "frames, and median of those of the first 160 ms;\nCPU time of the page's thread, of a zoom for all of its ten frames\n")
    table.head("nodes", "", "drawn", "busy", "gap", "between", "cpu")
    for size in (int(size) for size in args.nodes.split(",")):
        figures = {}
        with tempfile.TemporaryDirectory() as folder:
            size_of_file = write(args, folder, "nodes", size, 12, "html")["html"][0]
            for _ in range(args.rounds):
                browser = chromium.Browser(chromium.find())
                try:
                    browse_rectangle(browser, folder, figures)
                    browse(browser, os.path.join(folder, "large.html"), figures)
                finally:
                    browser.close()
        if figures.pop("noise"):
            raise AssertionError("the page complains")
        memory = figures.pop("memory")
        for name, found in figures.items():
            cells = [table.spread([one[what] for one in found], 1) if what in found[0] else ""
                     for what in ("seen", "busy", "gap", "between", "cpu")]
            table.row(f"{size:,}", name, *cells)
        table.row(f"{size:,}", f"file: {size_of_file / size:.1f} bytes a node; heap: {memory / 1e6:.0f} MB", "", "", "", "", "")
