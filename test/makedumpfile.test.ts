/** What makedumpfile -d 31 left out of the dumps of whole machines, by reason, beside the kinds of the same pages. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { UsageKind, Vmemmap } from "../src/index.js";
import { knownCapture } from "./captures.js";
import { haveRealDumps, realDumps, realPath } from "./dump/real-dumps.js";
import { documentedRow } from "./ground-truth-page.js";

const names = realDumps(/makedumpfile-d31\.txt$/).map((path) => path.split(/[\\/]/)[0]!);

/** Pages by reason, as its report has them. */
function toldOf(name: string) {
  const text = readFileSync(realPath(`${name}/makedumpfile-d31.txt`), "utf8");
  const pages = (reason: string) => Number(new RegExp(`${reason} *: (0x[0-9a-f]+)`).exec(text)![1]);
  return {
    free: pages("Free pages"),
    offline: pages("Offline pages"),
    cache: pages("Non-private cache pages"),
    privateCache: pages("  Private cache pages"),
    user: pages("User process data pages"),
  };
}

/** Folios of kinds that makedumpfile leaves out as a whole. */
const LEFT_OUT: ReadonlySet<UsageKind> = new Set(["free", "offline", "shmem", "file", "anon", "hugetlb"]);

/** Heads of folios that it keeps, whose page 1 has an odd word at +24, the place of mapping: _entire_mapcount of -1, and _pincount. */
function oddSecondPages(map: Vmemmap, isInDump: (pfn: number) => boolean): number {
  const heads = map.listHeads().filter((pfn) => isInDump(pfn) && !LEFT_OUT.has(map.usageKind(pfn)));
  return heads.filter((pfn) => (map.readWord(pfn + 1, 24) & 1n) !== 0n).length;
}

describe.skipIf(!haveRealDumps).each(haveRealDumps ? names : ["makedumpfile's reports"])("%s", (name) => {
  it("its counts are those of the census, but for what the page explains", async () => {
    const { map } = await knownCapture(name);
    const told = toldOf(name);
    const { rows } = map.census();
    const pages = (...kinds: UsageKind[]) =>
      rows.filter(({ key }) => (kinds as string[]).includes(key)).reduce((sum, row) => sum + row.pages, 0);
    // A crash kernel's dump has the machine's RAM, not its device memory.
    const isInDump = (pfn: number) => !(name.endsWith("-kexec") && map.isZoneDevicePage(pfn));
    const knowsTails = map.profile.tailEncoding !== "mask";
    const secondPages = knowsTails ? 0 : oddSecondPages(map, isInDump);
    const gigantic = map.foliosByOrder()[18] ?? 0;
    const row = [
      told.free - pages("free"),
      told.offline - pages("offline"),
      told.cache + told.privateCache - pages("shmem", "file"),
      told.user - pages("anon", "hugetlb"),
      secondPages,
      -gigantic * 2 ** 18 || 0,
    ];
    expect(documentedRow("Below are makedumpfile's counts", name)).toEqual(row);
    expect(row[3]).toBe(row[4]! + row[5]!);
  });
});
