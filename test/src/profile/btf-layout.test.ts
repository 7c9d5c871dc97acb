import { describe, expect, it } from "vitest";
import { Btf } from "../../../src/profile/btf.js";
import { layoutOf } from "../../../src/profile/btf-layout.js";
import { profile } from "../../../src/profile/index.js";
import { haveRealDumps, readReal, realDumps } from "../../dump/real-dumps.js";
import { LAYOUT_6_1, LAYOUT_7_3 } from "./layouts.js";
import { parsePahole, pathsOf, writeLayouts } from "./pahole.js";
import { BtfWriter } from "./write-btf.js";

function btfOf(text: string, more: (writer: BtfWriter) => void = () => undefined): Btf {
  const writer = new BtfWriter();
  writeLayouts(writer, parsePahole(text));
  more(writer);
  return new Btf(writer.bytes());
}

const valuesOf = (claims: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(claims as Record<string, { value: unknown }>).map(([name, { value }]) => [name, value]),
  );

/** A release's preset; the layouts at hand are those of these releases. */
const presetOf = (release: string) => profile(/^linux-(\d+\.\d+)/.exec(release)![1]!);

describe("layoutOf", () => {
  it("finds 6.1's fields of page 1 and 2 in struct page", () => {
    const { folio, pgmap } = layoutOf(btfOf(LAYOUT_6_1));
    const { order, dtor, nrPages, entireMapcount, pincount, pincountMinOrder, deferredList } = profile("6.1").folio;
    expect(valuesOf(folio)).toEqual({ order, dtor, nrPages, entireMapcount, pincount, pincountMinOrder, deferredList });
    expect(pgmap).toEqual({});
    expect(folio.nrPages?.from).toBe("BTF struct page.compound_nr");
  });

  it("finds 7.3's fields in struct folio, and says of what is not there that it is none", () => {
    const { folio, pgmap } = layoutOf(btfOf(LAYOUT_7_3));
    expect(valuesOf(folio)).toEqual(profile("7.3").folio);
    expect(valuesOf(pgmap)).toEqual(profile("7.3").pgmap);
    expect(folio.dtor).toEqual({ value: null, from: "BTF struct folio" });
  });

  it("takes the ref of 5.15, a pointer, for none", () => {
    const { pgmap } = layoutOf(btfOf(LAYOUT_7_3.replace(/struct percpu_ref +ref; .*/, "void * ref; /* 48 8 */")));
    expect(pgmap.ref?.value).toBeNull();
  });

  it("names flags, page types, zones and memory types as profiles do", () => {
    const layout = layoutOf(
      btfOf("", (w) => {
        w.enum("pageflags", { PG_locked: 0, PG_head: 6, __NR_PAGEFLAGS: 25, PG_readahead: 16 });
        w.enum("pagetype", { PGTY_buddy: 0xf0, PGTY_mapcount_underflow: 0xff });
        w.enum("zone_type", { ZONE_NORMAL: 0, ZONE_DEVICE: 1, __MAX_NR_ZONES: 2 });
        w.enum("memory_type", { MEMORY_DEVICE_PRIVATE: 1, MEMORY_DEVICE_FS_DAX: 2 });
      }),
    );
    expect(Object.fromEntries(layout.flags!)).toEqual({ locked: 0, head: 6, readahead: 16 });
    expect(layout.nrPageFlags).toBe(25);
    expect(layout.pageTypes!.get("buddy")).toBe(0xf0);
    expect(layout.zones).toEqual(["NORMAL", "DEVICE"]);
    expect(layout.memoryTypes).toEqual(["private", "fs-dax"]);
  });

  it("says nothing of an enum with a gap, or of a type it does not know", () => {
    const layout = layoutOf(
      btfOf("", (w) => {
        w.enum("zone_type", { ZONE_NORMAL: 0, ZONE_DEVICE: 2 });
        w.enum("memory_type", { MEMORY_DEVICE_PRIVATE: 1, MEMORY_DEVICE_NEW: 2, MEMORY_DEVICE_FS_DAX: 3 });
      }),
    );
    expect([layout.zones, layout.memoryTypes, layout.flags, layout.xarray]).toEqual([null, null, null, null]);
  });

  it("says nothing of a list that is no list of flags", () => {
    const flags = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`PG_${i}`, i]));
    expect(layoutOf(btfOf("", (w) => w.enum("pageflags", flags))).flags).toBeNull();
  });
});

describe.skipIf(!haveRealDumps)("layouts of real kernels", () => {
  it.each(realDumps(/layouts\.pahole\.txt$/))("are read from BTF as pahole printed them: %s", (path) => {
    const text = new TextDecoder().decode(readReal(path));
    const btf = btfOf(text);
    for (const struct of parsePahole(text)) {
      expect(btf.sizeOf(struct.name)).toBe(struct.size);
      for (const [member, { offset, size, length }] of pathsOf(struct)) {
        expect([member, btf.field(struct.name, member)]).toEqual([member, { offset, size, length, bits: null }]);
      }
    }
  });

  it.each(realDumps(/layouts\.pahole\.txt$/))("are those of the presets: %s", (path) => {
    const { folio, pgmap, pageBytes } = layoutOf(btfOf(new TextDecoder().decode(readReal(path))));
    const preset = presetOf(path);
    expect(pageBytes).toBe(64);
    expect({ ...preset.folio, ...valuesOf(folio) }).toEqual(
      path.includes("6.1.176") ? { ...preset.folio, metaPages: 2 } : preset.folio,
    );
    expect(valuesOf(pgmap)).toEqual(preset.pgmap);
  });
});
