// What the map says: under the pointer, in the legend, to a screen reader. Names are only ever written as text.

const grouped = (number) => number.toLocaleString("en-US");
const images = (count) => `${grouped(count)} image${count === 1 ? "" : "s"}`;

const hints = {
  lasso: "drag around images; Ctrl + wheel zooms",
  box: "drag a box over images; Ctrl + wheel zooms",
  move: "drag the map; Ctrl + wheel zooms",
};

function pointWords({ names, labels, predicted, confidence }, at) {
  const [label, called] = [names[labels[at]], names[predicted[at]]];
  const verdict = label === called ? `${label}, recognised` : `${label} called ${called}`;
  return confidence[at] === 255 ? verdict : `${verdict} with ${Math.round(confidence[at] / 2.54)}%`;
}

function showTip(part, at, point) {
  const { tip, scene } = part;
  const words = document.createElement("div");
  words.textContent = pointWords(scene.points, at);
  const more = document.createElement("div");
  more.className = "more";
  more.textContent = "click to select, double-click to open";
  tip.replaceChildren(words, more);
  tip.hidden = false;
  const { width, height } = scene.view;
  const x = point.x + 14 + tip.offsetWidth <= width ? point.x + 14 : Math.max(0, point.x - 14 - tip.offsetWidth);
  const y = point.y + 16 + tip.offsetHeight <= height ? point.y + 16 : Math.max(0, point.y - 12 - tip.offsetHeight);
  tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
}

const outlines = {
  disc: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z",
  square: "M2 2h8v8h-8z",
  triangle: "M6 1.5 11 10.3H1z",
};

function swatch(colour, shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", outlines[shapes[shape]]);
  path.setAttribute("fill", css(colour));
  svg.append(path);
  return svg;
}

function drawLegend(part) {
  const { scene, legend } = part;
  const colours = coloursOf(scene);
  const counts = new Array(256).fill(0);
  for (const category of scene.categories) counts[category] += 1;
  const buttons = scene.entries.map((entry, category) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Select these images";
    const [name, count] = ["span", "span"].map((tag) => document.createElement(tag));
    [name.textContent, count.textContent, count.className] = [entry.name, grouped(counts[category]), "count"];
    button.append(swatch(colours[category], entry.shape), name, count);
    button.disabled = counts[category] === 0;
    button.onpointerenter = button.onfocus = () => part.emphasise(category);
    button.onpointerleave = button.onblur = () => part.emphasise(null);
    button.onclick = () => part.select(scene.categories.map((each) => (each === category ? 1 : 0)), "region");
    return button;
  });
  const left = document.createElement("span");
  if (counts[faint]) left.textContent = `${grouped(counts[faint])} filtered out, faint`;
  left.className = "count";
  left.style.cssText = "font-size:13px;padding:3px 8px";
  legend.replaceChildren(...buttons, left);
}

function describe(part) {
  part.canvas.setAttribute(
    "aria-label",
    `Map of ${images(part.scene.points.n)}. Arrow keys move the map, plus and minus zoom, zero shows all, ` +
      "Enter selects what is in view, Escape clears the selection. Buttons in the legend select by colour.",
  );
}
