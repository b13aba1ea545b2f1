// The matrix as it arrives from Python, unpacked into rows that can be searched, and what it says in words.
// Rows are labels (true classes), columns are predictions.

const rowNeeds = 9; // CSS pixels a row needs before its own label can be read

function unpackedCells(text, isChange) {
  const binary = atob(text);
  const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  const size = bytes.length / (isChange ? 12 : 8); // four bytes of count, two of row, two of column, four of before
  const Numbers = isChange ? Int32Array : Uint32Array;
  return {
    counts: new Numbers(bytes.buffer, 0, size),
    rows: new Uint16Array(bytes.buffer, 4 * size, size),
    columns: new Uint16Array(bytes.buffer, 6 * size, size),
    earlier: isChange ? new Uint32Array(bytes.buffer, 8 * size, size) : null,
  };
}

function rowStarts(rows, entries) {
  const starts = new Uint32Array(entries + 1);
  for (const row of rows) starts[row + 1] += 1;
  for (let row = 0; row < entries; row += 1) starts[row + 1] += starts[row];
  return starts;
}

function groupBlocks(groups) {
  const blocks = [];
  groups.forEach((name, index) => {
    const last = blocks[blocks.length - 1];
    if (last && last.name === name) last.end = index + 1;
    else blocks.push({ name, start: index, end: index + 1 });
  });
  const names = new Set(groups);
  return names.size > 1 && blocks.length === names.size ? blocks : []; // an order that scatters the groups has none
}

function matrixFrom(data, previous) {
  const same = previous && previous.source === data.cells && previous.is_change === data.is_change &&
    previous.entries === data.labels.length;
  const cells = same ? previous : unpackedCells(data.cells, data.is_change);
  const entries = data.labels.length;
  const matrix = {
    ...data,
    source: data.cells,
    entries,
    counts: cells.counts,
    rows: cells.rows,
    columns: cells.columns,
    earlier: cells.earlier,
    starts: same ? previous.starts : rowStarts(cells.rows, entries),
    blocks: groupBlocks(data.groups),
    images: data.row_totals.reduce((sum, total) => sum + total, 0),
  };
  matrix.errorScale = colourScale(matrix, false);
  matrix.rightScale = colourScale(matrix, true);
  return matrix;
}

// Whether a cell is drawn in the hue of errors: one off the diagonal, or one that changed for the worse.
function isBad(matrix, row, column, count) {
  return matrix.is_change ? (row === column) === (count < 0) : row !== column;
}

// Of changes, both hues have the same scale: one more and one fewer are equally strong.
function colourScale(matrix, isGood) {
  let least = Infinity;
  let most = 0;
  for (let index = 0; index < matrix.counts.length; index += 1) {
    const [row, column, count] = [matrix.rows[index], matrix.columns[index], matrix.counts[index]];
    if (count === 0 || (!matrix.is_change && isBad(matrix, row, column, count) === isGood)) continue;
    const value = Math.abs(cellValue(matrix, row, column, count));
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (most === 0) return null;
  return { least, most, log: matrix.scale === "log" };
}

function shareOf(scale, value) {
  if (scale.log) return Math.log1p(value / scale.least) / Math.log1p(scale.most / scale.least);
  return value / scale.most;
}

function valueAt(scale, share) {
  if (scale.log) return scale.least * Math.expm1(share * Math.log1p(scale.most / scale.least));
  return scale.most * share;
}

function cellValue(matrix, row, column, count) {
  if (matrix.values === "label") return matrix.row_totals[row] ? count / matrix.row_totals[row] : 0;
  if (matrix.values === "counts") return count;
  return matrix.column_totals[column] ? count / matrix.column_totals[column] : 0;
}

function placeOfCell(matrix, row, column) {
  let low = matrix.starts[row];
  let high = matrix.starts[row + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (matrix.columns[middle] < column) low = middle + 1;
    else high = middle;
  }
  return low < matrix.starts[row + 1] && matrix.columns[low] === column ? low : -1;
}

function countAt(matrix, row, column) {
  const place = placeOfCell(matrix, row, column);
  return place < 0 ? 0 : matrix.counts[place];
}

const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", " ");

function counted(matrix, total) {
  return `${grouped(total)} ${total === 1 ? matrix.noun.replace(/s$/, "") : matrix.noun}`;
}

function percent(rate) {
  if (rate > 0 && rate < 0.005) return "<1";
  if (rate < 1 && rate > 0.995) return ">99";
  return String(Math.round(rate * 100));
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value)}`;

function valueText(matrix, value) {
  if (matrix.is_change) return signed(value);
  return matrix.values === "counts" ? String(value) : percent(value);
}

// The diagonal of a folded group holds images called any class of the group: near, but not always right.
const oneOf = (matrix, index) => (matrix.is_group[index] ? `one of ${matrix.labels[index]}` : matrix.labels[index]);

function cellWords(matrix, row, column) {
  const label = matrix.labels[row];
  const predicted = row === column ? oneOf(matrix, column) : matrix.labels[column];
  const count = countAt(matrix, row, column);
  const total = matrix.row_totals[row];
  if (total === 0) return `no ${matrix.noun} of ${label}, so none called ${predicted}`;
  if (count === 0 && row !== column && matrix.min_count > 1)
    return `fewer than ${matrix.min_count} of ${total} ${label} called ${predicted}`; // blanked, so perhaps not 0
  const verdict = row === column && !matrix.is_group[row] ? ", which is right" : "";
  if (matrix.values === "prediction" && count > 0) {
    const called = matrix.column_totals[column];
    const share = `${percent(count / called)}% of what is called ${predicted} is ${label}`;
    return `${share} (${count} of ${called})${verdict}`;
  }
  if (count === 0) return `no ${label} called ${predicted} (0 of ${total})`;
  if (matrix.values === "counts") return `${count} of ${total} ${label} called ${predicted}${verdict}`;
  return `${percent(count / total)}% of ${label} called ${predicted} (${count} of ${total})${verdict}`;
}

function rowWords(matrix, row) {
  const right = countAt(matrix, row, row);
  const total = matrix.row_totals[row];
  const so = matrix.is_group[row] ? oneOf(matrix, row) : "so";
  const outcome = `${right} called ${so}, ${total - right} called something else`;
  return `${matrix.labels[row]}: ${counted(matrix, total)}, ${outcome}`;
}

function columnWords(matrix, column) {
  const right = countAt(matrix, column, column);
  const total = matrix.column_totals[column];
  const split = matrix.is_group[column]
    ? `${right} of them ${matrix.labels[column]}, ${total - right} not`
    : `${right} rightly, ${total - right} wrongly`;
  return `called ${oneOf(matrix, column)}: ${counted(matrix, total)}, ${split}`;
}

// What an earlier result and this one have in the cells of a row, a column or both.
function earlierAndLater(matrix, { row, column }) {
  let [earlier, change] = [0, 0];
  for (let index = 0; index < matrix.counts.length; index += 1) {
    if (row !== null && matrix.rows[index] !== row) continue;
    if (column !== null && matrix.columns[index] !== column) continue;
    earlier += matrix.earlier[index];
    change += matrix.counts[index];
  }
  const more = change === 0 ? "as many" : `${Math.abs(change)} ${change > 0 ? "more" : "fewer"}`;
  return `${earlier} before, ${earlier + change} after (${more})`;
}

function changeWords(matrix, place) {
  const { row, column } = place;
  if (row === null) return `called ${matrix.labels[column]}: ${earlierAndLater(matrix, place)}`;
  if (column !== null && row !== column)
    return `${matrix.labels[row]} called ${matrix.labels[column]}: ${earlierAndLater(matrix, place)}`;
  const right = earlierAndLater(matrix, { row, column: row });
  return `${matrix.labels[row]}: ${counted(matrix, matrix.row_totals[row])}, rightly recognised: ${right}`;
}

function placeWords(matrix, place) {
  if (place === null) return "";
  if (matrix.is_change) return changeWords(matrix, place);
  if (place.row === null) return columnWords(matrix, place.column);
  if (place.column === null) return rowWords(matrix, place.row);
  return cellWords(matrix, place.row, place.column);
}

const samePlace = (a, b) => a === b || (a !== null && b !== null && a.row === b.row && a.column === b.column);
