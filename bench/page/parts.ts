import { batches } from "./batches.js";
import { fields } from "./fields.js";
import { mixes } from "./mixes.js";
import type { Part } from "./part.js";
import { passes } from "./passes.js";
import { patterns } from "./patterns.js";
import { pgmap } from "./pgmap.js";
import { sizes } from "./sizes.js";
import { threads } from "./threads.js";

/** The parts of docs/results/lookups.md, in its order. */
export const PARTS = {
  sizes,
  patterns,
  mixes,
  batches,
  fields,
  pgmap,
  passes,
  threads,
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;
