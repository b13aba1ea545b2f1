// One button for each channel: its map, or the maps of two images, and what it adds to the answer.

function piece(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function words(tile) {
  if (tile.silent) return `channel ${tile.id}, silent`;
  return `channel ${tile.id}, influence ${tile.influence.join(" and ")}, strength ${tile.strength.join(" and ")}`;
}

function tileOf(tile, source) {
  const button = piece("button", "tile");
  button.type = "button";
  button.dataset.channel = tile.id;
  button.source = source;
  button.title = words(tile);
  button.setAttribute("aria-label", words(tile));
  const pictures = piece("span", "pictures");
  for (const content of tile.pictures) {
    const image = piece("img", "");
    image.src = `data:image/png;base64,${content}`;
    image.alt = "";
    image.draggable = false;
    pictures.append(image);
  }
  const bar = piece("span", "bar");
  bar.style.setProperty("--share", tile.share);
  const caption = piece("span", "caption");
  caption.append(piece("span", "number", tile.id));
  if (tile.silent) caption.append(piece("span", "silent", "silent"));
  else for (const value of tile.influence) {
    caption.append(piece("span", value.startsWith("-") ? "value against" : "value", value.replace("-", "−")));
  }
  button.append(pictures, bar, caption);
  return button;
}

// Tiles that stayed the same are kept, so nothing flickers and the focus stays.
function arranged(grid, tiles) {
  const before = new Map(Array.from(grid.children, (each) => [each.dataset.channel, each]));
  const buttons = tiles.map((tile) => {
    const source = JSON.stringify(tile);
    const kept = before.get(tile.id);
    return kept?.source === source ? kept : tileOf(tile, source);
  });
  const focused = grid.getRootNode().activeElement;
  if (buttons.length !== grid.children.length || buttons.some((each, at) => each !== grid.children[at])) {
    grid.replaceChildren(...buttons);
    if (buttons.includes(focused)) focused.focus({ preventScroll: true });
  }
  return buttons;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".channels");
  grid.classList.toggle("two", data.columns > 1);
  grid.setAttribute("aria-label", `${data.tiles.length} channels`);
  for (const button of arranged(grid, data.tiles)) {
    button.setAttribute("aria-pressed", String(button.dataset.channel === data.selected));
  }
  grid.onclick = (event) => {
    const button = event.target.closest("button");
    if (button !== null) setTriggerValue("open", button.dataset.channel);
  };
}
