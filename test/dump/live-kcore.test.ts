/** `live` where the kernel shows its memory: /proc/kcore, an ELF core whose segments have physical addresses only where they are RAM. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLive, Vmemmap } from "../../src/index.js";
import { FRAME_BYTES } from "../../src/dump/memory.js";
import { syntheticKernel } from "../../bench/open/synthetic-kernel.js";
import { type ElfSegment, writeElf } from "./write-elf.js";

let proc: string;
beforeAll(() => {
  proc = mkdtempSync(join(tmpdir(), "vmemmap-kcore-"));
});
afterAll(() => rmSync(proc, { recursive: true }));

function machine(): Vmemmap {
  const map = new Vmemmap({ memory: [{ start: 0, end: 32768 }] });
  map.prepCompoundPage(512, 9);
  return map;
}

it("opens the map of the memory that it shows", async () => {
  const map = machine();
  const { frames, dump } = syntheticKernel(map);
  const vmalloc: ElfSegment = { address: 2n ** 64n - 1n, bytes: new Uint8Array(64).fill(0xee) };
  const ram = [...frames].map(([frame, bytes]): ElfSegment => ({ address: frame * FRAME_BYTES, bytes }));
  const note = { owner: "VMCOREINFO", type: 0, description: new TextEncoder().encode(dump.vmcoreinfo!) };
  writeFileSync(join(proc, "kcore"), writeElf([vmalloc, ...ram], { notes: [[note]] }));

  const live = await openLive({ proc, sys: proc });
  expect(live.provenance).toMatchObject({ format: "kcore" });
  expect([live.compoundHead(1000), live.folioOrder(1000), live.slots]).toEqual([512, 9, map.slots]);
});

it("says why it does not, and goes on with what the kernel tells of each page", async () => {
  writeFileSync(join(proc, "kcore"), "no core");
  const reasons: string[] = [];
  const opening = openLive({ proc, sys: proc, onFallback: (reason) => reasons.push(reason) });
  await expect(opening).rejects.toMatchObject({
    code: "unreadable",
    message: expect.stringMatching(/kpageflags/) as string,
  });
  expect(reasons).toEqual([expect.stringMatching(/kcore, offset 0: expected a dump/)]);
});
