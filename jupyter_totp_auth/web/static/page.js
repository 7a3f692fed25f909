// Comfort for the sign-in pages. Every page works without this file, so nothing here may be the only way to do a thing.
// The page's CSP has no connect-src: there is no fetch, and nothing typed here leaves by any way but the form.
"use strict";

const all = (selector, work) => document.querySelectorAll(selector).forEach(work);

// Words live in the templates. data-alt holds the other wording; swapping twice restores the first.
function swapWords(element) {
  const words = element.textContent;
  element.textContent = element.dataset.alt;
  element.dataset.alt = words;
}

// One press, one request: a code works once, so a double click would be answered with a refusal.
function setSent(form, sent) {
  for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = sent;
}

all("form", (form) => {
  form.addEventListener("submit", () => {
    // Back to type=password first: browsers keep what was typed into plain text fields.
    for (const eye of form.querySelectorAll("[data-show]")) reveal(eye, false);
    setSent(form, true);
  });
});

// A page that comes back from the back/forward cache comes back as it was left: with its button disabled.
window.addEventListener("pageshow", () => all("form", (form) => setSent(form, false)));

// Show password. The label stays and aria-pressed changes, not both: "Hide password, pressed" says the opposite.
function reveal(eye, shown) {
  document.getElementById(eye.dataset.show).type = shown ? "text" : "password";
  eye.setAttribute("aria-pressed", String(shown));
}

all("[data-show]", (eye) => {
  eye.hidden = false;
  eye.addEventListener("click", () => reveal(eye, eye.getAttribute("aria-pressed") !== "true"));
});

// Tell about a slip in the second password before it is sent. The server looks again.
all("[data-same-as]", (again) => {
  const first = document.getElementById(again.dataset.sameAs);
  const compare = () => again.setCustomValidity(again.value === first.value ? "" : again.dataset.differs);
  again.addEventListener("input", compare);
  first.addEventListener("input", compare);
});

// The numeric keyboard of a phone has no letters, and a recovery code has.
all("[data-recovery]", (toggle) => {
  const field = document.getElementById(toggle.dataset.recovery);
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const letters = field.inputMode === "numeric";
    field.inputMode = letters ? "text" : "numeric";
    field.autocomplete = letters ? "off" : "one-time-code";
    field.value = "";
    all("[data-alt]", swapWords);
    field.focus();
  });
});

// An enrollment link is enroll#CODE: a fragment is not sent to any server. Take it out of the address at once, so that it
// is in no bookmark, screenshot or step back. (The browser's own list of visited addresses keeps it, whatever a page does:
// that is why a code is spent by its use.) On hashchange too: a second link pasted into this tab loads nothing.
all("[data-fragment]", (field) => {
  const take = () => {
    if (location.hash.length < 2) return;
    const filled = field.value !== "";
    try {
      field.value = decodeURIComponent(location.hash.slice(1));
    } catch {
      field.value = location.hash.slice(1); // a stray % is no reason to lose the rest
    }
    history.replaceState(history.state, "", location.pathname + location.search);
    document.getElementById("message")?.remove(); // it was about another code
    field.removeAttribute("aria-describedby");
    if (!filled) all("[data-alt]", swapWords);
    field.form.querySelector("button[type=submit]").focus();
  };
  take();
  window.addEventListener("hashchange", take);
});

// UTC is the same for everybody; one's own clock and language are nicer to read.
all("time", (moment) => {
  moment.textContent = new Date(moment.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
});

const lines = (selector) => Array.from(document.querySelectorAll(selector), (item) => item.textContent);

// navigator.clipboard exists on https and localhost only; a lab on plain http still has the old command.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("copy");
}

all("[data-copy]", (button) => {
  const words = button.textContent;
  let timer;
  const say = (text) => {
    button.textContent = text;
    document.getElementById("said").textContent = text; // role=status: a screen reader says it
    clearTimeout(timer);
    timer = setTimeout(() => { button.textContent = words; }, 3000);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    copy(lines(button.dataset.copy).join("\n")).then(
      () => say(button.dataset.done),
      () => say(button.dataset.failed),
    ).finally(() => button.focus());
  });
});

// Made here, not asked of the server: the codes are shown once, and no address answers with them again.
all("[data-download]", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = [button.dataset.heading, "", ...lines(button.dataset.download), ""].join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = button.dataset.filename;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
});

all("[data-print]", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});
