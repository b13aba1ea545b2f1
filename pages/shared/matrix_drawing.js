// The still layer: cells, labels, totals, groups. Drawn anew when the data, the view, the size or the theme change.

// The entries to be named: those whose middle is in sight, so that no name is cut; every few where rows are small.
function ticks(view, entries, from, span) {
  const step = view.cell >= rowNeeds ? 1 : Math.ceil(13 / view.cell);
  const first = Math.ceil(Math.ceil(from - 0.5) / step) * step;
  const end = Math.min(entries, Math.floor(from + span - 0.5) + 1);
  return Array.from({ length: Math.max(0, Math.ceil((end - first) / step)) }, (_, index) => first + index * step);
}

function clipped(brush, x, y, width, height, draw) {
  brush.save();
  brush.beginPath();
  brush.rect(x, y, width, height);
  brush.clip();
  draw();
  brush.restore();
}

function drawStill(brush, scene) {
  const { layout, theme } = scene;
  brush.clearRect(0, 0, layout.width, layout.height);
  brush.fillStyle = theme.empty;
  brush.fillRect(layout.left, layout.top, layout.side, layout.side);
  if (scene.view.cell * scene.ratio < 3) drawPooled(brush, scene);
  else clipped(brush, layout.left, layout.top, layout.side, layout.side, () => drawCells(brush, scene));
  drawAxes(brush, scene);
  drawGroups(brush, scene);
  drawRowLabels(brush, scene);
  drawColumnLabels(brush, scene);
  drawTotals(brush, scene);
}

function drawCells(brush, scene) {
  const { matrix, layout, view, theme } = scene;
  const span = layout.side / view.cell;
  const line = view.cell >= 7 ? 1 : 0;
  const size = clamped(view.cell * 0.55, 8, 13);
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.font = `500 ${size}px ${theme.font}`;
  if (line) drawGrid(brush, scene, span);
  for (let row = Math.floor(view.y); row < Math.min(matrix.entries, Math.ceil(view.y + span)); row += 1) {
    for (let index = matrix.starts[row]; index < matrix.starts[row + 1]; index += 1) {
      const column = matrix.columns[index];
      if (column < view.x - 1 || column > view.x + span) continue;
      drawCell(brush, scene, row, column, matrix.counts[index], line, size);
    }
    if (matrix.diagonal !== "shown") drawQuietDiagonal(brush, scene, row, line);
  }
}

function drawGrid(brush, scene, span) {
  const { matrix, layout, view, theme } = scene;
  brush.fillStyle = theme.background;
  const end = (from) => Math.min(matrix.entries, Math.ceil(from + span));
  for (let column = Math.floor(view.x); column <= end(view.x); column += 1) {
    brush.fillRect(Math.round(columnLeft(layout, view, column)) - 1, layout.top, 1, layout.side);
  }
  for (let row = Math.floor(view.y); row <= end(view.y); row += 1) {
    brush.fillRect(layout.left, Math.round(rowTop(layout, view, row)) - 1, layout.side, 1);
  }
}

function cellBox(layout, view, row, column, line) {
  const left = Math.round(columnLeft(layout, view, column));
  const top = Math.round(rowTop(layout, view, row));
  const width = Math.round(columnLeft(layout, view, column + 1)) - left - line;
  return [left, top, width, Math.round(rowTop(layout, view, row + 1)) - top - line];
}

function drawCell(brush, scene, row, column, count, line, size) {
  const { matrix, layout, view, theme, measure } = scene;
  const shade = shadeOf(matrix, theme, row, column, count);
  if (shade === null) return;
  const [left, top, width, height] = cellBox(layout, view, row, column, line);
  brush.fillStyle = shade.fill;
  brush.fillRect(left, top, width, height);
  if (height < 11) return;
  const text = valueText(matrix, cellValue(matrix, row, column, count));
  if (measure(text, size, 500) > width - 1) return;
  brush.fillStyle = shade.ink;
  brush.fillText(text, left + width / 2, top + height / 2 + 0.5);
}

// A hidden or dimmed diagonal keeps a thin thread, for the eye to find its way.
function drawQuietDiagonal(brush, scene, row, line) {
  const { layout, view, theme } = scene;
  if (scene.matrix.diagonal === "dimmed" || view.cell < 7) return;
  const [left, top, width, height] = cellBox(layout, view, row, row, line);
  brush.strokeStyle = theme.faint;
  brush.lineWidth = 1;
  brush.beginPath();
  brush.moveTo(left + width * 0.3, top + height * 0.3);
  brush.lineTo(left + width * 0.7, top + height * 0.7);
  brush.stroke();
}

// Cells below three device pixels: every pixel shows the darkest of its cells, and no cell is smaller than two
// pixels, so a single error among a million cells can be seen.
function drawPooled(brush, scene) {
  const { layout, ratio } = scene;
  const left = Math.round(layout.left * ratio + (scene.shift?.x ?? 0));
  const top = Math.round(layout.top * ratio + (scene.shift?.y ?? 0));
  brush.save();
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.drawImage(pooledSheet(scene, Math.round(layout.side * ratio)), left, top);
  brush.restore();
}

function pooledSheet(scene, side) {
  const sheet = document.createElement("canvas");
  sheet.width = side;
  sheet.height = side;
  sheet.getContext("2d").putImageData(pooledImage(scene, side, scene.view.cell * scene.ratio), 0, 0);
  return sheet;
}

function pooledImage(scene, side, cell) {
  const { matrix, view, theme } = scene;
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  const depth = new Float32Array(side * side);
  const extent = (index, from) => {
    const start = Math.floor((index - from) * cell);
    return [Math.max(0, start), Math.min(side, Math.max(start + 2, Math.ceil((index + 1 - from) * cell)))];
  };
  for (let index = 0; index < matrix.counts.length; index += 1) {
    const row = matrix.rows[index];
    const column = matrix.columns[index];
    const shade = shadeOf(matrix, theme, row, column, matrix.counts[index]);
    if (shade === null) continue;
    const scale = isBad(matrix, row, column, matrix.counts[index]) ? matrix.errorScale : matrix.rightScale;
    // Where an error shares its pixel with the diagonal, the error is shown.
    const share = shareOf(scale, Math.abs(cellValue(matrix, row, column, matrix.counts[index])));
    if (share < (scene.least ?? 0)) continue;
    const order = share + (row === column ? 0 : 2);
    paintPixels(pixels, depth, side, extent(row, view.y), extent(column, view.x), order, shade.parts);
  }
  return image;
}

function paintPixels(pixels, depth, side, [top, bottom], [left, right], share, parts) {
  const colour = (255 << 24) | (parts[2] << 16) | (parts[1] << 8) | parts[0];
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      if (depth[y * side + x] >= share) continue;
      depth[y * side + x] = share;
      pixels[y * side + x] = colour;
    }
  }
}

function drawAxes(brush, scene) {
  const { layout, theme } = scene;
  brush.fillStyle = theme.muted;
  brush.font = `600 11px ${theme.font}`;
  brush.textBaseline = "middle";
  brush.textAlign = "left";
  brush.fillText("predicted class →", layout.left, axisTitle / 2);
  brush.save();
  brush.translate(axisTitle / 2 - 2, layout.top);
  brush.rotate(-Math.PI / 2);
  brush.textAlign = "right";
  brush.fillText("← true class", 0, 0);
  brush.restore();
}

function drawGroups(brush, scene) {
  const { matrix, layout, view, theme, measure } = scene;
  if (!matrix.blocks.length) return;
  const along = (offset) => clamped(offset, 0, layout.side);
  for (const block of matrix.blocks) {
    const across = [block.start, block.end].map((index) => along((index - view.x) * view.cell));
    const down = [block.start, block.end].map((index) => along((index - view.y) * view.cell));
    drawBracket(brush, theme, measure, block.name, layout.left, axisTitle + 9, across, 0);
    drawBracket(brush, theme, measure, block.name, axisTitle + 7, layout.top, down, -1);
    if (block.start === 0) continue;
    brush.fillStyle = theme.muted;
    const x = (block.start - view.x) * view.cell;
    const y = (block.start - view.y) * view.cell;
    if (x > 0 && x < layout.side) brush.fillRect(Math.round(layout.left + x) - 1, layout.top, 1, layout.side);
    if (y > 0 && y < layout.side) brush.fillRect(layout.left, Math.round(layout.top + y) - 1, layout.side, 1);
  }
}

function drawBracket(brush, theme, measure, name, x, y, [start, end], turn) {
  if (end - start < 6) return;
  brush.save();
  brush.translate(x, y);
  if (turn) brush.transform(0, -1, 1, 0, 0, 0); // along the rows, read from below
  const [from, to] = turn ? [-end, -start] : [start, end];
  const text = shortened(name || "no group", to - from - 12, measure, 10.5);
  const fits = measure(text, 10.5) <= to - from - 12;
  const half = fits ? measure(text, 10.5) / 2 + 5 : 0;
  const middle = (from + to) / 2;
  brush.fillStyle = theme.faint;
  brush.fillRect(from + 1, 0, middle - half - from - 1, 1);
  brush.fillRect(middle + half, 0, to - 2 - middle - half, 1);
  brush.fillStyle = theme.muted;
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.font = `400 10.5px ${theme.font}`;
  if (fits) brush.fillText(text, middle, 0.5);
  brush.restore();
}
