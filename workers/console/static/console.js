// What the pages need beyond htmx: keys for the desk, and logs that stay at their end.
(() => {
  "use strict";
  const CONNECT_MS = 10000;
  const typing = (target) => target.matches("input, textarea, select, [contenteditable]");
  const first = (selector) => document.querySelector(selector);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (event.key === "Enter" && event.shiftKey === false && event.target.matches("textarea[data-enter]")) {
      event.preventDefault();
      return event.target.form.requestSubmit();
    }
    if (typing(event.target)) return;
    const known = document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`);
    for (const element of known) {
      if (element.disabled || element.offsetParent === null) continue;
      event.preventDefault();
      if (element.matches("summary")) {
        element.parentElement.open = true;
        element.parentElement.querySelector("input:not([type=hidden]), textarea, select")?.focus();
      } else if (typing(element)) element.focus();
      else element.click();
      return;
    }
    if (event.key === "j" || event.key === "k") {
      const cases = [...document.querySelectorAll("#desk-list a.case")];
      if (!cases.length) return;
      const at = cases.indexOf(document.activeElement.closest("a.case"));
      const next = event.key === "j" ? Math.min(at + 1, cases.length - 1) : Math.max(at - 1, 0);
      cases[next].focus();
      event.preventDefault();
    }
  });

  // A conversation is read from its end; whoever scrolled up is left there.
  const logs = new WeakMap();
  const follow = () => {
    for (const log of document.querySelectorAll("[data-follow]")) {
      if (logs.get(log) !== false) log.scrollTop = log.scrollHeight;
    }
  };
  document.addEventListener("scroll", (event) => {
    const log = event.target;
    if (log.matches?.("[data-follow]")) {
      logs.set(log, log.scrollHeight - log.scrollTop - log.clientHeight < 40);
    }
  }, true);
  document.addEventListener("htmx:sse:after:message", follow);
  document.addEventListener("htmx:after:swap", follow);
  document.addEventListener("DOMContentLoaded", follow);
  follow();

  // A page that hears nothing any more says so; its first news take the notice away.
  const silent = () => {
    const state = first("#now-state");
    if (!state || state.querySelector(".silent")) return;
    const note = document.createElement("p");
    note.className = "note bad silent";
    note.textContent = "The console does not answer. The page shows the last state and continues by itself.";
    state.replaceChildren(note);
  };
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401) return location.reload();
    silent();
  });

  // htmx connects a lost stream again, but gives up on one that never began.
  const live = first("[hx-sse\\:connect]");
  let connected = false;
  document.addEventListener("htmx:sse:after:connection", () => { connected = true; });
  document.addEventListener("htmx:sse:close", () => { connected = false; });
  setInterval(() => {
    if (!live || connected || document.hidden) return;
    silent();
    htmx.ajax("GET", live.getAttribute("hx-sse:connect"), { source: live, timeout: CONNECT_MS });
  }, CONNECT_MS + 1000);

  // What was sent leaves its field; what was not stays there.
  document.addEventListener("htmx:after:request", (event) => {
    const form = event.target.closest?.("form[data-clear]");
    if (form && event.detail.ctx?.response?.status < 300) form.reset();
  });
})();
