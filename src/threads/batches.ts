/** Which batches threads can do, and what kind of list each answers to. */
import type { BatchMap } from "../batch-map.js";
import type { Core } from "../engine/core.js";
import { checkOut, pfnListKind, sourceLength } from "../lists.js";
import type { AnswerList, PfnList, PfnSource } from "../types.js";

const outputs = {
  headsInto: "pfns",
  ordersInto: "answers",
  folioIdsInto: "answers",
  flagsInto: "words",
  folioFlagsInto: "words",
  refcountsInto: "answers",
  folioRefcountsInto: "answers",
  mapcountsInto: "answers",
  folioMapcountsInto: "answers",
  slotsOf: "slots",
  pgmapsInto: "answers",
  devPagemapsInto: "answers",
  pgmapWordsInto: "words",
  ownPgmapsInto: "answers",
  ownPgmapWordsInto: "words",
  memoryTypesInto: "answers",
} as const satisfies Partial<Record<keyof BatchMap, "pfns" | "answers" | "words" | "slots">>;

export type BatchName = keyof typeof outputs;
export type OutList = AnswerList | PfnList | BigUint64Array;

/** By number, as job blocks name them. */
export const batchNames = Object.keys(outputs) as readonly BatchName[];

const kinds = {
  pfns: (core: Core) => [pfnListKind(core)],
  answers: () => [Uint32Array, Int32Array, Float64Array],
  words: () => [BigUint64Array],
  slots: () => [Uint32Array],
};

/** What the batch itself checks first: how many pages it is about. @throws VmemmapError "bad-array", "bad-argument" */
export function checkBatch(core: Core, name: BatchName, pages: PfnSource, out: OutList): number {
  const length = sourceLength(core, pages, name);
  checkOut(core, out, kinds[outputs[name]](core), pages, length, name);
  return length;
}

/** Do a batch on this thread; its lists are of the kinds it asks for. */
export function runBatch(map: BatchMap<ArrayBufferLike>, name: BatchName, pages: PfnSource, out: OutList): number {
  return map[name as "headsInto"](pages, out as PfnList);
}
