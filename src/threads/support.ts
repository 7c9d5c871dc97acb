/** Whether this host can have threads. */
import { shared } from "../engine/generated/shared.js";
import { provideBuild } from "../engine/modules.js";

/** Why there can be no threads here; null where there can. */
export function whyNoThreads(): string | null {
  if (typeof SharedArrayBuffer === "undefined" || ("crossOriginIsolated" in globalThis && !crossOriginIsolated)) {
    return "this page has no shared memory: it is not cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)";
  }
  if (typeof Worker === "undefined" && !isNode()) return "this host has no workers";
  if (!provideBuild("shared", shared)) return "this host's WebAssembly lacks threads or SIMD";
  return null;
}

/** Node has workers in a module of its own. */
function isNode(): boolean {
  return typeof process === "object" && typeof process.versions === "object" && "node" in process.versions;
}

const NODE_OS = "node:os";

/** How many threads this host runs at the same time. */
export async function hostThreads(): Promise<number> {
  if (typeof navigator !== "undefined" && "hardwareConcurrency" in navigator) return navigator.hardwareConcurrency;
  const { availableParallelism } = (await import(/* @vite-ignore */ NODE_OS)) as typeof import("node:os");
  return availableParallelism();
}
