import type { Series } from "./chart.js";
import type { ContenderName } from "./options.js";

/** How a contender is drawn. */
export type Style = Omit<Series, "name" | "points">;

/**
 * Colours of Okabe and Ito, which colour-blind readers can tell apart: C black and grey and dashed as well, the engine through the slots
 * orange, by the index blue.
 */
export const STYLES: Readonly<Record<ContenderName, Style>> = {
  native: { colour: "#000000", dashes: "7 4" },
  "native-simd": { colour: "#6b6b6b", dashes: "2 3" },
  "native-chain": { colour: "#a9a9a9", dashes: "1 4" },
  "native-index": { colour: "#56b4e9", dashes: "7 4" },
  "wasm-simd": { colour: "#d55e00", strong: true },
  "wasm-scalar": { colour: "#e8a200" },
  "wasm-index": { colour: "#0072b2", strong: true },
  "wasm-call": { colour: "#b0558a" },
  "js-uint32": { colour: "#008f69" },
  "js-bigint": { colour: "#7a5195" },
  "wasm-shared": { colour: "#e8a200" },
  "one-worker": { colour: "#f0a868" },
  "two-workers": { colour: "#d55e00", strong: true },
  "one-worker-index": { colour: "#56b4e9" },
  "two-workers-index": { colour: "#0072b2", strong: true },
};
