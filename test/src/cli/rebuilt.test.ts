/** What commands say of an image of a map that was rebuilt from what a kernel tells of its pages. */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decode } from "fast-png";
import { Vmemmap } from "../../../src/index.js";
import { FREE_COLOUR, freeOrderColour } from "../../../src/picture/colours.js";
import { runCli } from "./run.js";

let folder: string;
let image: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-rebuilt-"));
  image = join(folder, "live.vmemmap");
  const map = new Vmemmap({ profile: "7.3", memory: [{ start: 0, end: 32768 }] });
  map.writeWord(8, 48, 0xf0000000n);
  map.writeWord(8, 40, 3n);
  map.writeWord(9, 24, 1n);
  map.writeWord(9, 48, 0x00000001ffffffffn);
  map.provenance = {
    format: "live",
    reconstruction: true,
    words: { flags: "derived", page_type: "derived" },
    facts: [{ name: "silentPages", value: 7, from: "pages without a bit in kpageflags" }],
  };
  await writeFile(image, map.save());
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a rebuilt map", () => {
  it("has its words marked one by one by page", async () => {
    const { stdout } = await runCli(["page", image, "9"]);
    expect(stdout.toString()).toMatch(/\n {2}refcount +not known\n/);
    expect(stdout.toString()).toMatch(/flags 0x[0-9a-f]+ \(derived\)\n/);
    expect(stdout.toString()).toMatch(/mapping 0x1 \(not known\)\n/);
  });

  it("has no cells of words that are not known", async () => {
    const { stdout } = await runCli(["pages", image, "--columns", "pfn,mapping,private,refcount", "--range", "8:10"]);
    expect(stdout.toString()).toBe("pfn,mapping,private,refcount\n8,,,0\n9,,,\n");
  });

  it("has pages that nothing is told of, which census counts on stderr", async () => {
    const { stderr } = await runCli(["census", image]);
    expect(stderr).toMatch(/^other: 7 pages of the map show no bit in kpageflags\. /);
    expect((await runCli(["census", image, "--by", "zone"])).stderr).toBe("");
  });

  it("has free blocks of no known order, all of one colour", async () => {
    const { stdout } = await runCli(["map", image, "--by", "order", "--size", "16"]);
    const { data } = decode(stdout);
    const has = (colour: readonly number[]) =>
      Array.from({ length: data.length / 3 }, (_, i) => colour.every((part, k) => data[3 * i + k] === part)).some(
        Boolean,
      );
    expect([has(FREE_COLOUR), has(freeOrderColour(3))]).toEqual([true, false]);
  });
});
