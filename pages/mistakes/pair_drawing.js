// The graph of confusable classes. Names are only ever written as text: a class may be called "<b>".

const LINE_HEIGHT = 15;

function piece(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A line or a dot that leads to a pair: with a click, the Enter key or the space bar.
function way(pair, words) {
  const made = piece("g", { class: "way", role: "button", tabindex: "0", "aria-label": words, "data-pair": pair });
  made.append(piece("title", {}, words));
  return made;
}

function edgeOf(edge, nodes) {
  const [a, b] = [nodes[edge.start], nodes[edge.end]];
  const ends = { x1: a.x, y1: a.y, x2: b.x, y2: b.y };
  const made = way(edge.pair, edge.words);
  made.classList.add("edge");
  made.append(
    piece("line", { class: "line", "stroke-width": edge.width, ...ends }),
    piece("line", { class: "reach", ...ends }),
    piece("text", { class: "score", x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 + 4 }, edge.score),
  );
  return made;
}

function nodeOf(node) {
  const made = way(node.pair, node.words);
  made.classList.add("node");
  made.append(
    piece("circle", { class: "ring", cx: node.x, cy: node.y, r: 16 }),
    piece("circle", { class: "dot", cx: node.x, cy: node.y, r: 8 }),
  );
  const first = node.above ? node.y - 13 - (node.lines.length - 1) * LINE_HEIGHT : node.y + 22;
  node.lines.forEach((line, at) => {
    made.append(piece("text", { class: "name", x: node.x, y: first + at * LINE_HEIGHT }, line));
  });
  return made;
}

function partOf(part) {
  const [width, height] = [Math.ceil(part.width), Math.ceil(part.height)];
  const svg = piece("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  svg.append(...part.edges.map((edge) => edgeOf(edge, part.nodes)), ...part.nodes.map(nodeOf));
  const made = document.createElement("div");
  made.className = part.dense ? "part dense" : "part";
  made.append(svg);
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const graph = parentElement.querySelector(".graph");
  const source = JSON.stringify(data.parts);
  if (graph.source !== source) graph.replaceChildren(...data.parts.map(partOf));
  graph.source = source;
  const open = (event) => {
    const chosen = event.target.closest(".way");
    if (chosen) setTriggerValue("open", chosen.dataset.pair);
  };
  graph.onclick = open;
  graph.onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open(event);
  };
}
