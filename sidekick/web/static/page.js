"use strict";

// Alert text is never put together with markup here: it stays in attributes and text that the server escaped.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = (button.dataset.label ??= button.textContent); // it says "Copied" at a second click
  button.textContent = (await copied(button.dataset.copy)) ? "Copied" : "Mark the text and copy it by hand";
  setTimeout(() => { button.textContent = label; }, 2000);
});

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // over plain HTTP from another host a browser lends no clipboard
  }
}

// j and k walk through the list, / goes to the search; never while somebody types.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const step = { j: 1, k: -1 }[event.key];
  if (step) walk(step);
  else if (event.key === "/") document.querySelector("[data-search]")?.focus();
  else return;
  event.preventDefault();
});

function walk(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const next = rows[rows.indexOf(document.activeElement) + step];
  (next ?? (step > 0 ? rows[0] : rows.at(-1)))?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-all]");
  if (!button) return;
  const boxes = [...button.form.querySelectorAll(`[name="${button.dataset.all}"]`)];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-confirm]");
  if (button && !confirm(button.dataset.confirm)) event.preventDefault();
});

// What changes by itself is asked for anew, unless somebody is at work in it or looks elsewhere.
setInterval(() => {
  const part = document.querySelector("[data-renew]");
  const busy = part?.contains(document.activeElement) || part?.querySelector("details[open]");
  if (part && !document.hidden && !busy) htmx.trigger(part, "renew");
}, 3000);

// An answer that is no page of ours, or none at all, takes the place of nothing.
function heard(answered) {
  document.querySelector("#lost").hidden = answered;
}
document.addEventListener("htmx:sendError", () => heard(false));
document.addEventListener("htmx:beforeSwap", (event) => {
  event.detail.shouldSwap &&= event.detail.serverResponse.includes('<main id="main"');
  heard(event.detail.shouldSwap);
});

function tellLocalTimes(root) {
  for (const time of root.querySelectorAll("time:not([title])")) {
    time.title = new Date(time.dateTime).toLocaleString() + " here";
  }
}

document.addEventListener("DOMContentLoaded", () => tellLocalTimes(document));
document.addEventListener("htmx:afterSettle", (event) => {
  tellLocalTimes(document);
  // After an action its outcome is what a keyboard or a screen reader goes on from.
  if (event.detail.requestConfig?.verb === "post") document.querySelector("#said")?.focus();
});
