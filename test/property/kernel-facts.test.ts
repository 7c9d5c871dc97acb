/** What a kernel says of itself, damaged: a profile or a refusal, pgmaps that a map takes or none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { profileOf } from "../../src/dump/kernel-profile.js";
import { deviceWordsOf } from "../dump/words-of.js";
import { findPgmaps } from "../../src/dump/pgmaps.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { VmemmapError } from "../../src/errors.js";
import { profile, Vmemmap } from "../../src/index.js";
import { BtfWriter } from "../src/profile/write-btf.js";
import { LAYOUT_7_3 } from "../src/profile/layouts.js";
import { parsePahole, writeLayouts } from "../src/profile/pahole.js";
import { writeKallsyms } from "../dump/write-kallsyms.js";
import { KernelWriter } from "../dump/write-kernel.js";
import { ARRAY, linkPgmaps, putPgmap } from "../dump/write-pgmaps.js";
import { runs, timeout } from "./runs.js";

const BTF_AT = 0xffffffff83000000n;
const KEYS = [
  "OFFSET(page.compound_head)",
  "OFFSET(page.compound_info)",
  "OFFSET(page.compound_order)",
  "OFFSET(folio._folio_dtor)",
  "NUMBER(PG_lru)",
  "NUMBER(PG_hwpoison)",
  "NUMBER(PG_head_mask)",
  "NUMBER(PG_slab)",
  "NUMBER(PG_new_one)",
  "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)",
  "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)",
  "NUMBER(HUGETLB_PAGE_DTOR)",
  "LENGTH(node_data)",
];
const release = fc.tuple(fc.constantFrom(4, 5, 6, 7, 99), fc.nat(20)).map((parts) => `OSRELEASE=${parts.join(".")}.1`);
const value = fc.oneof(
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.constantFrom("-129", "-268435456", "-201326592", "64", "65536", "1024", "9007199254740993", "0x10", "", "x"),
);
const line = fc.tuple(fc.constantFrom(...KEYS), value).map((parts) => parts.join("="));
const change = fc.record({ at: fc.nat(), value: fc.nat(255) });

function btfBytes(): Uint8Array {
  const writer = new BtfWriter();
  writeLayouts(writer, parsePahole(LAYOUT_7_3));
  writer.enum("pageflags", { PG_locked: 0, PG_lru: 5, PG_head: 6, PG_slab: 9, __NR_PAGEFLAGS: 24 });
  writer.enum("pagetype", { PGTY_buddy: 0xf0, PGTY_hugetlb: 0xf4, PGTY_slab: 0xf5 });
  writer.enum("zone_type", { ZONE_DMA: 0, ZONE_DEVICE: 1, __MAX_NR_ZONES: 2 });
  writer.struct("cpumask", 1024, []);
  return writer.bytes();
}

describe("profileOf", () => {
  it(
    "of any VMCOREINFO and damaged BTF is a profile or a refusal",
    async () => {
      await fc.assert(
        fc.asyncProperty(release, fc.array(line), fc.array(change, { maxLength: 4 }), async (first, lines, changes) => {
          const writer = new KernelWriter();
          const btf = btfBytes();
          for (const { at, value: byte } of changes) btf[at % btf.length] = byte;
          writer.put(BTF_AT, btf);
          const symbols = {
            _stext: 0xffffffff81000000n,
            __start_BTF: BTF_AT,
            __stop_BTF: BTF_AT + BigInt(btf.length),
          };
          try {
            const tables = writeKallsyms(writer, { symbols, rule: "place" });
            const info = new Vmcoreinfo([first, ...lines, ...tables].join("\n"));
            const { profile: made, facts } = await profileOf(info, writer.kernel());
            expect(profile(made)).toEqual(made);
            expect(facts.length).toBeLessThan(400);
          } catch (error) {
            if (!(error instanceof VmemmapError)) throw error;
            expect(["bad-dump", "unsupported-dump"]).toContain(error.code);
          }
        }),
        runs(300),
      );
    },
    timeout,
  );
});

describe("findPgmaps", () => {
  const ADDRESSES = [0xffff888000100000n, 0xffff888000100800n, 0xffff888000101c40n];
  const made = profile("7.3");
  const map = new Vmemmap({ profile: made, memory: [{ start: 0, end: 32768 }] });
  map.memremapPages({
    type: "generic",
    ranges: [{ start: 65536, end: 98304 }],
    vmemmapShift: 9,
    address: ADDRESSES[0]!,
  });
  map.memremapPages({ type: "fs-dax", ranges: [{ start: 98304, end: 131072 }], address: ADDRESSES[1]! });
  map.memremapPages({
    type: "fs-dax",
    ranges: [{ start: 131072, end: 163840 }],
    altmap: { reserve: 2, free: 1022 },
    address: ADDRESSES[2]!,
  });
  const spot = fc.record({
    where: fc.oneof(
      fc.tuple(fc.constantFrom(...ADDRESSES), fc.nat(159)),
      fc.tuple(fc.constant(0xffff888000400000n), fc.nat(0x4000)),
    ),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0xff)),
  });

  it(
    "in damaged memory finds pgmaps that a map takes",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(spot, { maxLength: 12 }), fc.boolean(), async (spots, listed) => {
          const writer = new KernelWriter();
          for (const record of map.pgmaps) putPgmap(writer, record, made.pgmap);
          linkPgmaps(writer, ADDRESSES);
          for (const { where, value: byte } of spots) writer.put(where[0] + BigInt(where[1]), Uint8Array.of(byte));
          const meaning = { profile: made, pgmapArray: listed ? ARRAY : "not asked for" };
          const { pgmaps } = await findPgmaps(writer.kernel(), meaning, () => deviceWordsOf(map, meaning.profile));
          const other = new Vmemmap({ profile: made, memory: [{ start: 0, end: 32768 }] });
          other.pgmaps = pgmaps;
          expect(other.pgmaps).toEqual(pgmaps);
        }),
        runs(100),
      );
    },
    timeout,
  );
});
