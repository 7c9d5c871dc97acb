/** References on lists of pages, by all threads of a pool: what comes before and after the threads' part. */
import { forSlots } from "../batch.js";
import { throwFirst } from "../callbacks.js";
import type { Devices } from "../devices.js";
import { type Core, INVALID, stagingPlaces } from "../engine/core.js";
import { putSlots, refusalOf } from "../folio-lists.js";
import { isRange, sourceLength } from "../lists.js";
import type { PfnSource } from "../types.js";
import type { Pool } from "./pool.js";
import {
  checkPuts,
  COUNTED_STRETCH,
  type Counted,
  getReferences,
  putReferences,
  type Refusal,
  type ToFinish,
} from "./references.js";
import { takeAll } from "./take.js";
import { part } from "./views.js";

const here = { getFolios: getReferences, checkPuts, putFolios: putReferences };

interface Counting {
  readonly core: Core;
  readonly devices: Devices;
}

/** A list that all threads can read, and that its owner can't change: pages are read when the call is made. */
function copied(pages: PfnSource): PfnSource {
  if (isRange(pages)) return { start: pages.start, count: pages.count };
  const buffer = new SharedArrayBuffer(pages.byteLength);
  const copy = pages instanceof Float64Array ? new Float64Array(buffer) : new Uint32Array(buffer);
  copy.set(pages);
  return copy;
}

/** One step of all threads, or of this one alone where the list is short: waking another would take longer. */
async function step<Name extends keyof typeof here>(
  core: Core,
  pool: Pool,
  name: Name,
  pages: PfnSource,
): Promise<ReturnType<(typeof here)[Name]>[]> {
  type Answer = ReturnType<(typeof here)[Name]>;
  const stretches = Math.ceil(sourceLength(core, pages, name) / COUNTED_STRETCH);
  if (stretches <= 1) return [here[name](core, takeAll(), pages) as Answer];
  return (await pool.shareTask(name, { pages }, stretches)) as Answer[];
}

/** The one that comes first in the list. */
function firstOf(refusals: readonly (Refusal | null)[]): Refusal | null {
  return refusals.reduce((first, one) => (first === null || (one !== null && one.at < first.at) ? one : first), null);
}

/** Do what counts have led to, in the list's order; how many folios were freed. */
function finish(devices: Devices, counted: readonly Counted[], errors: unknown[]): number {
  const all: readonly ToFinish[] = counted.flatMap(({ toFinish }) => toFinish).sort((a, b) => a.at - b.at);
  return all.reduce((freed, { event, head }) => freed + Number(devices.finish(event, head, errors)), 0);
}

/** {@link ThreadedVmemmap.getFolios} */
export function getFolios({ core, devices }: Counting, pool: Pool, pages: PfnSource): Promise<void> {
  sourceLength(core, pages, "getFolios");
  const list = copied(pages);
  return pool.queue(async () => {
    const counted = await step(core, pool, "getFolios", list);
    const errors: unknown[] = [];
    finish(devices, counted, errors);
    const refused = firstOf(counted.map(({ refused }) => refused));
    if (refused === null) {
      throwFirst(errors);
      return;
    }
    for (const [from, count] of counted.flatMap(({ done }) => done)) {
      putStretch({ core, devices }, part(list, from, count), errors);
    }
    throw refusalOf(refused.status, "getFolios", list, refused.at);
  });
}

/** Drop references that were taken. */
function putStretch({ core, devices }: Counting, pages: PfnSource, errors: unknown[]): void {
  const { slots } = stagingPlaces(core);
  forSlots(core, pages, "getFolios", (_, nr) => {
    putSlots(core, devices, core.u32.slice(slots / 4, slots / 4 + nr), errors);
  });
}

/** {@link ThreadedVmemmap.putFolios} */
export function putFolios({ core, devices }: Counting, pool: Pool, pages: PfnSource): Promise<number> {
  sourceLength(core, pages, "putFolios");
  const list = copied(pages);
  return pool.queue(async () => {
    const unsound = firstOf(await step(core, pool, "checkPuts", list));
    if (unsound !== null) throw refusalOf(unsound.status, "putFolios", list, unsound.at);
    const counted = await step(core, pool, "putFolios", list);
    const errors: unknown[] = [];
    const freed = finish(devices, counted, errors);
    noteCounts({ core, devices }, list);
    const refused = firstOf(counted.map(({ refused }) => refused));
    if (refused !== null) {
      const dropped = counted.reduce((sum, { count }) => sum + count, 0);
      throw refusalOf(refused.status, "putFolios", list, refused.at, `, where ${dropped} others were dropped`);
    }
    throwFirst(errors);
    return freed;
  });
}

/** Who waits for one of the folios to be idle hears of it. */
function noteCounts({ core, devices }: Counting, pages: PfnSource): void {
  if (!devices.isWaitedFor) return;
  const { slots } = stagingPlaces(core);
  forSlots(core, pages, "putFolios", (_, nr) => {
    for (const slot of core.u32.slice(slots / 4, slots / 4 + nr)) {
      const head = core.exports.compound_head(slot) >>> 0;
      if (head !== INVALID) devices.noteCount(head);
    }
  });
}
