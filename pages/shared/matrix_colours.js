// Two hues: errors burn from pale orange to deep red, what is right stays a calm blue. Each runs one way only,
// from near the page's own background to its far end, so that more always looks like more, in light and in dark.

const ramps = {
  light: {
    errors: ["#fff0dd", "#fdd49e", "#fdb072", "#f98151", "#e34a33", "#b61b12", "#7f0000"],
    right: ["#edf3f8", "#cfe0ec", "#a9c8dd", "#7eabca", "#558bb2", "#376c95", "#235077"],
  },
  dark: {
    errors: ["#3a1d14", "#632518", "#93321c", "#c54a24", "#ee7039", "#fda163", "#ffd9a8"],
    right: ["#17252f", "#1d3644", "#254b5e", "#2f637b", "#3f7f9b", "#5b9dba", "#86bdd6"],
  },
};

function rgb(colour) {
  const brush = rgb.brush ?? (rgb.brush = document.createElement("canvas").getContext("2d"));
  brush.fillStyle = "#808080";
  brush.fillStyle = colour;
  const text = brush.fillStyle; // the browser writes every opaque colour as #rrggbb
  if (!text.startsWith("#")) return text.match(/[\d.]+/g).slice(0, 3).map(Number);
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

function mixed(from, to, share) {
  return from.map((part, index) => Math.round(part + (to[index] - part) * share));
}

const css = (parts, alpha = 1) => `rgba(${parts[0]}, ${parts[1]}, ${parts[2]}, ${alpha})`;

function brightness(parts) {
  const [red, green, blue] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const inkOn = (parts) => (brightness(parts) > 0.19 ? "#1d1d22" : "#ffffff");

function rampTable(stops) {
  const colours = stops.map(rgb);
  return Array.from({ length: 256 }, (_, index) => {
    const place = (index / 255) * (colours.length - 1);
    const low = Math.min(Math.floor(place), colours.length - 2);
    const parts = mixed(colours[low], colours[low + 1], place - low);
    return { parts, fill: css(parts), ink: inkOn(parts) };
  });
}

const themeVariables = ["--st-text-color", "--st-background-color", "--st-primary-color", "--st-font"];

function themeKey(element) {
  const style = getComputedStyle(element);
  return themeVariables.map((name) => style.getPropertyValue(name)).join();
}

function themeOf(element) {
  const style = getComputedStyle(element);
  const variable = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const text = rgb(variable("--st-text-color", "#31333f"));
  const background = rgb(variable("--st-background-color", "#ffffff"));
  const dark = brightness(background) < brightness(text);
  const stops = dark ? ramps.dark : ramps.light;
  return {
    dark,
    text: css(text),
    muted: css(mixed(background, text, 0.66)),
    faint: css(mixed(background, text, dark ? 0.3 : 0.22)),
    background: css(background),
    empty: css(mixed(background, text, dark ? 0.06 : 0.035)),
    dimmed: mixed(background, text, dark ? 0.16 : 0.11),
    band: css(text, dark ? 0.1 : 0.07), // grey, so that it shifts no hue of the cells it crosses
    thread: css(text, 0.3),
    primary: variable("--st-primary-color", "#1c6ea4"),
    font: variable("--st-font", "sans-serif"),
    errors: rampTable(stops.errors),
    right: rampTable(stops.right),
  };
}

// The colour of a cell, or null where it is left blank.
function shadeOf(matrix, theme, row, column, count) {
  const right = row === column;
  if (right && matrix.diagonal === "hidden") return null;
  if (right && matrix.diagonal === "dimmed") {
    return { parts: theme.dimmed, fill: css(theme.dimmed), ink: theme.muted };
  }
  if (count === 0) return null; // as many as before
  const bad = isBad(matrix, row, column, count);
  const scale = bad ? matrix.errorScale : matrix.rightScale;
  const share = shareOf(scale, Math.abs(cellValue(matrix, row, column, count)));
  const table = bad ? theme.errors : theme.right;
  return table[Math.round(22 + 233 * Math.min(1, share))]; // the least error still differs from none
}
