// Draws the points, pixel by pixel: fifty thousand of them in a few milliseconds.

const shapes = ["disc", "square", "triangle"];

function rgb(colour) {
  const brush = rgb.brush ?? (rgb.brush = document.createElement("canvas").getContext("2d"));
  brush.fillStyle = "#808080";
  brush.fillStyle = colour;
  const text = brush.fillStyle;
  if (!text.startsWith("#")) return text.match(/[\d.]+/g).slice(0, 3).map(Number);
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

const blended = (from, to, share) => from.map((part, at) => Math.round(part + (to[at] - part) * share));
const css = (parts) => `rgb(${parts.join(", ")})`;

const themeNames = ["--st-text-color", "--st-background-color", "--st-primary-color", "--st-font"];

function themeKey(element) {
  const style = getComputedStyle(element);
  return themeNames.map((name) => style.getPropertyValue(name)).join();
}

function themeOf(element) {
  const style = getComputedStyle(element);
  const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const [text, background] = [rgb(value("--st-text-color", "#1b2430")), rgb(value("--st-background-color", "#fff"))];
  return { text, background, grey: blended(background, text, 0.34), primary: value("--st-primary-color", "#0f6e84") };
}

// How much of each pixel around a point its shape covers, 0 to 1.
function stampOf(shape, radius) {
  const reach = Math.ceil(radius + 1.5);
  const stamp = { dx: [], dy: [], cover: [] };
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const cover = Math.max(0, Math.min(1, 0.5 - distanceTo(shape, radius, dx, dy)));
      if (cover > 0.02) for (const [name, value] of Object.entries({ dx, dy, cover })) stamp[name].push(value);
    }
  }
  return { dx: Int16Array.from(stamp.dx), dy: Int16Array.from(stamp.dy), cover: Float32Array.from(stamp.cover), reach };
}

// The distance of a pixel to the rim of a shape, negative inside.
function distanceTo(shape, radius, dx, dy) {
  if (shape === "square") return Math.max(Math.abs(dx), Math.abs(dy)) - radius * 0.88;
  if (shape === "triangle") return Math.max(dy - radius * 0.75, Math.abs(dx) * 0.866 - dy * 0.5 - radius * 0.6);
  return Math.hypot(dx, dy) - radius;
}

function stampPixels(sheet, stamp, x, y, [red, green, blue], opacity) {
  const { data, width, height } = sheet;
  const { dx, dy, cover } = stamp;
  for (let at = 0; at < dx.length; at += 1) {
    const [px, py] = [x + dx[at], y + dy[at]];
    if (px < 0 || py < 0 || px >= width || py >= height) continue;
    const share = cover[at] * opacity;
    const place = 4 * (py * width + px);
    data[place] += (red - data[place]) * share;
    data[place + 1] += (green - data[place + 1]) * share;
    data[place + 2] += (blue - data[place + 2]) * share;
  }
}

function radiusOf(scene) {
  const { points, view, ratio } = scene;
  const base = Math.max(1.5, Math.min(4.2, 0.32 * Math.sqrt((view.width * view.height) / Math.max(points.n, 1) / 4)));
  return base * ratio * Math.min(2.2, Math.max(1, view.scale / view.fit) ** 0.35);
}

function coloursOf(scene) {
  const { entries, theme } = scene;
  return entries.map((entry) => (entry.colour === null ? theme.grey : rgb(entry.colour)));
}

function blankSheet(canvas, background) {
  const sheet = new ImageData(canvas.width, canvas.height);
  const [red, green, blue] = background;
  new Uint32Array(sheet.data.buffer).fill((255 << 24) | (blue << 16) | (green << 8) | red);
  return sheet;
}

function drawPoints(canvas, scene) {
  const { order, selected, emphasis, categories, count } = scene;
  const sheet = blankSheet(canvas, scene.theme.background);
  const brush = brushOf(sheet, scene);
  const dim = Math.max(0.06, Math.min(0.28, 20 / Math.sqrt(order.length))); // many dim points on a heap are bright again
  const usual = emphasis !== null || count > 1 ? dim : 0.85;
  for (const at of order) if (!selected[at] && categories[at] !== emphasis) brush.point(at, usual);
  for (const at of order) if (!selected[at] && categories[at] === emphasis) brush.point(at, 1);
  if (count > 0 && brush.rims) for (const at of order) if (selected[at]) brush.rim(at);
  if (count > 0) for (const at of order) if (selected[at]) brush.point(at, 1);
  canvas.getContext("2d").putImageData(sheet, 0, 0);
}

// Rims around thousands of tiny points would be all that is seen.
function brushOf(sheet, scene) {
  const { points, view, ratio, categories, entries, theme, selected } = scene;
  const radius = radiusOf(scene);
  const [stamps, rims] = [0, 1.2 * ratio].map((more) => shapes.map((shape) => stampOf(shape, radius + more)));
  const dot = stampOf("disc", Math.max(0.9, radius * 0.6));
  const colours = coloursOf(scene);
  const [left, top, scale] = [view.width / 2 - view.x * view.scale, view.height / 2 - view.y * view.scale, view.scale];
  const reach = rims[0].reach;
  const stamped = (at, stamp, colour, opacity) => {
    const x = Math.round((left + points.x[at] * scale) * ratio);
    const y = Math.round((top + points.y[at] * scale) * ratio);
    if (x < -reach || y < -reach || x > sheet.width + reach || y > sheet.height + reach) return;
    stampPixels(sheet, stamp, x, y, colour, opacity);
  };
  const shapeOf = (at) => (categories[at] === faint ? 0 : entries[categories[at]].shape);
  return {
    rims: radius / ratio >= 2.2 || scene.count < 500,
    rim: (at) => stamped(at, rims[shapeOf(at)], theme.text, 0.9),
    point: (at, opacity) => {
      if (categories[at] !== faint) stamped(at, stamps[shapeOf(at)], colours[categories[at]], opacity);
      else if (selected[at]) stamped(at, stamps[0], theme.grey, opacity);
      else stamped(at, dot, theme.grey, 0.25);
    },
  };
}

function drawMarks(brush, scene, drag) {
  const { view, theme, hover, points } = scene;
  brush.clearRect(0, 0, view.width, view.height);
  if (hover >= 0) {
    const [x, y] = toScreen(view, points.x[hover], points.y[hover]);
    brush.beginPath();
    brush.arc(x, y, radiusOf(scene) / scene.ratio + 4, 0, 2 * Math.PI);
    brush.lineWidth = 2;
    brush.strokeStyle = css(theme.text);
    brush.stroke();
  }
  if (!drag || drag.line.length < 2) return;
  brush.beginPath();
  for (const corner of drag.line) brush.lineTo(...toScreen(view, ...corner));
  brush.closePath();
  brush.globalAlpha = 0.12;
  brush.fillStyle = theme.primary;
  brush.fill("evenodd");
  brush.globalAlpha = 1;
  brush.lineWidth = 1.5;
  brush.strokeStyle = theme.primary;
  brush.stroke();
}
