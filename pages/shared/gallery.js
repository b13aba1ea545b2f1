// Thumbnails as real buttons. Names are only ever written as text: a class may be called "<b>".

const signs = { right: "M1.8 5.4 4 7.6 8.4 2.6", wrong: "M2.2 2.2l5.8 5.8M8 2.2 2.2 8" };

function piece(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Long class names may break after their own joints, not in the middle of a word.
function nameOf(text) {
  const name = piece("span", "name");
  name.title = text;
  for (const part of text.split(/(?<=[_/\-.])/)) name.append(part, document.createElement("wbr"));
  return name;
}

const percent = (confidence) => `${Math.min(99.9, confidence * 100).toFixed(confidence > 0.995 ? 1 : 0)}%`;

function words(item) {
  const sure = item.confidence === null ? "" : `, confidence ${percent(item.confidence)}`;
  const verdict = item.right ? `${item.label}, rightly predicted` : `${item.label}, predicted ${item.predicted}`;
  return verdict + sure + (item.note ? `, ${item.note}` : "");
}

function pictureOf(item) {
  const picture = piece("span", "picture");
  if (item.thumbnail) {
    const image = piece("img", "");
    image.src = `data:image/jpeg;base64,${item.thumbnail}`;
    image.alt = words(item);
    image.draggable = false;
    picture.append(image);
  } else picture.append(piece("span", "missing", "no picture: the file cannot be read"));
  picture.append(signOf(item));
  return picture;
}

function signOf(item) {
  const sign = piece("span", "sign");
  sign.title = item.right ? "right" : "wrong";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", item.right ? signs.right : signs.wrong);
  svg.append(path);
  sign.append(svg);
  return sign;
}

function captionOf(item) {
  const caption = piece("span", "caption");
  const predicted = piece("span", "predicted");
  if (item.label !== item.predicted) {
    caption.append(nameOf(item.label));
    predicted.append(piece("span", "arrow", "→"));
  }
  predicted.append(nameOf(item.predicted));
  caption.append(predicted);
  const more = [item.confidence === null ? "" : percent(item.confidence), item.note].filter(Boolean);
  if (more.length) caption.append(piece("span", "note", more.join(" · ")));
  caption.setAttribute("aria-hidden", item.thumbnail ? "true" : "false"); // the alt text says it all
  return caption;
}

function buttonOf(item, source) {
  const button = piece("button", `item ${item.right ? "is-right" : "is-wrong"}`);
  button.type = "button";
  button.dataset.imageId = item.id;
  button.source = source;
  button.append(pictureOf(item), captionOf(item));
  return button;
}

// Buttons whose picture and words stayed the same are kept, so nothing flickers and the focus stays.
function arranged(grid, items) {
  const before = new Map(Array.from(grid.children, (button) => [button.dataset.imageId, button]));
  const buttons = items.map((item) => {
    const source = JSON.stringify(item);
    const kept = before.get(item.id);
    return kept?.source === source ? kept : buttonOf(item, source);
  });
  const same = buttons.length === grid.children.length && buttons.every((button, at) => button === grid.children[at]);
  if (!same) {
    const focused = grid.getRootNode().activeElement;
    grid.replaceChildren(...buttons);
    if (buttons.includes(focused)) focused.focus({ preventScroll: true });
  }
  return buttons;
}

function marked(buttons, selected) {
  const stop = buttons.find((button) => button.dataset.imageId === selected) ?? buttons[0];
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.imageId === selected));
    button.tabIndex = button === stop ? 0 : -1; // one stop for the Tab key; arrows go on from there
  }
}

function neighbour(buttons, from, key) {
  const at = buttons.indexOf(from);
  const perRow = Math.max(1, buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow }[key];
  if (key === "Home") return buttons[0];
  if (key === "End") return buttons[buttons.length - 1];
  return step === undefined ? undefined : buttons[at + step];
}

const movingKeys = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"]);

function moved(event, buttons) {
  if (!movingKeys.has(event.key)) return;
  event.stopPropagation(); // also at the last image: a button of the page may have the same key as its shortcut
  const target = neighbour(buttons, event.target.closest("button"), event.key);
  if (target === undefined) return;
  event.preventDefault();
  for (const button of buttons) button.tabIndex = button === target ? 0 : -1;
  target.focus();
}

// Only sideways: the page itself must stay where it is.
function arrangeStrip(root, buttons, selected) {
  for (const button of buttons) button.title = words(JSON.parse(button.source));
  const chosen = buttons.find((button) => button.dataset.imageId === selected);
  if (chosen) root.scrollLeft = chosen.offsetLeft - (root.clientWidth - chosen.offsetWidth) / 2;
}

function isDark(element) {
  const brush = document.createElement("canvas").getContext("2d");
  brush.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color").trim() || "#fff";
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(brush.fillStyle.slice(at, at + 2), 16));
  return red * 0.3 + green * 0.59 + blue * 0.11 < 128;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery");
  const [grid, empty] = [root.querySelector(".grid"), root.querySelector(".empty")];
  root.classList.toggle("compact", data.compact);
  root.classList.toggle("strip", Boolean(data.strip));
  root.classList.toggle("dark", isDark(root));
  if (data.columns) grid.style.setProperty("--columns", data.columns);
  else grid.style.removeProperty("--columns");
  const buttons = arranged(grid, data.items);
  grid.hidden = buttons.length === 0;
  grid.setAttribute("aria-label", `${buttons.length} images`);
  empty.hidden = buttons.length > 0;
  empty.textContent = data.empty;
  marked(buttons, data.selected);
  if (data.strip) arrangeStrip(root, buttons, data.selected);
  grid.onkeydown = (event) => moved(event, buttons);
  grid.onclick = (event) => {
    const button = event.target.closest("button");
    if (button === null) return;
    marked(buttons, button.dataset.imageId);
    setTriggerValue("open", button.dataset.imageId);
  };
}
