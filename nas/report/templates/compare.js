"use strict";
// The slider below a figure: how much of the right run lies over the left one.

for (const input of document.querySelectorAll('figure input[type="range"]')) {
  const over = input.closest("figure").querySelector(".over");
  const show = () => {
    over.style.clipPath = `inset(0 0 0 ${100 - Number(input.value)}%)`;
  };
  input.addEventListener("input", show);
  show();
}
