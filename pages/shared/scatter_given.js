// Takes the points that Python sent and leaves them in the registry, unpacked.

function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

function unpacked(data) {
  const places = new Uint16Array(bytesOf(data.places).buffer);
  const n = places.length / 2;
  const [x, y] = [new Float32Array(n), new Float32Array(n)];
  for (let at = 0; at < n; at += 1) {
    x[at] = places[2 * at] / 65535;
    y[at] = 1 - places[2 * at + 1] / 65535;
  }
  return {
    n,
    x,
    y,
    revision: data.revision,
    labels: new Uint16Array(bytesOf(data.labels).buffer),
    predicted: new Uint16Array(bytesOf(data.predicted).buffer),
    confidence: bytesOf(data.confidence),
    names: data.names,
  };
}

export default function ({ data }) {
  const { points, told } = registry();
  if (points.get(data.name)?.revision === data.revision) return;
  points.set(data.name, unpacked(data));
  told.dispatchEvent(new Event(data.name));
}
