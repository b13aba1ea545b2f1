/* Pictures with their relevance laid over them. The opacity is one CSS variable of the whole document, so
   every picture follows the slider at once, without asking the server. New data changes what is there in
   place: a map that gets better while a method runs never flickers and never moves. */

const OPACITY = "--errorscope-relevance-opacity";
const USUAL_OPACITY = "0.9";
const FILTER = "--errorscope-photo-filter";
const GREY = "grayscale(1) brightness(0.75)";

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function child(parent, name, className) {
  const found = parent.querySelector(`:scope > .${className}`);
  if (found) return found;
  const made = element(name, className);
  parent.append(made);
  return made;
}

// A picture takes the place of another one only when it can be painted.
function show(image, source) {
  if (image.wanted === source) return;
  const first = !image.wanted;
  image.wanted = source;
  image.hidden = !source;
  if (!source) {
    image.removeAttribute("src");
    return;
  }
  const put = () => { if (image.wanted === source) image.src = source; };
  if (first) {
    put();
    return;
  }
  const loading = new Image();
  loading.src = source;
  loading.decode().then(put, put);
}

function figureOf(row, place) {
  const known = row.children[place];
  if (known) return known;
  const figure = element("figure", "map");
  const frame = element("div", "frame");
  frame.append(element("img", "photo"), element("img", "seen"));
  frame.append(element("div", "word"), element("div", "badge"), element("div", "bar"));
  frame.querySelector(".word").setAttribute("role", "status");
  figure.append(frame, element("figcaption", ""));
  row.append(figure);
  return figure;
}

function draw(figure, map, data) {
  const frame = figure.querySelector(".frame");
  frame.style.aspectRatio = Math.min(1.8, Math.max(data.ratio, 0.6));
  frame.classList.toggle("waiting", Boolean(map.waiting));
  const [photo, seen] = ["photo", "seen"].map((name) => frame.querySelector(`.${name}`));
  show(photo, map.base || data.base);
  photo.alt = "the image";
  show(seen, "frame" in map ? map.frame : data.frame);
  seen.alt = "";
  if (map.relevance) {
    const relevance = frame.querySelector(".relevance") ?? element("img", "relevance");
    if (!relevance.parentNode) seen.after(relevance);
    show(relevance, map.relevance);
    relevance.alt = map.alt_map || map.title;
  } else frame.querySelector(".relevance")?.remove();
  const [word, badge, bar] = ["word", "badge", "bar"].map((name) => frame.querySelector(`.${name}`));
  word.textContent = map.word || "";
  badge.textContent = map.badge || "";
  const running = typeof map.fraction === "number";
  bar.hidden = !running;
  if (running) bar.style.width = `${Math.max(2, map.fraction * 100)}%`;
  const caption = figure.querySelector("figcaption");
  caption.textContent = map.title;
  caption.title = map.title;
}

function slider(data, tell) {
  const label = element("label", "opacity", "Opacity");
  const input = element("input");
  input.type = "range";
  input.min = "0";
  input.max = "1";
  input.step = "0.05";
  input.value = document.documentElement.style.getPropertyValue(OPACITY) || USUAL_OPACITY;
  input.setAttribute("aria-label", "Opacity of the relevance");
  input.oninput = () => document.documentElement.style.setProperty(OPACITY, input.value);
  if (data.legend) {
    input.onchange = () => tell("opacity", Number(input.value));
    // Moved on another page, whose slider tells nobody.
    if (Number(input.value) !== data.opacity) input.onchange();
  }
  label.append(input);
  return label;
}

// Fine maps are lost on a coloured picture: what is under the maps can be drawn in grey.
function greyBox(data, tell) {
  const label = element("label", "grey", "Grey picture");
  const box = element("input");
  box.type = "checkbox";
  box.checked = data.grey;
  const apply = () => document.documentElement.style.setProperty(FILTER, box.checked ? GREY : "none");
  box.onchange = () => {
    apply();
    tell("grey", box.checked);
  };
  apply();
  label.prepend(box);
  return label;
}

// The scale that all maps share, in the colours they are drawn in.
function drawLegend(root, legend) {
  const box = child(root, "div", "legend");
  if (!box.children.length) box.append(element("span", "low"), element("span", "ramp"), element("span", "high"));
  const [low, ramp, high] = box.children;
  low.textContent = legend.low;
  high.textContent = legend.high;
  ramp.style.background = `linear-gradient(to right, ${legend.colours.join(", ")})`;
}

function drawHead(root, data, tell) {
  const head = child(root, "div", "head");
  if (!head.children.length) {
    const words = element("div", "words");
    words.append(element("strong", ""), element("span", "note"));
    head.append(words);
    if (data.slider) head.append(slider(data, tell));
  }
  head.querySelector("strong").textContent = data.label;
  head.querySelector(".note").textContent = data.note;
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".attributions");
  root.classList.toggle("scale", Boolean(data.legend));
  root.classList.toggle("greyable", Boolean(data.greyable));
  if (data.label) drawHead(root, data, setStateValue);
  if (data.legend) {
    drawLegend(root, data.legend);
    if (!root.querySelector(".opacity")) root.append(greyBox(data, setStateValue), slider(data, setStateValue));
  }
  if (!data.maps) return;
  const row = child(root, "div", "row");
  data.maps.forEach((map, place) => draw(figureOf(row, place), map, data));
  while (row.children.length > data.maps.length) row.lastChild.remove();
}
