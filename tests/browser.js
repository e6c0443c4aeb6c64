"use strict";
// What a browser sees of a page: run in a copy of it, after axe where that is there; the answer goes to the page around it.

const errors = [];
window.addEventListener("error", (event) => errors.push(`${event.message || event.target.src || event.target.href}`), true);
window.addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));

// The cells of a column as they stand, those that begin with a number as numbers.
function column(table, place) {
  return [...table.tBodies[0].rows].map((row) => row.cells[place].textContent.trim());
}

function sorts() {
  const wrong = [];
  for (const table of document.querySelectorAll("table.data")) {
    const button = table.querySelector("th.n button");
    if (!button) continue;
    const heading = button.closest("th");
    const number = (text) => Number.parseFloat(text.replaceAll("−", "-"));
    for (const [way, sign] of [["ascending", 1], ["descending", -1]]) {
      button.click();
      const found = column(table, heading.cellIndex).map(number);
      const numbers = found.filter((each) => !Number.isNaN(each));
      const last = found.slice(numbers.length).every(Number.isNaN); // those without a number
      const right = last && numbers.every((each, place) => place === 0 || sign * (each - numbers[place - 1]) >= 0);
      if (!right || heading.getAttribute("aria-sort") !== way) wrong.push(`${heading.textContent} ${way}`);
    }
  }
  return wrong;
}

function searches() {
  const input = document.querySelector(".search input[type=search]");
  if (!input) return null;
  const rows = [...input.closest("figure, main").querySelectorAll("table.data tbody tr")];
  input.value = "surely in no row";
  input.dispatchEvent(new Event("input"));
  const hidden = rows.filter((row) => row.hidden).length;
  input.value = "";
  input.dispatchEvent(new Event("input"));
  return hidden > 0 && rows.every((row) => !row.hidden);
}

// A picture that is far below is not loaded before it is asked for.
function loaded(picture) {
  return new Promise((resolve) => {
    const probe = new Image();
    probe.onload = resolve;
    probe.onerror = () => resolve(errors.push(picture.src));
    probe.src = picture.src;
  });
}

window.addEventListener("load", async () => {
  await Promise.all([...document.images].map(loaded));
  const broken = [...document.querySelectorAll('a[href^="#"]')].filter(
    (link) => !document.getElementById(decodeURIComponent(link.hash.slice(1))),
  );
  const found = window.axe ? await window.axe.run(document, { resultTypes: ["violations"] }) : { violations: [], passes: [] };
  const seen = {
    errors,
    outside: performance.getEntriesByType("resource").map((each) => each.name).filter((name) => !name.startsWith("file:")),
    wider: document.documentElement.scrollWidth - window.innerWidth,
    width: window.innerWidth,
    anchors: broken.map((link) => link.hash),
    passes: found.passes.length,
    violations: found.violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`),
    unsorted: sorts(),
    searched: searches(),
  };
  window.parent.postMessage(JSON.stringify(seen), "*");
});
