/** The dumps of test/dumps, one for each reader: they are the shipped maps of the same machines, and agree with all that was told of them. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openNodeFile } from "../src/dump/node-file.js";
import { openDumpFile } from "../src/dump/open-file.js";
import { FRAME_BYTES, FrameState } from "../src/dump/memory.js";
import { openVmcore } from "../src/index.js";
import { differencesRow, knownCapture, SHIPPED_FORMS } from "./captures.js";
import { noteBytes, vmcoreinfo } from "./dump/write-elf.js";
import { type LimeRange, writeLime } from "./dump/write-lime.js";
import { documentedRow } from "./ground-truth-page.js";
import { expectSameMap } from "./same-map.js";

const pathOf = (name: string, form: string) =>
  fileURLToPath(new URL(`dumps/${name}.${form.replace("vmcore-filtered.", "")}`, import.meta.url));

const PARTIAL = "linux-6.18.15-hvo-partial-section";

describe.each(SHIPPED_FORMS)("%s, %s", (name, form) => {
  it("is the shipped map, and agrees with drgn and the kernel on every page", async () => {
    const { map: known, truth } = await knownCapture(name);
    const map = await openVmcore(pathOf(name, form));
    expectSameMap(map, known);
    const row = differencesRow(map, truth);
    expect(row).toEqual(row.map(() => 0));
    expect(documentedRow("in every form", name, form)).toEqual(row);
    map.dispose();
  });
});

it.each(SHIPPED_FORMS.filter(([name]) => name === PARTIAL))(
  "%s, %s: verify() finds the 12288 stale pages and 32 cut folios that the kernel left, in the dump itself",
  async (name, form) => {
    const map = await openVmcore(pathOf(name, form));
    const { counts, findings } = map.verify({ limit: 5000 });
    expect(counts).toEqual({ "order-run": 32, "pgmap-unknown": 12_288 });
    const unknown = findings.filter(({ code }) => code === "pgmap-unknown");
    expect(new Set(unknown.map(({ found }) => found))).toEqual(new Set(["0xffff8bb7c227cca8"]));
    map.dispose();
  },
);

it("memory without a note, as LiME writes it: VMCOREINFO is found by a scan, and leads to the same map", async () => {
  const name = "linux-6.1.176";
  const dump = await openDumpFile(openNodeFile(pathOf(name, "vmcore-filtered.elf.zst")));
  const { memory } = dump;
  const ranges: LimeRange[] = [];
  for (let frame = 0; frame < memory.endFrame; frame++) {
    const start = frame;
    while (memory.stateOf(frame) === FrameState.HERE) frame++;
    if (frame === start) continue;
    const bytes = new Uint8Array((frame - start) * FRAME_BYTES);
    await memory.readFrames(
      Array.from({ length: frame - start }, (_, i) => start + i),
      bytes,
    );
    ranges.push({ address: start * FRAME_BYTES, bytes });
  }
  // The kernel has the note in pages of its own, which are not among those of this dump.
  const note = new Uint8Array(2 * FRAME_BYTES);
  note.set(noteBytes(vmcoreinfo(dump.vmcoreinfo!), 4));
  ranges.push({ address: memory.endFrame * FRAME_BYTES, bytes: note });
  await dump.close();

  const map = await openVmcore(new Blob([writeLime(ranges)]));
  expect(map.provenance).toMatchObject({ format: "lime" });
  expectSameMap(map, (await knownCapture(name)).map);
});
