"use strict";
// Sliders that choose one tile of a picture of many: a photo (row), a set of depths and a k (column).

for (const looker of document.querySelectorAll(".looker")) {
  const known = JSON.parse(looker.dataset.known);
  const photo = looker.querySelector("select");
  const inputs = Object.fromEntries(["depths", "k"].map((name) => [name, looker.querySelector(`input[name=${name}]`)]));
  const show = () => {
    const row = Number(photo.value);
    const depths = Number(inputs.depths.value);
    const k = Number(inputs.k.value);
    const shown = 2 * known.side;
    const tiles = looker.querySelector(".labels");
    looker.querySelector(".photo").style.backgroundPosition = `0 ${-row * shown}px`;
    tiles.style.backgroundPosition = `${-(depths * known.ks.length + k) * shown}px ${-row * shown}px`;
    tiles.style.backgroundSize = `${known.depths.length * known.ks.length * shown}px auto`;
    looker.querySelector("output[name=depths]").textContent = `{${known.depths[depths].replaceAll("-", ", ")}}`;
    looker.querySelector("output[name=k]").textContent = known.ks[k];
    const name = photo.selectedOptions[0].textContent;
    tiles.setAttribute("aria-label", `NAS clusters of ${name}, depths ${known.depths[depths]}, k = ${known.ks[k]}`);
    looker.querySelector(".photo").setAttribute("aria-label", name);
  };
  for (const input of [photo, ...Object.values(inputs)]) input.addEventListener("input", show);
  show();
}
