// Where the points of a map wait for whoever draws them. They travel once; what is drawn of them changes often.

const registryName = Symbol.for("errorscope.scatter");

function registry() {
  globalThis[registryName] = globalThis[registryName] ?? { points: new Map(), told: new EventTarget() };
  return globalThis[registryName];
}
