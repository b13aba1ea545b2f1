// The component itself: one part per mounted map, kept on its element from one run of the script to the next.

function newPart(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const part = {
    root,
    canvas: find("points"),
    overlay: find("marks"),
    stage: find("stage"),
    tip: find("tip"),
    legend: find("legend"),
    live: find("live"),
    hint: find("hint"),
    buttons: { in: find("in"), out: find("out"), fit: find("fit") },
    tools: [...root.querySelectorAll(".tool")],
    scene: { points: null, hover: -1, emphasis: null, view: null, count: 0 },
    drag: null,
    serial: 0,
  };
  part.marks = part.overlay.getContext("2d");
  part.say = (words) => (part.live.textContent = words);
  part.look = (view) => {
    part.scene.view = view;
    part.tip.hidden = true;
    redraw(part);
  };
  part.point = (at, point) => pointTo(part, at, point);
  part.emphasise = (category) => {
    part.scene.emphasis = category;
    redraw(part);
  };
  part.select = (selected, kind) => select(part, selected, kind);
  part.open = (at) => part.tell("open", { revision: part.scene.points.revision, row: at });
  part.canvas.pointPlace = (at) => toScreen(part.scene.view, part.scene.points.x[at], part.scene.points.y[at]);
  part.canvas.redrawMilliseconds = () => {
    const start = performance.now();
    drawPoints(part.canvas, part.scene);
    return performance.now() - start;
  };
  return part;
}

function pointTo(part, at, point) {
  if (at !== part.scene.hover) {
    part.scene.hover = at;
    drawMarks(part.marks, part.scene, part.drag);
  }
  if (at < 0) part.tip.hidden = true;
  else showTip(part, at, point);
  if (part.tool !== "move") part.canvas.style.cursor = at < 0 ? "crosshair" : "pointer";
}

// Marked before the script answers: its answer takes a tenth of a second, the eye does not wait so long.
function select(part, selected, kind) {
  mark(part, selected);
  part.serial += 1;
  part.say(part.scene.count ? `${images(part.scene.count)} selected` : "Nothing is selected");
  const { revision } = part.scene.points;
  part.tell("select", { revision, kind, serial: part.serial, selected: selectionText(selected) });
}

function mark(part, selected) {
  part.scene.selected = selected;
  part.scene.count = countOf(selected);
  redraw(part);
}

function redraw(part) {
  const { scene, root } = part;
  if (scene.view === null) return;
  cancelAnimationFrame(part.frame);
  part.frame = requestAnimationFrame(() => {
    drawPoints(part.canvas, scene);
    drawMarks(part.marks, scene, part.drag);
    part.buttons.out.disabled = scene.view.scale <= scene.view.fit * 1.001;
    root.dataset.zoom = (scene.view.scale / scene.view.fit).toFixed(3);
    root.dataset.selected = String(scene.count);
    root.dataset.ready = "true";
  });
}

function arrange(part) {
  const { scene, root } = part;
  const width = Math.floor(part.stage.clientWidth);
  if (width < 40 || scene.points === null || scene.categories === undefined) return; // in a hidden tab there is no width
  const height = Math.round(Math.max(380, Math.min(680, width * 0.82)));
  const ratio = window.devicePixelRatio || 1;
  part.stage.style.height = `${height}px`;
  for (const canvas of [part.canvas, part.overlay]) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  }
  part.marks.setTransform(ratio, 0, 0, ratio, 0, 0);
  const whole = wholeView(scene.points, width, height);
  const before = scene.view;
  const zoom = before === null ? 1 : before.scale / before.fit;
  const kept = before !== null && (Math.abs(zoom - 1) > 0.001 || before.x !== whole.x || before.y !== whole.y);
  scene.view = kept ? { ...whole, scale: whole.fit * zoom, x: before.x, y: before.y } : whole;
  scene.ratio = ratio;
  scene.theme = themeOf(root);
  drawLegend(part);
  redraw(part);
}

// Points may come before or after what is to be drawn of them.
function take(part, data) {
  const { scene } = part;
  const points = registry().points.get(data.name);
  if (points === undefined || points.revision !== data.revision) return;
  const fresh = scene.points !== points;
  if (fresh) {
    Object.assign(scene, { points, grid: gridOf(points), view: null, hover: -1 });
    scene.selected = new Uint8Array(points.n);
    part.serial = 0;
    describe(part);
  }
  scene.entries = data.entries;
  scene.categories = bytesFrom(data.categories);
  scene.order = drawingOrder(points.n, scene.categories, scene.entries);
  scene.rank = new Uint32Array(points.n);
  scene.order.forEach((at, place) => (scene.rank[at] = place));
  hear(part, data, fresh);
  arrange(part);
}

// An echo of an older selection must not undo a newer one.
function hear(part, data, fresh) {
  if (!fresh && data.serial < part.serial) return;
  part.serial = Math.max(part.serial, data.serial);
  const selected = selectionFrom(data.selected, part.scene.points.n);
  part.scene.selected = selected;
  part.scene.count = countOf(selected);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".scatter");
  const fresh = root.mounted === undefined;
  const part = fresh ? (root.mounted = newPart(root)) : root.mounted;
  part.tell = setTriggerValue;
  const source = JSON.stringify([data, themeKey(root)]);
  if (source !== part.source) take(part, data);
  part.source = source;
  if (fresh) {
    chooseTool(part, "lasso");
    part.observer = new ResizeObserver(() => {
      if (Math.floor(part.stage.clientWidth) !== part.scene.view?.width) arrange(part);
    });
    part.observer.observe(root);
  }
  const { told } = registry();
  const arrived = () => take(part, data);
  told.addEventListener(data.name, arrived);
  part.forget?.();
  part.forget = () => told.removeEventListener(data.name, arrived);
  connectInput(part);
  return () => {
    part.forget();
    part.observer.disconnect();
  };
}
