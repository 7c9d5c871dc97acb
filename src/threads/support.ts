/** Whether this host can have threads. */
import { shared } from "../engine/generated/shared.js";
import { provideBuild } from "../engine/modules.js";
import { isNode } from "../host.js";

export { hostThreads } from "../host.js";

/** Why there can be no threads here; null where there can. */
export function whyNoThreads(): string | null {
  if (typeof SharedArrayBuffer === "undefined" || ("crossOriginIsolated" in globalThis && !crossOriginIsolated)) {
    return "this page has no shared memory: it is not cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)";
  }
  if (typeof Worker === "undefined" && !isNode()) return "this host has no workers";
  if (!provideBuild("shared", shared)) return "this host's WebAssembly lacks threads or SIMD";
  return null;
}
