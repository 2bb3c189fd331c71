/* Wakes without leaving the page, counts seconds, and asks who answers under this name. A hidden tab asks nothing. */
(function () {
  "use strict";
  var body = document.body, told = document.getElementById("told");
  var asking = false, posting = false, turn = 0, due = 0, failures = 0, strangeSince = 0, shownAt = Date.now(), title = "";
  var still = matchMedia("(prefers-reduced-motion: reduce)");

  /* ---- the NAS answers where the Pi did: on to what was wanted, by a real request; never a form again ---- */
  function takenOver() {
    if (location.hash && location.pathname + location.search === body.dataset.here) location.reload();
    else location.replace(body.dataset.here + location.hash);
  }
  function isBaluHost(health) {
    return health && health.service !== "balupi" && health.status === "ok" && typeof health.version === "string";
  }

  /* ---- seconds ---- */
  function span(s) { return s < 120 ? s + "\u00a0s" : Math.floor(s / 60) + "\u00a0min"; }
  function write(el, words, s) {
    var text = words.replace("%(span)s", span(s));
    if (el.textContent !== text) el.textContent = text;
  }
  function count() {
    var passed = Math.floor((Date.now() - shownAt) / 1000), down = document.querySelector("[data-down]"), up = document.querySelector("[data-up]");
    var left = down ? down.dataset.down - passed : 0, elapsed = up ? +up.dataset.up + passed : 0;
    if (down) write(down, left > 0 ? down.dataset.words : down.dataset.late, left);
    if (up) write(up, left > 0 ? up.dataset.words : up.dataset.late, elapsed);
    document.querySelectorAll("[data-wait]").forEach(function (el) {
      if (el.dataset.wait - passed > 0) write(el, el.dataset.words, el.dataset.wait - passed); else el.parentNode.remove();
    });
    var wanted = (left > 0 ? span(left) + " · " : "") + title;
    if (document.title !== wanted) document.title = wanted;
    /* the sun and the bear rise with the time that has passed */
    if (elapsed && !still.matches) body.style.setProperty("--rise", (elapsed / (elapsed + Math.max(left, 0) || 1)).toFixed(3));
    else if (!elapsed) body.style.removeProperty("--rise");
  }

  /* ---- another page: focus and what was typed stay ---- */
  function show(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html"), main = fresh.getElementById("main"), old = document.getElementById("main");
    if (!main) return false;
    if (old.querySelector("button:active, a:active")) return true; /* under the finger; the next look brings it again */
    var focused = old.contains(document.activeElement) ? document.activeElement : null;
    old.querySelectorAll("input:not([type=hidden])").forEach(function (input) {
      var again = main.querySelector('input[name="' + input.name + '"]');
      if (again) again.value = input.value;
    });
    ["sky", "done", "every", "version", "here", "status"].forEach(function (name) { body.dataset[name] = fresh.body.dataset[name]; });
    document.querySelector("meta[name=theme-color]").content = fresh.querySelector("meta[name=theme-color]").content;
    old.replaceWith(document.adoptNode(main));
    if (focused) ((focused.name && main.querySelector('[name="' + focused.name + '"]')) || main.querySelector(".btn") || main).focus({ preventScroll: true });
    tell(main);
    begin();
    return true;
  }
  /* aloud: the sentence, and how far it is; never seconds */
  function tell(main) {
    var done = main.querySelectorAll(".stages .done span"), text = main.querySelector("h1").textContent;
    if (done.length) text += " " + done[done.length - 1].textContent + ".";
    if (told.textContent !== text) told.textContent = text;
  }
  function begin() {
    shownAt = Date.now();
    title = document.querySelector("h1").textContent.replace(/\.$/, "") + " – BaluPi";
    keepHash();
    count();
  }
  function keepHash() {
    document.querySelectorAll("a[data-hash], form").forEach(function (el) {
      var name = el.href ? "href" : "action";
      if (location.hash) el[name] = el[name].split("#")[0] + location.hash;
    });
  }

  /* ---- asking ---- */
  function get(address, options, seconds) {
    var stop = window.AbortController ? new AbortController() : null, timer = setTimeout(function () { if (stop) stop.abort(); }, (seconds || 8) * 1000);
    return fetch(address, Object.assign({ cache: "no-store", signal: stop ? stop.signal : undefined }, options)).finally(function () { clearTimeout(timer); });
  }
  function look() {
    var mine = turn;
    return get(body.dataset.status + "&have=" + body.dataset.version, { headers: { Accept: "text/html" } }).then(function (answer) {
      if (answer.status > 501 && !answer.headers.get("X-BaluPi")) throw new Error(answer.status); /* a proxy without its server */
      if (!answer.headers.get("X-BaluPi")) return whoIsIt();
      strangeSince = 0;
      if (answer.status === 204) return null;
      if (answer.ok) return answer.text().then(function (text) { if (mine === turn) show(text); });
      throw new Error(answer.status);
    });
  }
  function whoIsIt() {
    return get("/api/health", { headers: { Accept: "application/json" } }).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).catch(function () { return null; }).then(function (health) {
      if (isBaluHost(health)) takenOver();
      else strangeSince = strangeSince || Date.now();
    });
  }
  function ask() {
    asking = true;
    look().then(function () { failures = 0; }, function () { failures += 1; }).then(function () {
      asking = false;
      due = Date.now() + (failures ? 2 : +body.dataset.every) * 1000;
      document.getElementById("lost").hidden = failures < 2;
      document.getElementById("other").hidden = !strangeSince || Date.now() - strangeSince < 15000;
    });
  }
  function step() {
    count();
    if (!asking && !posting && !document.hidden && Date.now() >= due) ask();
  }

  /* ---- the button: the same form, but the page stays and the sun rises ---- */
  document.addEventListener("submit", function (event) {
    var form = event.target, button = form.querySelector("button");
    if (form.id !== "wake" || button.getAttribute("aria-disabled")) { if (form.id === "wake") event.preventDefault(); return; }
    event.preventDefault();
    button.setAttribute("aria-disabled", "true");
    posting = true;
    turn += 1; /* what was asked before the press is old news */
    var sent = new URLSearchParams(new FormData(form));
    sent.set("have", body.dataset.version);
    get(form.action, { method: "POST", body: sent, headers: { Accept: "text/html" } }, 30).then(function (answer) {
      if (!answer.headers.get("X-BaluPi")) return whoIsIt();
      return answer.text().then(function (text) { if (!show(text)) form.submit(); });
    }).catch(function () {
      failures = 2;
      document.getElementById("lost").hidden = false;
    }).then(function () { posting = false; button.removeAttribute("aria-disabled"); });
  });

  if (!window.fetch || !Promise.prototype.finally) { setTimeout(function () { location.replace(body.dataset.here); }, body.dataset.every * 1000); return; }
  due = Date.now() + Math.min(body.dataset.every, 2) * 1000;
  begin();
  setInterval(step, 500);
  addEventListener("hashchange", keepHash);
  addEventListener("pageshow", function (event) { if (event.persisted) { due = 0; step(); } });
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { due = 0; step(); } });
})();
