// Drag to draw a rectangle; a click without a drag takes it away, unless one must stay. All in shares of the picture.

const SMALLEST = 0.02;

function place(box, region) {
  box.hidden = !region;
  if (!region) return;
  const [left, top, right, bottom] = region.map((share) => share * 100);
  Object.assign(box.style, {
    left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`,
  });
}

function shares(event, root) {
  const { left, top, width, height } = root.getBoundingClientRect();
  const within = (share) => Math.min(1, Math.max(0, share));
  return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
}

const between = ([x, y], [u, v]) => [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".rectangle");
  let [image, box] = root.children;
  if (!image) {
    [image, box] = [document.createElement("img"), document.createElement("div")];
    image.alt = "the picture; drag a rectangle on it, or use the sliders";
    image.draggable = false;
    box.className = "chosen";
    root.append(image, box);
  }
  if (image.src !== data.picture) image.src = data.picture;
  if (!root.start) place(box, data.region);
  root.classList.toggle("outline", data.stays);
  root.onpointerdown = (event) => {
    if (event.button !== 0) return;
    root.setPointerCapture(event.pointerId);
    root.start = shares(event, root);
  };
  root.onpointermove = (event) => {
    if (root.start) place(box, between(root.start, shares(event, root)));
  };
  root.onpointercancel = () => {
    root.start = null;
    place(box, data.region);
  };
  root.onpointerup = (event) => {
    if (!root.start) return;
    const region = between(root.start, shares(event, root));
    root.start = null;
    const drawn = region[2] - region[0] >= SMALLEST && region[3] - region[1] >= SMALLEST;
    if (!drawn && data.stays) return place(box, data.region);
    place(box, drawn ? region : null);
    setTriggerValue("region", drawn ? region : "none");
  };
}
