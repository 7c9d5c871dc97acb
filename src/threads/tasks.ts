/** What threads are asked for by message, where a job block has no room: lists of others' memory, passes, chunks. */
import { addCounts, type CensusCounts, type CensusKey, countStretches, type Stretch } from "../census.js";
import type { Core } from "../engine/core.js";
import { type PackedChunk, unpack } from "../image/chunk.js";
import { countFolios, selectSlots } from "../passes.js";
import { PAGES_PER_SECTION } from "../sections.js";
import { predicateAt } from "../select.js";
import type { PfnSource } from "../types.js";
import { verify, type VerifyOptions, type VerifyReport } from "../verify.js";
import { checkPuts, type Counted, getReferences, putReferences, type Refusal } from "./references.js";
import type { Take } from "./take.js";
import { type BatchName, type OutList, runBatch } from "./batches.js";
import type { ThreadMap } from "./thread-map.js";
import { part } from "./views.js";

/** Each by what it takes and gives. Threads that do a task together share out its sections, or its stretches. */
export interface Tasks {
  /** A batch over lists in shared memory of the caller's. */
  batch: [wants: { name: BatchName; pages: PfnSource; out: OutList; stretch: number }, gives: number];
  /** Ill-formed words of sections, which are marked. */
  scan: [wants: { sections: number }, gives: number];
  /** Folios by order. */
  countFolios: [wants: { sections: number }, gives: Uint32Array];
  /** What a census counts in stretches of slots, of which each thread takes the next. */
  census: [wants: { by: CensusKey; stretches: readonly Stretch[] }, gives: CensusCounts];
  /** Slots that match a predicate, in parts, by section. */
  select: [wants: { sections: number; predicate: Uint8Array }, gives: [section: number, parts: Uint32Array[]][]];
  /** References on the folios of pages, taken, seen whether they can be dropped, dropped. */
  getFolios: [wants: { pages: PfnSource }, gives: Counted];
  checkPuts: [wants: { pages: PfnSource }, gives: Refusal | null];
  putFolios: [wants: { pages: PfnSource }, gives: Counted];
  verify: [wants: VerifyOptions, gives: VerifyReport];
  /** A section's slots, to be unpacked to an address. */
  unpack: [wants: { chunk: PackedChunk; address: number }, gives: null];
}

export type TaskName = keyof Tasks;
export type Wants<Name extends TaskName> = Tasks[Name][0];
export type Gives<Name extends TaskName> = Tasks[Name][1];

/** A task as it is sent. */
export type Task = { [Name in TaskName]: { readonly task: Name; readonly wants: Wants<Name> } }[TaskName];

function* sectionsOf(take: Take, sections: number): Generator<number> {
  for (let section = take(1); section < sections; section = take(1)) yield section;
}

function batch(map: ThreadMap, take: Take, { name, pages, out, stretch }: Wants<"batch">): number {
  let invalid = 0;
  for (let at = take(stretch); at < out.length; at = take(stretch)) {
    const count = Math.min(stretch, out.length - at);
    invalid += runBatch(map, name, part(pages, at, count), part(out, at, count));
  }
  return invalid;
}

function count(core: Core, take: Take, sections: number): Uint32Array {
  const all = new Uint32Array(256);
  for (const section of sectionsOf(take, sections)) {
    const counts = countFolios(core, section * PAGES_PER_SECTION, (section + 1) * PAGES_PER_SECTION);
    counts.forEach((count, order) => (all[order]! += count));
  }
  return all;
}

function census({ core, profile }: ThreadMap, take: Take, { by, stretches }: Wants<"census">): CensusCounts {
  const counts = countStretches(core, profile, by, []);
  for (const at of sectionsOf(take, stretches.length)) {
    addCounts(counts, countStretches(core, profile, by, [stretches[at]!]));
  }
  return counts;
}

function select(core: Core, take: Take, { sections, predicate }: Wants<"select">): Gives<"select"> {
  core.u8.set(predicate, predicateAt(core));
  return Array.from(sectionsOf(take, sections), (section) => [
    section,
    selectSlots(core, section * PAGES_PER_SECTION, (section + 1) * PAGES_PER_SECTION),
  ]);
}

function scan(core: Core, take: Take, sections: number): number {
  let ill = 0;
  for (const section of sectionsOf(take, sections)) ill += core.exports.scan_section(section) >>> 0;
  return ill;
}

/** Do a task on this thread. */
export async function runTask(map: ThreadMap, take: Take, { task, wants }: Task): Promise<Gives<TaskName>> {
  const { core } = map;
  switch (task) {
    case "batch":
      return batch(map, take, wants);
    case "scan":
      return scan(core, take, wants.sections);
    case "countFolios":
      return count(core, take, wants.sections);
    case "census":
      return census(map, take, wants);
    case "select":
      return select(core, take, wants);
    case "getFolios":
      return getReferences(core, take, wants.pages);
    case "checkPuts":
      return checkPuts(core, take, wants.pages);
    case "putFolios":
      return putReferences(core, take, wants.pages);
    case "verify":
      return verify(core, wants);
    case "unpack":
      core.u8.set(await unpack(wants.chunk), wants.address);
      return null;
  }
}
