import { VmemmapError } from "../errors.js";
import { PAGES_PER_SECTION, SECTION_BYTES } from "../sections.js";
import { constant } from "./modules.js";

const WASM_PAGE = 65536;
const MAX_WASM_PAGES = 65536;
/** SECTION_SIZE_BITS. */
const SECTION_BITS = 27;

/** Where things stand in linear memory, in bytes. */
export interface MemoryPlan {
  readonly tableEntries: number;
  /** Start and length of the room for the user's lists. */
  readonly lists: number;
  readonly listBytes: number;
  /** Start of the room for the head index, and how many sections of slots it has room for; 0 where there is none. */
  readonly headIndex: number;
  readonly headIndexSections: number;
  readonly slots: number;
  readonly wasmPages: number;
}

/** What a memory is planned for. */
export interface MemoryNeeds {
  /** Sections of slots, those that may be added later included. */
  readonly sections: number;
  readonly lastSection: number;
  /** MAX_PHYSMEM_BITS: the section table has an entry for each section up to there. Untouched pages of it cost nothing. */
  readonly physmemBits: number;
  /** u32 entries for the user's lists. */
  readonly listCapacity: number;
  /** Whether to make room for the head index, where it fits. */
  readonly headIndex: boolean;
}

/** Sections that may come later than planned and still have room in the head index: 128 GiB of memory. Untouched, it costs nothing. */
const HEAD_INDEX_SPARE_SECTIONS = 1024;

/** Plan a memory. The table has one entry more, which stays 0. */
export function planMemory(needs: MemoryNeeds): MemoryPlan {
  const { sections } = needs;
  const wishes = needs.headIndex ? [sections + HEAD_INDEX_SPARE_SECTIONS, sections, 0] : [0];
  const plans = wishes.map((headIndexSections) => planWith(needs, headIndexSections));
  const plan = plans.find(({ wasmPages }) => wasmPages <= MAX_WASM_PAGES);
  if (plan !== undefined) return plan;
  const most = Math.floor((MAX_WASM_PAGES * WASM_PAGE - plans.at(-1)!.slots) / SECTION_BYTES) * PAGES_PER_SECTION;
  throw new VmemmapError(
    "out-of-memory",
    `${sections * PAGES_PER_SECTION} slots do not fit: one 4 GiB WebAssembly memory holds ${Math.max(most, 0)} beside ${needs.listCapacity} list entries`,
  );
}

function planWith(needs: MemoryNeeds, headIndexSections: number): MemoryPlan {
  const { sections, lastSection, physmemBits, listCapacity } = needs;
  const tableEntries = Math.max(2 ** (physmemBits - SECTION_BITS), lastSection + 1);
  const lists = constant("SECTION_TABLE") + (tableEntries + 2) * 4;
  const listBytes = listCapacity * 4;
  const headIndex = Math.ceil((lists + listBytes) / 8) * 8;
  const perSection = constant("HEAD_INDEX_BYTES_PER_SECTION");
  const headIndexBytes = headIndexSections > 0 ? constant("HEAD_INDEX_BYTES") + headIndexSections * perSection : 0;
  const slots = Math.ceil((headIndex + headIndexBytes) / WASM_PAGE) * WASM_PAGE;
  const wasmPages = (slots + sections * SECTION_BYTES) / WASM_PAGE;
  return {
    tableEntries,
    lists,
    listBytes,
    headIndex: headIndexSections > 0 ? headIndex : 0,
    headIndexSections,
    slots,
    wasmPages,
  };
}

/** A memory of the planned size, which can grow; a shared one can't, since views of other threads would go stale. */
export function makeMemory({ wasmPages: initial }: MemoryPlan, shared: boolean): WebAssembly.Memory {
  const maximum = shared ? initial : MAX_WASM_PAGES;
  return tryMemory(initial, () => new WebAssembly.Memory({ initial, maximum, shared }));
}

/** Make room for the slots of `sections` sections; whether the memory grew, and with it got a new buffer. */
export function growMemory(memory: WebAssembly.Memory, plan: MemoryPlan, sections: number): boolean {
  const pages = (plan.slots + sections * SECTION_BYTES) / WASM_PAGE;
  const missing = pages - memory.buffer.byteLength / WASM_PAGE;
  if (missing <= 0) return false;
  if (pages > MAX_WASM_PAGES) {
    throw new VmemmapError(
      "out-of-memory",
      `the slots of ${sections} sections do not fit one 4 GiB WebAssembly memory`,
    );
  }
  tryMemory(pages, () => memory.grow(missing));
  return true;
}

function tryMemory<T>(pages: number, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const gib = ((pages * WASM_PAGE) / 2 ** 30).toFixed(2);
    throw new VmemmapError("out-of-memory", `this host gives no WebAssembly memory of ${gib} GiB`, { cause });
  }
}
