/* The band of the day is read with the pointer, by touch and with the keyboard, and zoomed; the drawing has the values. */
(function () {
  "use strict";
  var language = document.documentElement.lang, band, plot, data, home, hills, version, at = null, pressed = null, touched = false;
  function $(id) { return document.getElementById(id); }

  /* ---- what the drawing says ---- */
  function points(path) { /* one list of [x, y] for each stretch without a gap; first and last are on the ground */
    return path.getAttribute("d").split("M").slice(1).map(function (shape) {
      var n = shape.match(/[\d.]+/g).map(Number), found = [];
      for (var i = 2; i < n.length - 2; i += 2) found.push([n[i], n[i + 1]]);
      return found;
    });
  }
  function height(shapes, x) {
    for (var s = 0; s < shapes.length; s++) {
      var p = shapes[s];
      if (x < p[0][0] || x > p[p.length - 1][0]) continue;
      for (var i = 1; i < p.length; i++) {
        if (p[i][0] < x) continue;
        var a = p[i - 1], b = p[i], wide = b[0] - a[0];
        return wide ? a[1] + (b[1] - a[1]) * (x - a[0]) / wide : b[1];
      }
    }
    return null;
  }
  function isHole(hill, x) { return hill.holes.some(function (hole) { return x >= hole[0] && x < hole[1]; }); }
  function look() {
    band = $("band"); plot = $("plot");
    if (!plot) return;
    data = plot.dataset;
    home = ["rw", "rt", "r1", "r2", "r3"].map(function (id) { return $(id) && $(id).textContent; });
    home.told = plot.getAttribute("aria-valuetext");
    hills = Array.from(plot.querySelectorAll("[data-holes]"), function (path) {
      return { shapes: points(path), holes: path.dataset.holes ? path.dataset.holes.split(",").map(function (h) { return h.split(" ").map(Number); }) : [] };
    });
    version = plot.closest("[data-part]").dataset.version;
  }

  /* ---- the reading ---- */
  function watts(units) {
    var w = units / 10, digits = w < 99.95 ? 1 : 0;
    return w.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
  function clock(s) {
    var text = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: data.zone }).format(new Date((+data.start + s) * 1000));
    return s >= +data.seconds && text === "00:00" ? "24:00" : text;
  }
  function word(s) {
    var found = Array.from(plot.querySelectorAll("[data-word]")).filter(function (z) { return s >= z.dataset.from && s <= z.dataset.until; });
    return found.length ? found[found.length - 1].dataset.word.toLocaleLowerCase(language) : "–";
  }
  function write(id, text) { var el = $(id); if (el && text !== null && el.textContent !== text) el.textContent = text; }
  function show(s) {
    at = Math.max(0, Math.min(+data.until, s));
    var x = at / data.seconds * data.units, below = 0, total = null;
    var values = hills.map(function (hill) {
      var top = height(hill.shapes, x), own = top === null ? null : top - below;
      if (top !== null) { below = total = top; }
      return own === null || isHole(hill, x) ? "–" : watts(Math.max(0, own));
    });
    var power = total === null ? "–" : watts(total), time = clock(at);
    write("rw", power + "\u00a0W");
    write("rt", data.wordsAt.replace("%(time)s", time));
    values.forEach(function (value, i) { write("r" + (i + 1), value); });
    var cursor = $("cur"), percent = 100 * at / data.seconds + "%";
    cursor.setAttribute("x1", percent); cursor.setAttribute("x2", percent); cursor.classList.add("on");
    plot.setAttribute("aria-valuenow", Math.round(at / 60));
    plot.setAttribute("aria-valuetext", (total === null ? data.wordsNone : data.wordsTold).replace("%(time)s", time).replace("%(state)s", word(at)).replace("%(power)s", power));
  }
  function leave() {
    at = null;
    ["rw", "rt", "r1", "r2", "r3"].forEach(function (id, i) { write(id, home[i]); });
    $("cur").classList.remove("on");
    plot.setAttribute("aria-valuenow", plot.getAttribute("aria-valuemax"));
    plot.setAttribute("aria-valuetext", home.told);
  }
  function seconds(event) {
    var box = plot.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * data.seconds;
  }

  /* ---- zoom: a part of the day, in steps of five minutes by the clock on the wall ---- */
  function minute(s) {
    var text = clock(s).split(":");
    return text[0] * 60 + +text[1];
  }
  function digits(m) { return ("0" + Math.floor(m / 60)).slice(-2) + ("0" + m % 60).slice(-2); }
  function zoom(from, until) {
    var query = new URLSearchParams(location.search), first = Math.floor(minute(from) / 5) * 5, last = Math.ceil(minute(until) / 5) * 5;
    if (last - first < 30) { last = Math.min(1440, first + 30); first = last - 30; }
    query.delete("part");
    if (last - first < 1440 && last > first) query.set("part", digits(first) + "-" + digits(last));
    go(query);
  }
  function go(query) {
    $("zoom").href = "?" + query;
    $("zoom").click();
  }
  function nearer(s, factor) {
    var length = data.seconds * factor, from = Math.max(0, Math.min(s - length / 2, data.seconds - length));
    zoom(from, from + length);
  }
  function further() {
    var start = minute(0), end = minute(+data.seconds), more = end - start;
    var first = Math.max(0, start - more / 2), last = Math.min(1440, first + 2 * more), query = new URLSearchParams(location.search);
    first = Math.floor(Math.max(0, last - 2 * more) / 5) * 5; last = Math.ceil(last / 5) * 5;
    query.delete("part");
    if (last - first < 1440) query.set("part", digits(first) + "-" + digits(last));
    go(query);
  }
  function whole() { var query = new URLSearchParams(location.search); query.delete("part"); go(query); }
  function pick(a, b) {
    var rect = $("pick");
    rect.setAttribute("x", 100 * Math.min(a, b) / data.seconds + "%");
    rect.setAttribute("width", a === b ? "0" : 100 * Math.abs(a - b) / data.seconds + "%");
  }

  /* ---- hands ---- */
  function on(name, does) {
    document.addEventListener(name, function (event) {
      if (plot && (event.target === plot || plot.contains(event.target))) does(event);
    });
  }
  on("pointerdown", function (event) {
    touched = event.pointerType === "touch";
    if (touched || event.button) { if (touched) show(seconds(event)); return; }
    pressed = seconds(event);
  });
  on("pointermove", function (event) { if (pressed === null) show(seconds(event)); });
  document.addEventListener("pointermove", function (event) {
    if (pressed === null || !plot) return;
    show(seconds(event));
    pick(pressed, seconds(event));
  });
  document.addEventListener("pointerup", function (event) {
    if (pressed === null || !plot) return;
    var from = pressed, until = seconds(event), width = plot.getBoundingClientRect().width;
    pressed = null;
    pick(0, 0);
    if (Math.abs(until - from) / data.seconds * width > 8) zoom(Math.min(from, until), Math.max(from, until));
  });
  document.addEventListener("pointercancel", function () { pressed = null; if (plot) pick(0, 0); });
  document.addEventListener("pointerdown", function (event) { if (plot && at !== null && !plot.contains(event.target)) leave(); });
  document.addEventListener("pointerout", function (event) {
    var to = event.relatedTarget;
    if (!plot || touched || pressed !== null || !plot.contains(event.target) || (to && plot.contains(to))) return;
    if (document.activeElement !== plot) leave();
  });
  on("focusout", leave);
  on("dblclick", function (event) { if (data.seconds > 3600) nearer(seconds(event), data.seconds > 22000 ? 0.25 : 1 / 6); });
  on("keydown", function (event) {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    var small = data.seconds > 43200 ? 600 : data.seconds > 7200 ? 120 : 60, here = at === null ? +data.until : at;
    var moves = { ArrowLeft: -small, ArrowDown: -small, ArrowRight: small, ArrowUp: small, PageDown: -6 * small, PageUp: 6 * small, Home: -1e6, End: 1e6 };
    if (moves[event.key]) show(here + moves[event.key]);
    else if (event.key === "+" && data.seconds > 1800) nearer(here, 0.5);
    else if (event.key === "-" && !data.whole) further();
    else if (event.key === "Escape") { if (pressed !== null) { pressed = null; pick(0, 0); } else if (!data.whole) whole(); else leave(); }
    else return;
    event.preventDefault();
  });

  document.addEventListener("balupi:patched", function () {
    var part = $("plot") && $("plot").closest("[data-part]"), kept = at, start = data && data.start, length = data && data.seconds;
    if (!part || part.dataset.version === version) return;
    look();
    at = null;
    if (kept !== null && plot.dataset.start === start && plot.dataset.seconds === length) show(kept);
  });
  look();
})();
