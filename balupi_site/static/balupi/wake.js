/* Looks again every few seconds: at who answers under this name, and at how far the NAS is. A hidden tab asks nothing. */
(function () {
  "use strict";
  var body = document.body, due = 0, busy = false;
  if (!window.fetch || !window.DOMParser) { setTimeout(function () { location.replace(body.dataset.here); }, body.dataset.every * 1000); return; }

  /* the NAS answers where the Pi did: on to what was wanted, by a real request */
  function takenOver() {
    if (location.pathname + location.search === body.dataset.here) location.reload(); else location.replace(body.dataset.here);
  }
  function show(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html"), main = fresh.getElementById("main"), old = document.getElementById("main"), told = document.getElementById("told");
    if (!main) return;
    body.dataset.every = fresh.body.dataset.every;
    if (document.title !== fresh.title) { document.title = fresh.title; told.textContent = main.querySelector("h1").textContent; }
    /* compared as text: a form's token is another one each time, and a button under the finger stays */
    if (main.textContent === old.textContent) return;
    var held = old.contains(document.activeElement);
    body.dataset.sky = fresh.body.dataset.sky;
    old.replaceWith(document.adoptNode(main));
    if (held) (main.querySelector(".btn") || main).focus();
  }
  function look() {
    return fetch("/api/health", { cache: "no-store", headers: { Accept: "application/json" } }).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (health) {
      if (!health) return null; /* nobody is ready yet */
      if (health.service !== "balupi") { takenOver(); return null; }
      return fetch(body.dataset.status, { cache: "no-store", headers: { Accept: "text/html" } }).then(function (answer) {
        return answer.headers.get("X-BaluPi") ? answer.text().then(show) : null;
      });
    });
  }
  function step() {
    if (busy || document.hidden || Date.now() < due) return;
    busy = true;
    look().catch(function () { /* the Pi is away for a moment */ }).then(function () { busy = false; due = Date.now() + body.dataset.every * 1000; });
  }
  due = Date.now() + Math.min(body.dataset.every, 2) * 1000;
  setInterval(step, 500);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { due = 0; step(); } });
})();
