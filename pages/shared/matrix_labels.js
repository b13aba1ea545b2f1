// Names along both sides, totals, and the legend.

function drawRowLabels(brush, scene) {
  const { matrix, layout, view, theme } = scene;
  brush.fillStyle = view.cell >= rowNeeds ? theme.text : theme.muted;
  clipped(brush, 0, layout.top - 6, layout.left, layout.side + 12, () => {
    for (const row of ticks(view, matrix.entries, view.y, layout.side / view.cell)) drawRowLabel(brush, scene, row);
  });
}

function drawRowLabel(brush, scene, row, weight = 400) {
  const { matrix, layout, view, theme, measure } = scene;
  const size = labelFont(layout, view);
  const text = shortened(matrix.labels[row], layout.labelWidth - gap, measure, size, weight);
  brush.font = `${weight} ${size}px ${theme.font}`;
  brush.textAlign = "right";
  brush.textBaseline = "middle";
  brush.fillText(text, layout.left - gap, rowTop(layout, view, row + 0.5) + 0.5);
}

function drawColumnLabels(brush, scene) {
  const { matrix, layout, view, theme } = scene;
  const top = axisTitle + layout.strip;
  clipped(brush, layout.left - 6, top, layout.width, layout.top - top, () => {
    for (const column of ticks(view, matrix.entries, view.x, layout.side / view.cell)) {
      brush.fillStyle = view.cell >= rowNeeds ? theme.text : theme.muted;
      drawColumnLabel(brush, scene, matrix.labels[column], columnLeft(layout, view, column + 0.5));
    }
    brush.fillStyle = theme.muted;
    const level = layout.slant === "flat" ? gap + scene.measure(matrix.noun, labelFont(layout, view)) / 2 : 2 * gap;
    drawColumnLabel(brush, scene, matrix.noun, layout.left + layout.side + level);
  });
}

function drawColumnLabel(brush, scene, name, x, weight = 400) {
  const { layout, view, theme, measure } = scene;
  const size = labelFont(layout, view);
  const text = shortened(name, layout.columnRoom, measure, size, weight);
  const turn = { flat: 0, slanted: -Math.PI / 4, upright: -Math.PI / 2 }[layout.slant];
  brush.save();
  brush.translate(x, layout.top - gap);
  brush.rotate(turn);
  brush.font = `${weight} ${size}px ${theme.font}`;
  brush.textAlign = turn ? "left" : "center";
  brush.textBaseline = turn ? "middle" : "bottom";
  brush.fillText(text, 0, 0);
  brush.restore();
}

function drawTotals(brush, scene) {
  const { matrix, layout, view, theme } = scene;
  const size = Math.min(labelFont(layout, view), 11);
  const span = layout.side / view.cell;
  brush.fillStyle = theme.muted;
  brush.font = `400 ${size}px ${theme.font}`;
  brush.textBaseline = "middle";
  brush.textAlign = "left";
  const right = layout.left + layout.side;
  clipped(brush, right, layout.top - 6, layout.totals, layout.side + 12, () => {
    for (const row of ticks(view, matrix.entries, view.y, span)) {
      brush.fillText(grouped(matrix.row_totals[row]), right + gap, rowTop(layout, view, row + 0.5) + 0.5);
    }
  });
  drawColumnTotals(brush, scene, size, span);
}

function drawColumnTotals(brush, scene, size, span) {
  const { matrix, layout, view, theme, measure } = scene;
  const bottom = layout.top + layout.side;
  const flat = view.cell >= widest(matrix.column_totals.map(grouped), measure, size) + 1.5;
  clipped(brush, layout.left - 6, bottom, layout.side + 12, layout.below, () => {
    for (const column of ticks(view, matrix.entries, view.x, span)) {
      brush.save();
      brush.translate(columnLeft(layout, view, column + 0.5), bottom + (flat ? gap + 5 : gap));
      brush.rotate(flat ? 0 : -Math.PI / 2);
      brush.textAlign = flat ? "center" : "right";
      brush.fillText(grouped(matrix.column_totals[column]), 0, 0);
      brush.restore();
    }
  });
  brush.textAlign = "right";
  brush.fillText(totalsCaption, layout.left - gap, bottom + gap + 5);
  brush.textAlign = "left";
  brush.fillStyle = theme.text;
  brush.fillText(grouped(matrix.images), layout.left + layout.side + gap, bottom + gap + 5);
}

const legendHeight = 30;
const legendBar = 96;
const legendGap = 24;

function legendBars({ matrix, theme, measure }) {
  const bars = [];
  const [bad, good] = matrix.is_change ? ["worse", "better"] : ["errors", "right"];
  if (matrix.errorScale) bars.push({ name: bad, scale: matrix.errorScale, table: theme.errors });
  if (matrix.rightScale && matrix.diagonal === "shown") {
    bars.push({ name: good, scale: matrix.rightScale, table: theme.right });
  }
  return bars.map((bar) => {
    const title = [bar.name, legendUnit(matrix)].filter(Boolean).join(", ");
    return { ...bar, title, offset: Math.ceil(measure(title, 11)) + 8 };
  });
}

function legendWidth(scene) {
  return legendBars(scene).reduce((width, bar) => width + bar.offset + legendBar + legendGap, 0);
}

function drawLegend(brush, scene) {
  let x = 0;
  for (const bar of legendBars(scene)) {
    drawLegendBar(brush, scene, x, bar);
    x += bar.offset + legendBar + legendGap;
  }
}

function legendUnit(matrix) {
  if (matrix.is_change) return "by images";
  if (matrix.values === "label") return "% of true";
  return matrix.values === "prediction" ? "% of predicted" : "";
}

function drawLegendBar(brush, scene, x, { title, offset, scale, table }) {
  const { matrix, theme } = scene;
  brush.font = `400 11px ${theme.font}`;
  brush.textBaseline = "middle";
  brush.textAlign = "left";
  brush.fillStyle = theme.text;
  brush.fillText(title, x, 9);
  for (let step = 0; step < legendBar; step += 1) {
    brush.fillStyle = table[Math.round(22 + (233 * step) / (legendBar - 1))].fill;
    brush.fillRect(x + offset + step, 4, 1, 10);
  }
  brush.font = `400 10px ${theme.font}`;
  brush.fillStyle = theme.muted;
  for (const [share, text] of legendNumbers(matrix, scale)) {
    brush.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
    brush.fillText(text, x + offset + share * legendBar, 23);
  }
}

// Counts are whole: the number in the middle stands where its colour is, not exactly halfway.
function legendNumbers(matrix, scale) {
  if (matrix.values !== "counts") return [0, 0.5, 1].map((share) => [share, percent(valueAt(scale, share))]);
  const middle = Math.round(valueAt(scale, 0.5));
  const numbers = middle > 0 && middle < scale.most ? [0, middle, scale.most] : [0, scale.most];
  return numbers.map((value) => [shareOf(scale, value), grouped(value)]);
}
