/* Keeps the page fresh: counts ages, greys what is old, asks for the parts that changed. A hidden tab asks nothing. */
(function () {
  "use strict";
  var main = document.getElementById("main"), lost = document.getElementById("lost");
  var asking = null, due = 0, failures = 0, ahead = Date.now() / 1000 - main.dataset.now;

  /* ---- ages: what words.py says, second by second; from two days on the text stays as it came ---- */
  function span(s) {
    if (s < 120) return s + "\u00a0s";
    var m = Math.floor(s / 60), h = Math.floor(m / 60);
    if (m < 60) return m + "\u00a0min";
    return h + "\u00a0h" + (m % 60 ? "\u00a0" + (m % 60) + "\u00a0min" : "");
  }
  function count() {
    var now = Date.now() / 1000 - ahead;
    document.querySelectorAll("[data-age]").forEach(function (el) {
      var s = Math.max(0, Math.floor(now - el.dataset.age));
      if (s < 172800) write(el.firstChild || el.appendChild(document.createTextNode("")), main.dataset.ago.replace("%(span)s", span(s)));
    });
    document.querySelectorAll("[data-stale-at]").forEach(function (el) {
      el.toggleAttribute("data-stale", failures > 1 || now >= el.dataset.staleAt);
    });
  }
  /* either clock may be set while the page is open: the Pi has none of its own, and a restored tab is of yesterday */
  function compare(date) {
    var fresh = Date.now() / 1000 - Date.parse(date) / 1000;
    if (Math.abs(fresh - ahead) > 2) { ahead = fresh; count(); }
  }
  function write(node, text) { if (node.nodeValue !== text) node.nodeValue = text; }

  /* ---- patching: of the same shape only texts and attributes change, so focus and motion stay ---- */
  function patch(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) { old.replaceWith(fresh); return; }
    if (old.nodeType !== 1) { write(old, fresh.nodeValue); return; }
    Array.from(old.attributes).forEach(function (a) { if (!fresh.hasAttribute(a.name)) old.removeAttribute(a.name); });
    Array.from(fresh.attributes).forEach(function (a) { if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value); });
    patchWithin(old, fresh);
  }
  function patchWithin(old, fresh) {
    var olds = Array.from(old.childNodes), news = Array.from(fresh.childNodes);
    news.forEach(function (node, i) { if (olds[i]) patch(olds[i], node); else old.appendChild(node); });
    olds.slice(news.length).forEach(function (node) { node.remove(); });
  }
  /* a line more or less makes other elements of those below it: what was opened stays open, and the focus where it was */
  function renew(old, fresh) {
    var focused = old.contains(document.activeElement) ? document.activeElement : null;
    var opened = Array.from(old.querySelectorAll("details[open] > summary"), function (el) { return el.textContent; });
    fresh.querySelectorAll("details > summary").forEach(function (el) { if (opened.indexOf(el.textContent) >= 0) el.parentNode.open = true; });
    patchWithin(old, fresh);
    if (!focused || focused.isConnected) return;
    var again = Array.from(old.querySelectorAll(focused.nodeName)).find(function (el) { return el.textContent === focused.textContent; });
    if (again) again.focus({ preventScroll: true });
  }
  function show(html) {
    var box = document.createElement("template");
    box.innerHTML = html;
    box.content.querySelectorAll("[data-part]").forEach(function (fresh) {
      var old = main.querySelector('[data-part="' + fresh.dataset.part + '"]');
      if (!old) return;
      old.dataset.version = fresh.dataset.version;
      renew(old, fresh);
    });
    count();
    document.dispatchEvent(new CustomEvent("balupi:patched"));
  }

  /* ---- asking ---- */
  function have() {
    return Array.from(main.querySelectorAll("[data-part]"), function (el) { return el.dataset.part + ":" + el.dataset.version; }).join(",");
  }
  function ask() {
    if (asking) asking.abort();
    var mine = asking = new AbortController(), timer = setTimeout(function () { mine.abort(); }, 8000);
    var query = new URLSearchParams(location.search);
    query.set("have", have());
    return fetch(main.dataset.live + "?" + query, { cache: "no-store", signal: mine.signal }).then(function (answer) {
      var release = answer.headers.get("X-BaluPi");
      if (!release) throw new Error("not BaluPi"); /* the NAS took its name back: another server answers here */
      if (answer.status === 401 || answer.status === 403) { location.reload(); return ""; }
      if (!answer.ok) throw new Error(answer.status);
      if (release !== main.dataset.release) { location.reload(); return ""; } /* this script and its style are of another one */
      compare(answer.headers.get("Date"));
      return answer.status === 204 ? "" : answer.text();
    }).then(function (html) {
      failures = 0;
      if (html) show(html);
    }).catch(function () {
      if (asking === mine) failures += 1; /* another question took its place */
    }).then(function () {
      clearTimeout(timer);
      if (asking !== mine) return;
      asking = null;
      lost.hidden = failures < 2;
      main.toggleAttribute("data-lost", failures > 1);
      due = Date.now() + (failures ? 3000 : document.querySelector("[data-busy]") ? 2000 : 5000);
    });
  }
  function tick() {
    if (document.hidden) return;
    count();
    if (!asking && Date.now() >= due) ask();
  }
  due = Date.now() + 5000;
  count();
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { due = 0; tick(); } });

  /* ---- what the visitor chooses: the same links as without this script, but the page stays ---- */
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-view]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    var chosen = new URL(link.href.baseVal || link.href, location.href); /* a link of a drawing has it in "baseVal" */
    history.replaceState(null, "", chosen.search || location.pathname);
    document.querySelectorAll('.top input[name="next"]').forEach(function (input) { input.value = location.pathname + location.search; });
    ask();
  });
})();
