/* Asks for fresh parts of the page; a hidden tab asks nothing. */
(function () {
  "use strict";
  var parts = document.querySelectorAll("[data-live]"), lost = document.getElementById("lost"), due = new Map();
  function ask(now) {
    if (document.hidden || !window.htmx) return;
    parts.forEach(function (part) {
      if (now < (due.get(part) || 0)) return;
      due.set(part, now + part.dataset.every * 1000);
      window.htmx.trigger(part, "refresh");
    });
  }
  parts.forEach(function (part) { due.set(part, Date.now() + part.dataset.every * 1000); });
  setInterval(function () { ask(Date.now()); }, 1000);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { due.clear(); ask(Date.now()); } });
  document.addEventListener("htmx:afterRequest", function (event) {
    var answer = event.detail.xhr;
    lost.hidden = event.detail.successful || answer.status === 401 || answer.status === 403;
    if (answer.status === 401 || answer.status === 403) location.reload();
  });
  /* a focused control must not be pulled away from under the finger */
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target.contains(document.activeElement) && document.activeElement.matches("button, input")) event.detail.shouldSwap = false;
  });
})();
