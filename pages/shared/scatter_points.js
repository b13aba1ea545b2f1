// Which points there are, where they are on the screen, which lie under the pointer and inside a drawn line.

const faint = 255; // the category of points that a filter left out

function bytesFrom(text) {
  const binary = atob(text);
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function textFrom(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

// A selection travels as one bit a point.
function selectionFrom(text, n) {
  const bits = bytesFrom(text);
  return Uint8Array.from({ length: n }, (_, at) => (bits[at >> 3] >> (at & 7)) & 1);
}

function selectionText(selected) {
  const bits = new Uint8Array(Math.ceil(selected.length / 8));
  for (let at = 0; at < selected.length; at += 1) if (selected[at]) bits[at >> 3] |= 1 << (at & 7);
  return textFrom(bits);
}

function countOf(selected) {
  let count = 0;
  for (let at = 0; at < selected.length; at += 1) count += selected[at];
  return count;
}

// A grid over the map, so that the pointer asks only its neighbourhood.
function gridOf(points) {
  const side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(points.n / 2))));
  const cell = (value) => Math.min(side - 1, Math.floor(value * side));
  const starts = new Uint32Array(side * side + 1);
  const cells = new Uint32Array(points.n);
  for (let at = 0; at < points.n; at += 1) {
    cells[at] = cell(points.y[at]) * side + cell(points.x[at]);
    starts[cells[at] + 1] += 1;
  }
  for (let at = 0; at < side * side; at += 1) starts[at + 1] += starts[at];
  const next = starts.slice(0, -1);
  const members = new Uint32Array(points.n);
  for (let at = 0; at < points.n; at += 1) members[next[cells[at]]++] = at;
  return { side, starts, members };
}

const toScreen = (view, x, y) => [view.width / 2 + (x - view.x) * view.scale, view.height / 2 + (y - view.y) * view.scale];
const toMap = (view, x, y) => [view.x + (x - view.width / 2) / view.scale, view.y + (y - view.height / 2) / view.scale];

// All points, with a margin for the dots at the rim.
function wholeView(points, width, height) {
  const extent = (values) => {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return points.n ? [low, high] : [0, 1];
  };
  const [[left, right], [top, bottom]] = [extent(points.x), extent(points.y)];
  const margin = 18;
  const room = (pixels, span) => (pixels - 2 * margin) / Math.max(span, 1e-3);
  const scale = Math.min(room(width, right - left), room(height, bottom - top), 4 * Math.max(width, height));
  return { width, height, scale, fit: scale, x: (left + right) / 2, y: (top + bottom) / 2 };
}

function zoomedView(view, factor, x, y) {
  const scale = Math.max(view.fit * 0.8, Math.min(view.fit * 80, view.scale * factor));
  const [mapX, mapY] = toMap(view, x, y);
  return { ...view, scale, x: mapX - (x - view.width / 2) / scale, y: mapY - (y - view.height / 2) / scale };
}

// The middle of the view stays on the map: nobody gets lost.
function movedView(view, right, down) {
  const held = (value) => Math.max(0, Math.min(1, value));
  return { ...view, x: held(view.x - right / view.scale), y: held(view.y - down / view.scale) };
}

function pointNear(scene, x, y, reach) {
  const { points, grid, view, categories } = scene;
  const [mapX, mapY] = toMap(view, x, y);
  const far = reach / view.scale;
  const cell = (value) => Math.max(0, Math.min(grid.side - 1, Math.floor(value * grid.side)));
  let [best, least] = [-1, far * far];
  for (let row = cell(mapY - far); row <= cell(mapY + far); row += 1) {
    for (let column = cell(mapX - far); column <= cell(mapX + far); column += 1) {
      const at = row * grid.side + column;
      for (let place = grid.starts[at]; place < grid.starts[at + 1]; place += 1) {
        const point = grid.members[place];
        if (categories[point] === faint) continue;
        const distance = (points.x[point] - mapX) ** 2 + (points.y[point] - mapY) ** 2;
        // Of two at the same place, the one that is drawn later lies on top.
        if (distance < least || (distance === least && scene.rank[point] > scene.rank[best])) {
          [best, least] = [point, distance];
        }
      }
    }
  }
  return best;
}

// Inside a closed line, by the even-odd rule.
function isInside(line, x, y) {
  let inside = false;
  for (let at = 0, before = line.length - 1; at < line.length; before = at, at += 1) {
    const [ax, ay] = line[at];
    const [bx, by] = line[before];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// The line is on the map, so that it stays true when the view moves while it is drawn.
function pointsInside(scene, line) {
  const { points, categories } = scene;
  const [xs, ys] = [line.map((corner) => corner[0]), line.map((corner) => corner[1])];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const found = new Uint8Array(points.n);
  for (let at = 0; at < points.n; at += 1) {
    const [x, y] = [points.x[at], points.y[at]];
    if (x < left || x > right || y < top || y > bottom || categories[at] === faint) continue;
    if (isInside(line, x, y)) found[at] = 1;
  }
  return found;
}

function boxLine([ax, ay], [bx, by]) {
  return [[ax, ay], [bx, ay], [bx, by], [ax, by]];
}

// Drawn in a mixed order, or the last class would cover all others; what must be seen comes last.
function drawingOrder(n, categories, entries) {
  const layer = (at) => (categories[at] === faint ? 0 : entries[categories[at]].on_top ? 2 : 1);
  const layers = [[], [], []];
  const step = mixingStep(n);
  for (let place = 0, at = 0; place < n; place += 1, at = (at + step) % n) layers[layer(at)].push(at);
  return Uint32Array.from([...layers[0], ...layers[1], ...layers[2]]);
}

function mixingStep(n) {
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  let step = Math.max(1, Math.floor(n * 0.618));
  while (n > 1 && divisor(step, n) !== 1) step += 1;
  return step;
}
