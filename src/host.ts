/** The host that this runs on. */

/** Node has workers, zlib and files in modules of its own. */
export function isNode(): boolean {
  return typeof process === "object" && typeof process.versions === "object" && "node" in process.versions;
}

const NODE_OS = "node:os";

/** How many threads this host runs at the same time. */
export async function hostThreads(): Promise<number> {
  if (typeof navigator !== "undefined" && "hardwareConcurrency" in navigator) return navigator.hardwareConcurrency;
  const { availableParallelism } = (await import(/* @vite-ignore */ NODE_OS)) as typeof import("node:os");
  return availableParallelism();
}
