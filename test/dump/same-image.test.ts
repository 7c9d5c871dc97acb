/** The image of a dump's map is the dump's alone: neither who unpacked its pages nor when is in it. Runs the built package. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { syntheticKernel } from "../../bench/open/synthetic-kernel.js";
import { writeDump } from "../../bench/open/write-dump.js";
import { openVmcore } from "../../dist/src/index.js";
import { threeGibs } from "./three-gibs.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-same-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it("is byte for byte the same by one thread and by several", async () => {
  const dump = join(folder, "vmcore");
  writeDump(dump, "kdump-zlib", syntheticKernel(threeGibs()));
  const by: string[] = [];
  const images = await Promise.all(
    [1, 2, 3].map(async (threads) => {
      const map = await openVmcore(dump, { threads, onUnpackedBy: (who) => by.push(who) });
      const image = Buffer.from(await new Response(map.save()).arrayBuffer());
      map.dispose();
      return image;
    }),
  );
  expect(by.sort()).toEqual(["2 threads", "3 threads"]);
  expect(images.map((image) => image.equals(images[0]!))).toEqual([true, true, true]);
});
