// Pointer, wheel, keys and buttons. Handlers are assigned, never added, for this runs again on every change of data.

const reachPixels = 9;

function connectInput(part) {
  const { canvas, buttons, tools } = part;
  canvas.onpointerdown = (event) => pressed(part, event);
  canvas.onpointermove = (event) => moved(part, event);
  canvas.onpointerup = (event) => released(part, event);
  canvas.onpointercancel = () => endDrag(part);
  canvas.onpointerleave = () => part.drag === null && part.point(-1);
  canvas.onwheel = (event) => turnedWheel(part, event);
  canvas.onkeydown = (event) => pressedKey(part, event);
  buttons.in.onclick = () => zoomMiddle(part, 1.6);
  buttons.out.onclick = () => zoomMiddle(part, 1 / 1.6);
  buttons.fit.onclick = () => part.look(wholeOf(part));
  for (const tool of tools) tool.onclick = () => chooseTool(part, tool.dataset.tool);
}

const wholeOf = (part) => wholeView(part.scene.points, part.scene.view.width, part.scene.view.height);

function chooseTool(part, tool) {
  part.tool = tool;
  part.hint.textContent = hints[tool];
  for (const each of part.tools) {
    const chosen = each.dataset.tool === tool;
    each.setAttribute("aria-checked", String(chosen));
  }
  part.canvas.style.cursor = tool === "move" ? "grab" : "crosshair";
}

function pointOf(part, event) {
  const box = part.canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function pressed(part, event) {
  if (event.button > 1) return;
  const point = pointOf(part, event);
  const moves = part.tool === "move" || event.button === 1;
  const start = toMap(part.scene.view, point.x, point.y);
  part.drag = { moves, point, view: part.scene.view, start, line: [start], moved: false, adds: event.shiftKey };
  part.canvas.setPointerCapture(event.pointerId);
}

function moved(part, event) {
  const point = pointOf(part, event);
  const { drag, scene } = part;
  if (drag === null) {
    part.point(pointNear(scene, point.x, point.y, reachPixels), point);
    return;
  }
  const [right, down] = [point.x - drag.point.x, point.y - drag.point.y];
  if (Math.hypot(right, down) > 4) drag.moved = true;
  if (!drag.moved) return;
  part.point(-1);
  if (drag.moves) part.look(movedView(drag.view, right, down));
  else drawLine(part, drag, point);
}

function drawLine(part, drag, point) {
  const here = toMap(part.scene.view, point.x, point.y);
  if (part.tool === "box") drag.line = boxLine(drag.start, here);
  else drag.line.push(here);
  drawMarks(part.marks, part.scene, drag);
}

function endDrag(part) {
  part.drag = null;
  drawMarks(part.marks, part.scene, null);
}

function released(part, event) {
  const { drag, scene } = part;
  const point = pointOf(part, event);
  if (drag === null) return;
  if (drag.moved && !drag.moves) drawLine(part, drag, point);
  endDrag(part);
  if (drag.moved && !drag.moves && drag.line.length > 2) selectInside(part, drag);
  if (!drag.moved && event.button === 0) clicked(part, pointNear(scene, point.x, point.y, reachPixels), event);
}

function selectInside(part, drag) {
  const { scene } = part;
  const found = pointsInside(scene, drag.line);
  if (countOf(found) === 0) return part.say("No image in there.");
  if (drag.adds) for (let at = 0; at < found.length; at += 1) found[at] |= scene.selected[at];
  return part.select(found, "region");
}

function clicked(part, at, event) {
  const again = at >= 0 && at === part.lastClicked && event.timeStamp - part.lastTime < 400;
  [part.lastClicked, part.lastTime] = [at, event.timeStamp];
  if (at < 0) return;
  if (again) {
    part.open(at);
    return;
  }
  const found = event.shiftKey ? part.scene.selected.slice() : new Uint8Array(part.scene.points.n);
  found[at] = event.shiftKey ? 1 - found[at] : 1;
  part.select(found, countOf(found) === 1 ? "point" : "region");
}

// The plain wheel belongs to the page until the map was clicked; zoomed out as far as it goes, it does again.
function turnedWheel(part, event) {
  const { canvas, scene } = part;
  const ours = event.ctrlKey || event.metaKey || canvas.getRootNode().activeElement === canvas;
  const atTheEnd = event.deltaY > 0 && scene.view.scale <= scene.view.fit * 1.001;
  if (!ours || (atTheEnd && !event.ctrlKey)) return;
  event.preventDefault();
  const point = pointOf(part, event);
  const factor = Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) / 300);
  const next = zoomedView(scene.view, factor, point.x, point.y);
  part.look(next.scale <= next.fit ? wholeOf(part) : next);
}

function zoomMiddle(part, factor) {
  const { view } = part.scene;
  const next = zoomedView(view, factor, view.width / 2, view.height / 2);
  part.look(next.scale <= next.fit ? wholeOf(part) : next);
}

function selectInView(part) {
  const { view } = part.scene;
  const found = pointsInside(part.scene, boxLine(toMap(view, 0, 0), toMap(view, view.width, view.height)));
  if (countOf(found)) part.select(found, "region");
}

const steps = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const toolKeys = { l: "lasso", b: "box", m: "move" };

function pressedKey(part, event) {
  const chord = event.ctrlKey || event.metaKey || event.altKey;
  const { scene } = part;
  if (chord) return;
  if (steps[event.key]) {
    const [right, down] = steps[event.key].map((step) => step * 60);
    part.look(movedView(scene.view, right, down));
  } else if (event.key === "+" || event.key === "=") zoomMiddle(part, 1.6);
  else if (event.key === "-") zoomMiddle(part, 1 / 1.6);
  else if (event.key === "0") part.look(wholeOf(part));
  else if (event.key === "Enter") selectInView(part);
  else if (event.key === "Escape" && part.drag !== null) endDrag(part);
  else if (event.key === "Escape" && scene.count) part.select(new Uint8Array(scene.points.n), "region");
  else if (toolKeys[event.key]) chooseTool(part, toolKeys[event.key]);
  else return;
  event.preventDefault();
  event.stopPropagation(); // a button of the page may have the same key as its shortcut
}
