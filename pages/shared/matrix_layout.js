// Where everything stands, in CSS pixels. The layout says what is fixed; the view says what part is looked at.

const clamped = (value, least, most) => Math.min(Math.max(value, least), most);
const fontFor = (cell) => clamped(cell * 0.8, 9, 12.5);
const axisTitle = 20;
const gap = 7; // between a label and its row
const leastNameRoom = 66; // about fourteen letters of the smallest size
const slope = Math.SQRT1_2;
const totalsCaption = "times predicted";

function textMeasure(theme) {
  const brush = document.createElement("canvas").getContext("2d");
  const widths = new Map();
  return (text, size, weight = 400) => {
    const key = `${weight} ${size} ${text}`;
    if (!widths.has(key)) {
      brush.font = `${weight} ${size}px ${theme.font}`;
      widths.set(key, brush.measureText(text).width);
    }
    return widths.get(key);
  };
}

const widest = (texts, measure, size) => texts.reduce((most, text) => Math.max(most, measure(text, size)), 0);

// The middle is cut, for names of one family differ at their ends as often as at their beginnings.
function shortened(text, room, measure, size, weight = 400) {
  if (measure(text, size, weight) <= room) return text;
  let low = 1;
  let high = text.length - 1;
  const cut = (kept) => `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(cut(middle), size, weight) <= room) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}

function largestCell(entries) {
  return clamped(640 / entries, 0, 48 + 120 / entries);
}

function wholePixels(cell) {
  return cell >= 6 ? Math.floor(cell) : cell;
}

function bandHeight(slant, longest, font) {
  if (slant === "flat") return font + 2 * gap;
  if (slant === "slanted") return (longest + font) * slope + gap + 2;
  return longest + 2 * gap;
}

function slantOf(longest, cell, left, entries, width) {
  if (longest < cell - 6) return "flat";
  const end = left + (entries + 0.5) * cell + longest * slope + 8;
  return cell >= 18 && end <= width ? "slanted" : "upright";
}

function gridSide(matrix, room, cellLimit) {
  return wholePixels(Math.min(room / matrix.entries, cellLimit)) * matrix.entries;
}

/** How wide the names of rows may be: all they need, but no more than leaves each row high enough for its name. */
function nameRoom(matrix, longest, width, others) {
  const room = Math.min(longest, 0.35 * width);
  const left = width - others - matrix.entries * rowNeeds;
  return left >= leastNameRoom ? Math.min(room, left) : room;
}

/** What is fixed at this width: margins, the side of the plot, how column labels stand. */
function layoutFor(matrix, theme, measure, { width, height = null, cellLimit = largestCell(matrix.entries) }) {
  const strip = matrix.blocks.length ? 18 : 0;
  const totalTexts = [...matrix.row_totals, matrix.images].map(grouped);
  let cell = Math.min(cellLimit, 16);
  let layout;
  for (let pass = 0; pass < 3; pass += 1) {
    const font = cell < rowNeeds ? 11 : fontFor(cell); // where rows are too small, zooming in will show the names
    const longest = widest(matrix.labels, measure, font);
    const caption = measure(totalsCaption, Math.min(font, 11)) - axisTitle - strip;
    const header = cell > longest + 6 ? measure(matrix.noun, font) : 0; // level names leave room for a level header
    const totals = Math.ceil(Math.max(widest(totalTexts, measure, Math.min(font, 11)), header)) + 2 * gap;
    const room = nameRoom(matrix, longest, width, axisTitle + strip + gap + totals + 2);
    const labelWidth = Math.ceil(Math.max(room, caption)) + gap;
    const left = axisTitle + strip + labelWidth;
    const below = Math.ceil(widest(matrix.column_totals.map(grouped), measure, Math.min(font, 11))) + gap + 4;
    const columnRoom = Math.min(Math.max(longest, measure(matrix.noun, font)), 190);
    const slant = slantOf(columnRoom, cell, left, matrix.entries, width);
    const top = axisTitle + strip + Math.ceil(bandHeight(slant, columnRoom, font));
    const most = Math.min(width - left - totals - 2, height === null ? Infinity : height - top - below);
    const side = gridSide(matrix, Math.max(most, 80), cellLimit);
    cell = side / matrix.entries;
    layout = { width, strip, left, top, side, fit: cell, font, labelWidth, columnRoom, totals, below, slant };
  }
  return { ...layout, height: layout.top + layout.side + layout.below, most: Math.max(layout.fit, 36) };
}

const labelFont = (layout, view) => Math.min(fontFor(view.cell), layout.font);

const wholeView = (layout) => ({ cell: layout.fit, x: 0, y: 0 });

function heldView(view, layout, entries) {
  const cell = clamped(view.cell, layout.fit, layout.most);
  const most = Math.max(0, entries - layout.side / cell);
  return { cell, x: clamped(view.x, 0, most), y: clamped(view.y, 0, most) };
}

/** The view after zooming by a factor with the point (x, y) of the canvas held still. */
function zoomed(view, layout, entries, factor, x, y) {
  const cell = clamped(view.cell * factor, layout.fit, layout.most);
  const right = (x - layout.left) / view.cell;
  const down = (y - layout.top) / view.cell;
  const share = view.cell / cell;
  return heldView({ cell, x: view.x + right * (1 - share), y: view.y + down * (1 - share) }, layout, entries);
}

/** The nearest view in which the place can be seen. */
function viewShowing(view, layout, entries, place) {
  const span = layout.side / view.cell;
  const shown = (from, index) => (index === null ? from : clamped(from, index + 1 - span, index));
  return heldView({ cell: view.cell, x: shown(view.x, place.column), y: shown(view.y, place.row) }, layout, entries);
}

const columnLeft = (layout, view, column) => layout.left + (column - view.x) * view.cell;
const rowTop = (layout, view, row) => layout.top + (row - view.y) * view.cell;

/** The cell, row label or column label at a point of the canvas; null where there is none. */
function placeAt(layout, view, entries, x, y) {
  const index = (offset, from) => {
    const found = Math.floor(from + offset / view.cell);
    return offset >= 0 && offset < layout.side && found < entries ? found : null;
  };
  const row = index(y - layout.top, view.y);
  if (row !== null) {
    const column = index(x - layout.left, view.x);
    if (column !== null) return { row, column };
    const beside = x >= axisTitle + layout.strip && x < layout.left + layout.side + layout.totals;
    return beside ? { row, column: null } : null;
  }
  const above = layout.top - y;
  if (above > 0 && y < axisTitle + layout.strip) return null;
  if (above < -layout.side - layout.below) return null;
  const lean = above > 0 && layout.slant === "slanted" ? above : 0;
  const column = index(x - lean - layout.left, view.x);
  return column === null ? null : { row: null, column };
}

/** The centre of a cell, or of the label of a row (column null) or column (row null), on the canvas. */
function centreOf(layout, view, place) {
  const x = place.column === null ? layout.left - gap - 8 : columnLeft(layout, view, place.column + 0.5);
  const y = place.row === null ? layout.top - gap - 5 : rowTop(layout, view, place.row + 0.5);
  return { x: place.row === null && layout.slant === "slanted" ? x + gap + 5 : x, y };
}
