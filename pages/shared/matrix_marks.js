// The moving layer: the chosen cell, the one under the pointer, the map of where one is, and the lens.

function drawMarks(brush, scene) {
  const { layout } = scene;
  brush.clearRect(0, 0, layout.width, layout.height);
  const same = samePlace(scene.hover, scene.selected);
  if (scene.selected !== null) drawBands(brush, scene, scene.selected);
  if (scene.hover !== null && !same) drawBands(brush, scene, scene.hover);
  if (scene.selected !== null) drawOutline(brush, scene, scene.selected, scene.theme.text, 2);
  if (scene.hover !== null && !same) drawOutline(brush, scene, scene.hover, scene.theme.text, 1);
  drawNames(brush, scene);
  if (scene.view.cell > layout.fit * 1.001) drawMap(brush, scene);
}

// The row and the column of a place, so that its names are easily found.
function drawBands(brush, scene, place) {
  const { layout, view, theme } = scene;
  const { left, top, side } = layout;
  const thick = Math.max(view.cell, 1);
  brush.fillStyle = view.cell < 1.5 ? theme.thread : theme.band;
  clipped(brush, left, top, side, side, () => {
    brush.beginPath(); // as one shape, so that the crossing is no darker than the arms
    if (place.row !== null) brush.rect(left, rowTop(layout, view, place.row), side, thick);
    if (place.column !== null) brush.rect(columnLeft(layout, view, place.column), top, thick, side);
    brush.fill("nonzero");
  });
}

function drawOutline(brush, scene, place, colour, width) {
  const { layout, view, theme } = scene;
  const least = view.cell < 7 ? 9 : view.cell + width; // around the cell, so that its number stays free
  const span = (index, start, at) =>
    index === null ? [start, layout.side] : [at + (view.cell - least) / 2, least];
  const [left, across] = span(place.column, layout.left, columnLeft(layout, view, place.column ?? 0));
  const [top, down] = span(place.row, layout.top, rowTop(layout, view, place.row ?? 0));
  clipped(brush, layout.left - 5, layout.top - 5, layout.side + 10, layout.side + 10, () => {
    brush.lineWidth = width + 1.5;
    brush.strokeStyle = theme.background;
    brush.strokeRect(Math.round(left) - 0.5, Math.round(top) - 0.5, Math.round(across), Math.round(down));
    brush.lineWidth = width;
    brush.strokeStyle = colour;
    brush.strokeRect(Math.round(left) - 0.5, Math.round(top) - 0.5, Math.round(across), Math.round(down));
  });
}

// Both names of the chosen and of the pointed-at cell stand out, whole, over their neighbours.
function drawNames(brush, scene) {
  const { layout, view, matrix } = scene;
  const seen = (index, from) => index !== null && index + 1 > from && index < from + layout.side / view.cell;
  for (const [place, strong] of [[scene.selected, true], [scene.hover, false]]) {
    if (place === null) continue;
    if (seen(place.row, view.y)) drawRowName(brush, scene, matrix.labels[place.row], place.row, strong);
    if (seen(place.column, view.x)) drawColumnName(brush, scene, matrix.labels[place.column], place.column, strong);
  }
}

function drawRowName(brush, scene, name, row, strong) {
  const { layout, view, theme, measure } = scene;
  const size = Math.max(labelFont(layout, view), 10.5);
  const text = shortened(name, layout.left - gap - 4, measure, size, 600);
  const width = measure(text, size, 600);
  const y = rowTop(layout, view, row + 0.5);
  brush.font = `600 ${size}px ${theme.font}`;
  brush.textAlign = "right";
  brush.textBaseline = "middle";
  brush.fillStyle = theme.background;
  brush.fillRect(layout.left - gap - width - 4, y - size * 0.62, width + 8, size * 1.24);
  brush.fillStyle = strong ? theme.primary : theme.text;
  brush.fillText(text, layout.left - gap, y + 0.5);
}

function drawColumnName(brush, scene, name, column, strong) {
  const { layout, view, theme, measure } = scene;
  const size = Math.max(labelFont(layout, view), 10.5);
  const above = layout.top - gap - 2;
  const room = { flat: Infinity, slanted: above / slope - size, upright: above }[layout.slant];
  const text = shortened(name, room, measure, size, 600);
  const width = measure(text, size, 600);
  const turn = { flat: 0, slanted: -Math.PI / 4, upright: -Math.PI / 2 }[layout.slant];
  brush.save();
  brush.translate(columnLeft(layout, view, column + 0.5), layout.top - gap);
  brush.rotate(turn);
  brush.font = `600 ${size}px ${theme.font}`;
  brush.textAlign = turn ? "left" : "center";
  brush.textBaseline = turn ? "middle" : "bottom";
  brush.fillStyle = theme.background;
  if (turn) brush.fillRect(-4, -size * 0.62, width + 8, size * 1.24);
  else brush.fillRect(-width / 2 - 4, -size * 1.3, width + 8, size * 1.44);
  brush.fillStyle = strong ? theme.primary : theme.text;
  brush.fillText(text, 0, 0);
  brush.restore();
}

// While zoomed, the free corner shows the whole matrix and the part that is seen.
function mapBox(layout) {
  const side = Math.min(layout.left - axisTitle, layout.top - axisTitle, 130) - 12;
  return side < 34 ? null : { left: layout.left - side - 10, top: layout.top - side - 10, side };
}

function mapSheet(scene, size) {
  const { matrix, theme, ratio } = scene;
  const side = Math.round(size * ratio);
  const kept = scene.map;
  if (kept && kept.matrix === matrix && kept.theme === theme && kept.side === side) return kept.sheet;
  const least = matrix.entries > 2 * size ? 0.35 : 0; // all errors would fill so small a map
  const view = { cell: size / matrix.entries, x: 0, y: 0 };
  const sheet = pooledSheet({ matrix, theme, ratio, least, view }, side);
  scene.map = { matrix, theme, side, sheet };
  return sheet;
}

function drawMap(brush, scene) {
  const { matrix, layout, view, theme } = scene;
  const box = mapBox(layout);
  if (box === null) return;
  brush.fillStyle = theme.background;
  brush.fillRect(box.left - 6, box.top - 6, box.side + 12, box.side + 12);
  brush.fillStyle = theme.empty;
  brush.fillRect(box.left, box.top, box.side, box.side);
  const scale = box.side / matrix.entries;
  brush.drawImage(mapSheet(scene, box.side), box.left, box.top, box.side, box.side);
  const span = (layout.side / view.cell) * scale;
  brush.lineWidth = 1.5;
  brush.strokeStyle = theme.primary;
  brush.strokeRect(box.left + view.x * scale, box.top + view.y * scale, span, span);
  brush.lineWidth = 1;
  brush.strokeStyle = theme.faint;
  brush.strokeRect(box.left - 0.5, box.top - 0.5, box.side + 1, box.side + 1);
}

const lensCells = 9;
const lensCell = 14;

/** The neighbourhood of a cell too small to be seen, enlarged, with the cell itself in the middle. */
function drawLens(brush, scene, place) {
  const { matrix, theme } = scene;
  const side = lensCells * lensCell;
  const half = Math.floor(lensCells / 2);
  const first = (index) => clamped(index - half, 0, Math.max(0, matrix.entries - lensCells));
  const layout = { left: 0, top: 0, side, width: side, height: side };
  const view = { cell: lensCell, x: first(place.column), y: first(place.row) };
  brush.clearRect(0, 0, side, side);
  brush.fillStyle = theme.empty;
  brush.fillRect(0, 0, side, side);
  drawCells(brush, { ...scene, layout, view });
  const [left, top, width, height] = cellBox(layout, view, place.row, place.column, 1);
  brush.lineWidth = 2;
  brush.strokeStyle = theme.text;
  brush.strokeRect(left, top, width, height);
}
