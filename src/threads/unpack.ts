import type { Core } from "../engine/core.js";
import type { PackedSlots } from "../image/image.js";
import type { Pool } from "./pool.js";

/**
 * Have the threads unpack sections' slots to where they belong. Each works on one at a time, and the next is read meanwhile: no more
 * are in memory. An image that is damaged in several places is refused for the first, as without threads.
 */
export async function unpackSlots(core: Core, pool: Pool, slots: AsyncIterable<PackedSlots>): Promise<void> {
  const free = pool.members.map(({ thread }) => thread);
  /** What is under way, in the image's order. */
  const working: Promise<void>[] = [];
  /** By the number of the section, and of a reading error after all of them. */
  const errors = new Map<number, unknown>();
  try {
    for await (const { section, chunk } of slots) {
      while (free.length === 0 && working.length > 0) await working.shift();
      if (errors.size > 0) break;
      const thread = free.shift()!;
      const address = core.address(core.sectionSlot(section.number));
      const unpacked = thread.task("unpack", { chunk, address }, thread.block, [chunk.stored.buffer]);
      working.push(
        unpacked.then(
          () => void free.push(thread),
          (error: unknown) => void errors.set(section.number, error),
        ),
      );
    }
  } catch (error) {
    errors.set(Infinity, error);
  }
  await Promise.all(working);
  const [first] = [...errors.keys()].sort((a, b) => a - b);
  if (first !== undefined) throw errors.get(first);
}
