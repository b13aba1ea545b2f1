// Pointer, wheel, keys and buttons. Handlers are assigned, never added, for this runs again on every change of data.

function connectInput(part) {
  connectPointer(part);
  part.cells.onwheel = (event) => turnedWheel(part, event);
  part.cells.onkeydown = (event) => pressedKey(part, event);
  part.cells.onfocus = () => part.say(placeWords(part.scene.matrix, part.scene.selected));
  part.buttons.in.onclick = () => zoomToMark(part, 1.7);
  part.buttons.out.onclick = () => zoomToMark(part, 1 / 1.7);
  part.buttons.fit.onclick = () => part.look(wholeView(part.scene.layout));
  part.buttons.png.onclick = () => savePicture(part.scene);
}

function connectPointer(part) {
  const { cells } = part;
  cells.onpointerdown = (event) => pressed(part, event);
  cells.onpointermove = (event) => moved(part, event);
  cells.onpointerup = (event) => released(part, event);
  cells.onpointercancel = () => (part.drag = null);
  cells.onpointerleave = () => {
    if (part.drag === null) part.point(null);
  };
}

function pointOf(part, event) {
  const box = part.cells.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

const isZoomed = (scene) => scene.view.cell > scene.layout.fit * 1.001;

function mapPoint(scene, point) {
  const box = isZoomed(scene) ? mapBox(scene.layout) : null;
  if (box === null) return null;
  const [x, y] = [(point.x - box.left) / box.side, (point.y - box.top) / box.side];
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x: x * scene.matrix.entries, y: y * scene.matrix.entries } : null;
}

function centreView(part, target) {
  const { view, layout, matrix } = part.scene;
  const half = layout.side / view.cell / 2;
  part.look(heldView({ cell: view.cell, x: target.x - half, y: target.y - half }, layout, matrix.entries));
}

function pressed(part, event) {
  if (event.button !== 0) return;
  const point = pointOf(part, event);
  const onMap = mapPoint(part.scene, point);
  part.drag = { point, view: part.scene.view, moved: false, onMap: onMap !== null };
  if (onMap) centreView(part, onMap);
  part.cells.setPointerCapture(event.pointerId);
}

function moved(part, event) {
  const point = pointOf(part, event);
  const { scene, drag } = part;
  if (drag === null) {
    const place = placeAt(scene.layout, scene.view, scene.matrix.entries, point.x, point.y);
    part.point(mapPoint(scene, point) ? null : place, point);
    return;
  }
  if (drag.onMap) {
    const target = mapPoint(scene, point);
    if (target) centreView(part, target);
    return;
  }
  const [right, down] = [point.x - drag.point.x, point.y - drag.point.y];
  if (Math.hypot(right, down) > 4) drag.moved = true;
  if (!drag.moved || !isZoomed(scene)) return;
  part.point(null);
  const { cell, x, y } = drag.view;
  part.look(heldView({ cell, x: x - right / cell, y: y - down / cell }, scene.layout, scene.matrix.entries));
}

function released(part, event) {
  const { drag, scene } = part;
  part.drag = null;
  if (drag === null || drag.moved || drag.onMap) return;
  const point = pointOf(part, event);
  const place = placeAt(scene.layout, scene.view, scene.matrix.entries, point.x, point.y);
  if (place === null) return;
  const again = samePlace(place, part.lastPlace) && event.timeStamp - part.lastTime < 350 && event.detail > 1;
  part.lastPlace = place;
  part.lastTime = event.timeStamp;
  if (again && scene.view.cell < scene.layout.most) zoomBy(part, 2.5, point.x, point.y);
  else part.open(place);
}

function zoomBy(part, factor, x, y) {
  const { view, layout, matrix } = part.scene;
  part.look(zoomed(view, layout, matrix.entries, factor, x, y));
}

// The plain wheel belongs to the page; with Ctrl or Cmd it zooms, sideways it moves a zoomed matrix.
function turnedWheel(part, event) {
  const { scene } = part;
  const point = pointOf(part, event);
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoomBy(part, Math.exp(-clamped(event.deltaY, -120, 120) / 220), point.x, point.y);
    return;
  }
  if (!isZoomed(scene) || Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
  event.preventDefault();
  const { cell, x, y } = scene.view;
  part.look(heldView({ cell, x: x + event.deltaX / cell, y }, scene.layout, scene.matrix.entries));
}

function steppedPlace(place, key, entries, whole) {
  const last = entries - 1;
  const step = (index, by) => (index === null ? null : clamped(index + by, 0, last));
  const { row, column } = place;
  if (key === "ArrowUp") return { row: row === 0 && column !== null ? null : step(row, -1), column };
  if (key === "ArrowDown") return { row: row === null ? 0 : step(row, 1), column };
  if (key === "ArrowLeft") return { row, column: column === 0 && row !== null ? null : step(column, -1) };
  if (key === "ArrowRight") return { row, column: column === null ? 0 : step(column, 1) };
  if (key === "PageUp") return { row: step(row ?? 0, -10), column };
  if (key === "PageDown") return { row: step(row ?? 0, 10), column };
  if (key === "Home") return { row: whole ? 0 : row, column: 0 };
  return { row: whole ? last : row, column: last };
}

const movingKeys = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"]);

function pressedKey(part, event) {
  const { selected, matrix, layout } = part.scene;
  const chord = event.ctrlKey || event.metaKey;
  if (movingKeys.has(event.key)) {
    const start = selected ?? { row: 0, column: 0 };
    part.move(selected === null ? start : steppedPlace(start, event.key, matrix.entries, chord));
  } else if ((event.key === "Enter" || event.key === " ") && selected !== null) part.open(selected);
  else if (event.key === "Escape" && selected !== null) part.open(null);
  else if ((event.key === "+" || event.key === "=") && !chord) zoomToMark(part, 1.7);
  else if (event.key === "-" && !chord) zoomToMark(part, 1 / 1.7);
  else if (event.key === "0" && !chord) part.look(wholeView(layout));
  else return;
  event.preventDefault();
  event.stopPropagation(); // a button of the page may have the same key as its shortcut
}

// Without a pointer, the marked cell is what holds still; without a mark in sight, the middle.
function zoomToMark(part, factor) {
  const { layout, view, selected } = part.scene;
  const held = (index, from, start) => {
    const offset = index === undefined || index === null ? -1 : (index + 0.5 - from) * view.cell;
    return start + (offset >= 0 && offset <= layout.side ? offset : layout.side / 2);
  };
  zoomBy(part, factor, held(selected?.column, view.x, layout.left), held(selected?.row, view.y, layout.top));
}
