/** A core as any host would drive it: raw exports over a memory of its own, no wrapper. */
import { readFileSync } from "node:fs";
import type { CoreExports } from "../../src/engine/generated/core.js";
import { makeMemory, type MemoryPlan, planMemory } from "../../src/engine/plan.js";
import { writeState } from "../../src/engine/state.js";
import type { Profile } from "../../src/index.js";

export type ModuleName = "vmemmap.wasm" | "vmemmap.scalar.wasm" | "vmemmap.shared.wasm" | "vmemmap.debug.wasm";

export function moduleBytes(name: ModuleName): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../build/${name}`, import.meta.url)));
}

export interface RawCore {
  readonly exports: CoreExports;
  readonly plan: MemoryPlan;
  readonly linear: WebAssembly.Memory;
  readonly memory: Uint8Array;
  /** The slots' bytes. */
  readonly slots: Uint8Array;
}

/** Sections by number; all their subsections are valid unless a mask of those that are is given. */
export function rawCore(
  name: ModuleName,
  profile: Profile,
  sections: readonly (readonly [nr: number, valid?: bigint])[],
  listCapacity = 64,
): RawCore {
  const lastSection = sections.at(-1)![0];
  const plan = planMemory({ sections: sections.length, lastSection, physmemBits: 46, listCapacity, headIndex: true });
  const memory = makeMemory(plan, name === "vmemmap.shared.wasm");
  const abort = (): never => {
    throw new Error("assertion failed in the core");
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(name)), { env: { memory, abort } });
  const exports = instance.exports as unknown as CoreExports;
  writeState(exports, { ...plan, vmemmapBase: profile.vmemmapBase }, profile);
  exports.head_index_start();
  for (const [nr, valid = (1n << 64n) - 1n] of sections) {
    exports.sparse_add_section(nr, Number(valid & 0xffffffffn), Number(valid >> 32n));
  }
  const bytes = new Uint8Array(memory.buffer);
  return { exports, plan, linear: memory, memory: bytes, slots: bytes.subarray(plan.slots) };
}
