/* A row of pictures with their relevance laid over them. The opacity is one CSS variable of the whole
   document, so every row follows the slider at once, without asking the server. */

const OPACITY = "--errorscope-relevance-opacity";

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function picture(map, { base, frame: seen, ratio }) {
  const figure = element("figure", "map");
  const frame = element("div", "frame");
  frame.style.aspectRatio = Math.max(ratio, 0.6);
  const photo = element("img", "photo");
  photo.src = base;
  photo.alt = "the image";
  const border = element("img", "seen");
  border.src = seen;
  border.alt = "";
  frame.append(photo, border);
  if (map.relevance) {
    const relevance = element("img", "relevance");
    relevance.src = map.relevance;
    relevance.alt = map.title;
    frame.append(relevance);
  } else {
    frame.append(element("div", "word", map.word));
  }
  const caption = element("figcaption", "", map.title);
  caption.title = map.title;
  figure.append(frame, caption);
  return figure;
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".attributions");
  root.replaceChildren();
  const head = element("div", "head");
  const words = element("div", "words");
  words.append(element("strong", "", data.label), element("span", "note", data.note));
  head.append(words);
  if (data.slider) {
    const label = element("label", "opacity", "Opacity");
    const slider = element("input");
    slider.type = "range";
    slider.min = "0";
    slider.max = "1";
    slider.step = "0.05";
    slider.value = document.documentElement.style.getPropertyValue(OPACITY) || "0.9";
    slider.setAttribute("aria-label", "Opacity of the relevance");
    slider.oninput = () => document.documentElement.style.setProperty(OPACITY, slider.value);
    label.append(slider);
    head.append(label);
  }
  const row = element("div", "row");
  row.append(...data.maps.map((map) => picture(map, data)));
  root.append(head, row);
}
