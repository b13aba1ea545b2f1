// The component itself: one part per mounted matrix, kept on its element from one run of the script to the next.

const answerSeconds = 4; // how long a click waits for its echo before the script's word counts again
const keyPause = 150; // milliseconds between the last step of the keyboard and opening the cell

const placeFrom = (pair) => (pair === null ? null : { row: pair[0], column: pair[1] });
const placeKey = (place) => (place === null ? "" : `${place.row ?? ""},${place.column ?? ""}`);

function newPart(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const part = {
    root,
    cells: find("cells"),
    marks: find("marks"),
    bar: find("bar"),
    legend: find("legend"),
    stage: find("stage"),
    tip: find("tip"),
    lens: find("lens"),
    tipWords: find("tip-words"),
    live: find("live"),
    hint: find("hint"),
    buttons: { in: find("in"), out: find("out"), fit: find("fit"), png: find("png") },
    scene: { matrix: null, selected: null, hover: null, view: null, layout: null },
    sent: [], // clicks whose echo has not come back
    drag: null,
    lastPlace: null,
    lastTime: 0,
  };
  part.look = (view) => look(part, view);
  part.point = (place, point) => pointTo(part, place, point);
  part.open = (place) => open(part, place);
  part.move = (place) => move(part, place);
  part.say = (words) => (part.live.textContent = words);
  part.cells.cellCentre = (row, column) => centreOf(part.scene.layout, part.scene.view, { row, column });
  return part;
}

function sized(canvas, width, height, ratio) {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const brush = canvas.getContext("2d");
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  return brush;
}

function arrange(part) {
  const { scene } = part;
  const width = Math.floor(part.root.clientWidth);
  if (width < 40 || scene.matrix === null) return; // in a hidden tab there is no width yet
  const before = scene.layout;
  scene.ratio = window.devicePixelRatio || 1;
  scene.theme = themeOf(part.root);
  scene.measure = textMeasure(scene.theme);
  const { matrix, theme, measure } = scene;
  scene.layout = layoutFor(matrix, theme, measure, { width, height: matrix.height });
  const kept = before !== null && before.entries === matrix.entries && isZoomed({ ...scene, layout: before });
  scene.layout.entries = matrix.entries;
  scene.view = kept ? heldView(scene.view, scene.layout, matrix.entries) : wholeView(scene.layout);
  part.still = sized(part.cells, scene.layout.width, scene.layout.height, scene.ratio);
  part.moving = sized(part.marks, scene.layout.width, scene.layout.height, scene.ratio);
  part.magnifier = sized(part.lens, lensCells * lensCell, lensCells * lensCell, scene.ratio);
  part.stage.style.height = `${scene.layout.height}px`;
  drawLegend(sized(part.legend, legendWidth(scene), legendHeight, scene.ratio), scene);
  const used = scene.layout.left + scene.layout.side + scene.layout.totals;
  part.bar.style.maxWidth = `${Math.max(used, 560)}px`; // the tools stay with a matrix narrower than its place
  draw(part);
}

function draw(part) {
  const { scene, root, buttons } = part;
  drawStill(part.still, scene);
  drawMarks(part.moving, scene);
  const zooms = scene.layout.most > scene.layout.fit * 1.05;
  buttons.in.disabled = scene.view.cell >= scene.layout.most;
  buttons.out.disabled = buttons.fit.disabled = !isZoomed(scene);
  for (const name of ["in", "out", "fit"]) buttons[name].hidden = !zooms;
  part.hint.hidden = scene.layout.fit >= rowNeeds || scene.layout.width < 640;
  part.cells.style.touchAction = isZoomed(scene) ? "none" : "pan-y";
  root.dataset.zoom = (scene.view.cell / scene.layout.fit).toFixed(3);
  root.dataset.cell = scene.view.cell.toFixed(3);
  root.dataset.selected = placeKey(scene.selected);
  root.dataset.ready = "true";
}

function look(part, view) {
  part.scene.view = view;
  part.tip.hidden = true;
  draw(part);
}

function mark(part, place) {
  const { scene } = part;
  scene.selected = place;
  if (scene.layout === null) return; // in a hidden tab nothing is laid out yet
  const view = place === null ? scene.view : viewShowing(scene.view, scene.layout, scene.matrix.entries, place);
  if (view.x !== scene.view.x || view.y !== scene.view.y) look(part, view);
  part.root.dataset.selected = placeKey(place);
  drawMarks(part.moving, scene);
}

// The mark is set before the script answers: its answer takes a tenth of a second, the eye does not wait so long.
function open(part, place) {
  clearTimeout(part.pause);
  mark(part, place);
  part.say(placeWords(part.scene.matrix, place));
  part.sent.push({ key: placeKey(place), time: performance.now() });
  part.tell({ row: place?.row ?? null, column: place?.column ?? null });
}

function move(part, place) {
  part.point(null);
  mark(part, place);
  part.say(placeWords(part.scene.matrix, place));
  clearTimeout(part.pause);
  part.pause = setTimeout(() => open(part, place), keyPause);
}

// An echo of an older click must not take the mark back from a newer one.
function hear(part, place) {
  const now = performance.now();
  part.sent = part.sent.filter((click) => now - click.time < answerSeconds * 1000);
  const echo = part.sent.findIndex((click) => click.key === placeKey(place));
  part.sent = echo < 0 ? part.sent : part.sent.slice(echo + 1);
  if (echo >= 0 && part.sent.length) return;
  if (echo < 0 && part.sent.length && placeKey(place) === part.lastHeard) return;
  part.lastHeard = placeKey(place);
  if (!samePlace(place, part.scene.selected)) mark(part, place);
}

function pointTo(part, place, point) {
  const { scene } = part;
  if (!samePlace(place, scene.hover)) {
    scene.hover = place;
    drawMarks(part.moving, scene);
    part.tipWords.textContent = placeWords(scene.matrix, place);
    showLens(part, place);
  }
  part.tip.hidden = place === null;
  part.cells.style.cursor = place === null ? "default" : "pointer";
  if (place !== null && point) placeTip(part, point);
}

function showLens(part, place) {
  const small = place !== null && place.row !== null && place.column !== null && part.scene.view.cell < rowNeeds;
  part.lens.hidden = !small || part.scene.matrix.entries < lensCells;
  if (!part.lens.hidden) drawLens(part.magnifier, part.scene, place);
}

function placeTip(part, point) {
  const { layout } = part.scene;
  const { offsetWidth: width, offsetHeight: height } = part.tip;
  const right = point.x + 16 + width <= layout.width ? point.x + 16 : Math.max(0, point.x - 16 - width);
  const below = point.y + 18 + height <= layout.height + 24 ? point.y + 18 : Math.max(0, point.y - 14 - height);
  part.tip.style.transform = `translate(${Math.round(right)}px, ${Math.round(below)}px)`;
}

function describe(part) {
  const { matrix } = part.scene;
  part.cells.setAttribute(
    "aria-label",
    `${matrix.title}: ${matrix.entries} true classes by ${matrix.entries} predicted classes. ` +
      "Arrow keys move the mark, Enter opens, plus and minus zoom, zero shows all, Escape clears.",
  );
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".matrix");
  const fresh = root.mounted === undefined;
  const part = fresh ? (root.mounted = newPart(root)) : root.mounted;
  part.tell = (place) => setTriggerValue("click", place);
  const { selected, ...content } = data;
  const source = JSON.stringify([content, themeKey(root)]);
  const changed = source !== part.source; // after a click only the mark differs, and that is drawn already
  if (changed) part.scene.matrix = matrixFrom(content, part.scene.matrix);
  part.source = source;
  if (fresh) {
    part.scene.selected = placeFrom(selected);
    part.lastHeard = placeKey(part.scene.selected);
    part.observer = new ResizeObserver(() => {
      if (Math.floor(root.clientWidth) !== part.scene.layout?.width) arrange(part);
    });
    part.observer.observe(root);
    document.fonts.ready.then(() => arrange(part)); // measured in a fallback font, the names would not fit
  }
  if (changed) {
    describe(part);
    arrange(part);
  }
  if (!fresh) hear(part, placeFrom(selected));
  connectInput(part);
  return () => {
    clearTimeout(part.pause);
    part.observer.disconnect();
  };
}
