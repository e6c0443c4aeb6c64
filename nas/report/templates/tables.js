"use strict";
// Tables of numbers: a click on a heading sorts by it, and words typed above keep the rows that have them all.

const NUMBER = /^[+-]?\d+(\.\d+)?/;

// What a cell is sorted by: its first number, or its text; cells without a number come last.
function keyOf(cell) {
  const text = cell.textContent.trim().replaceAll("−", "-");
  const found = NUMBER.exec(text.replaceAll(",", ""));
  return found ? Number(found[0]) : text.toLowerCase();
}

function compare(one, other, sign) {
  if (typeof one === typeof other) return sign * (one < other ? -1 : Number(one > other));
  return typeof one === "number" ? -1 : 1;
}

function sortBy(table, column, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row.cells[column]), row]);
  rows.sort((a, b) => compare(a[0], b[0], down ? -1 : 1));
  table.tBodies[0].append(...rows.map((each) => each[1]));
  for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    if (heading.tagName !== "TH") return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, column, heading));
    heading.append(button);
  });
}

function makeSearchable(table) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("span");
  label.className = "search";
  input.type = "search";
  count.setAttribute("aria-live", "polite");
  label.append("Rows with ", input, " ", count);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    count.textContent = words.length ? `${left} of ${table.tBodies[0].rows.length}` : "";
  });
  (table.closest(".scroll") ?? table).before(label);
}

for (const table of document.querySelectorAll("table.data")) {
  if (table.tBodies.length !== 1 || table.tBodies[0].rows.length < 2) continue;
  makeSortable(table);
  if (table.tBodies[0].rows.length > 12) makeSearchable(table);
}
