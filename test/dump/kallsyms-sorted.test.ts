import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findSymbols } from "../../src/dump/kallsyms.js";
import { readNameTable } from "../../src/dump/kallsyms-names.js";
import { numbersByHalving } from "../../src/dump/kallsyms-sorted.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { type AddressRule, packName, writeKallsyms } from "./write-kallsyms.js";
import { KernelWriter } from "./write-kernel.js";
import { runs, timeout } from "../property/runs.js";

/** 700 symbols in no order, so three groups of names. */
const SYMBOLS: Record<string, bigint> = { _stext: 0xffffffff81000000n };
for (let i = 0; i < 700; i++) SYMBOLS[`symbol_${(i * 389) % 700}`] = 0xffffffff81000040n + BigInt(i * 16);
SYMBOLS["pgmap_array"] = 0xffffffff83abc000n;
const NAMES = Object.keys(SYMBOLS);
/** The names are in between two pages, of which a look at one symbol reads one. */
const ABSENT = ["", "a", "pgmap_arra", "pgmap_array_", "symbol_", "symbol_700", "zzz"];

function machine(rule: AddressRule, sorted: 4 | 8) {
  const writer = new KernelWriter();
  const lines = writeKallsyms(writer, { symbols: SYMBOLS, rule, sorted });
  return { writer, info: new Vmcoreinfo(lines.join("\n")) };
}

async function numbers(
  { writer, info }: ReturnType<typeof machine>,
  wanted: readonly string[] = [...NAMES, ...ABSENT],
) {
  const kernel = writer.kernel();
  const table = await readNameTable(info, kernel);
  if (typeof table === "string") throw new Error(table);
  return numbersByHalving(info, kernel, table, { wanted, anchors: ["_stext"] });
}

describe.each([
  ["percpu", 8],
  ["relative", 4],
  ["place", 4],
  ["place", 8],
] as const)("names that are sorted beside addresses by rule %s, tables at multiples of %i", (rule, sorted) => {
  it("are found by halving, each one, and no other", async () => {
    const found = await numbers(machine(rule, sorted));
    expect(found && Object.fromEntries(found)).toEqual(Object.fromEntries(NAMES.map((name, number) => [name, number])));
  });

  it("have the addresses that a pass over all names gives", async () => {
    const { writer, info } = machine(rule, sorted);
    const { addresses, lacking } = await findSymbols(info, writer.kernel(), NAMES);
    expect(lacking).toBeNull();
    expect(Object.fromEntries(addresses)).toEqual(SYMBOLS);
  });
});

describe("names that are not sorted as they should be", () => {
  it("give no answer where the numbers stand in another order", async () => {
    const machineOf = machine("place", 4);
    const offsets = machineOf.info.symbol("kallsyms_offsets")!;
    const seqs = offsets + BigInt(NAMES.length * 4);
    machineOf.writer.put(
      seqs + 900n,
      Uint8Array.from({ length: 600 }, (_, i) => (i % 3 === 2 ? (i * 7) & 255 : 0)),
    );
    expect(await numbers(machineOf)).toBeNull();
  });

  it("give no answer where the markers do not rise", async () => {
    const machineOf = machine("place", 4);
    const markers = machineOf.info.symbol("kallsyms_token_table")! - 12n;
    machineOf.writer.put(markers + 4n, new Uint8Array(Uint32Array.of(9000, 8000).buffer));
    expect(await numbers(machineOf)).toBeNull();
  });

  it.each([1, 2])("give no answer where marker %i leads to the second name of its group", async (marker) => {
    const machineOf = machine("place", 4);
    const at = machineOf.info.symbol("kallsyms_token_table")! - 12n + BigInt(4 * marker);
    const start = NAMES.slice(0, 256 * marker + 1).reduce((sum, name) => sum + packName(name).length, 0);
    machineOf.writer.put(at, new Uint8Array(Uint32Array.of(start).buffer));
    expect(await numbers(machineOf)).toBeNull();
    const { addresses } = await findSymbols(machineOf.info, machineOf.writer.kernel(), NAMES);
    expect(Object.fromEntries(addresses)).toEqual(SYMBOLS);
  });

  it("give no answer without a name that VMCOREINFO has too", async () => {
    const { writer, info } = machine("place", 4);
    const kernel = writer.kernel();
    const table = await readNameTable(info, kernel);
    if (typeof table === "string") throw new Error(table);
    const wanted = ["pgmap_array"];
    expect(await numbersByHalving(info, kernel, table, { wanted, anchors: ["_stext", "init_uts_ns"] })).toBeNull();
    expect(await numbersByHalving(info, kernel, table, { wanted, anchors: [] })).toBeNull();
  });

  it("never give a wrong address, whatever is damaged of markers and order", { timeout }, async () => {
    const damage = fc.record({ at: fc.nat(2999), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 6 }), async (damages) => {
        const { writer, info } = machine("place", 4);
        const markers = info.symbol("kallsyms_token_table")! - 12n;
        const seqs = info.symbol("kallsyms_offsets")! + BigInt(NAMES.length * 4);
        for (const { at, byte } of damages) {
          const place = at < 900 ? markers + BigInt(at % 12) : seqs + BigInt(at - 900);
          writer.put(place, Uint8Array.of(byte));
        }
        const { addresses } = await findSymbols(info, writer.kernel(), NAMES);
        for (const [name, address] of addresses) expect([name, address]).toEqual([name, SYMBOLS[name]]);
      }),
      runs(60),
    );
  });

  it("are looked for one by one then", async () => {
    const { writer, info } = machine("place", 4);
    const seqs = info.symbol("kallsyms_offsets")! + BigInt(NAMES.length * 4);
    writer.put(seqs, new Uint8Array(3 * NAMES.length));
    const { addresses } = await findSymbols(info, writer.kernel(), NAMES);
    expect(Object.fromEntries(addresses)).toEqual(SYMBOLS);
  });
});
