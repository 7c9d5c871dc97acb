import { describe, expect, it } from "vitest";
import { findSymbols } from "../../src/dump/kallsyms.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { type AddressRule, writeKallsyms } from "./write-kallsyms.js";
import { KernelWriter } from "./write-kernel.js";

const SYMBOLS = {
  _stext: 0xffffffff81000000n,
  ordinary: 0xffffffff81000040n,
  pgmap_array: 0xffffffff83abc000n,
  ["x".repeat(300)]: 0xffffffff83abc100n,
  __start_BTF: 0xffffffff82123450n,
};

function machine(rule: AddressRule, symbols: Record<string, bigint> = SYMBOLS) {
  const writer = new KernelWriter();
  const lines = writeKallsyms(writer, { symbols, rule });
  return { writer, info: new Vmcoreinfo(lines.join("\n")) };
}

describe("findSymbols", () => {
  it.each(["percpu", "relative", "place", "addresses"] as const)(
    "finds addresses that are kept by rule %s",
    async (rule) => {
      const { writer, info } = machine(rule);
      const { addresses, lacking } = await findSymbols(info, writer.kernel(), Object.keys(SYMBOLS));
      expect(lacking).toBeNull();
      expect(Object.fromEntries(addresses)).toEqual(SYMBOLS);
    },
  );

  it("leaves out names that the kernel has not", async () => {
    const { writer, info } = machine("place");
    const { addresses } = await findSymbols(info, writer.kernel(), ["pgmap_array", "pgmap_arra", "no_such_symbol"]);
    expect([...addresses.keys()]).toEqual(["pgmap_array"]);
  });

  it("takes an absolute per-CPU symbol as it is", async () => {
    const { writer, info } = machine("percpu", { ...SYMBOLS, cpu_number: 0x2a040n });
    expect((await findSymbols(info, writer.kernel(), ["cpu_number"])).addresses.get("cpu_number")).toBe(0x2a040n);
  });

  it("says that the pages are not in the dump", async () => {
    const { writer, info } = machine("relative");
    writer.filter(info.symbol("kallsyms_names")!);
    expect(await findSymbols(info, writer.kernel(), ["pgmap_array"])).toEqual({
      addresses: new Map(),
      lacking: "the pages of kallsyms are not in the dump",
    });
  });

  it("says that VMCOREINFO tells nothing of them", async () => {
    const info = new Vmcoreinfo("OSRELEASE=6.1.0");
    const { lacking } = await findSymbols(info, new KernelWriter().kernel(), ["pgmap_array"]);
    expect(lacking).toBe("VMCOREINFO has no SYMBOL(kallsyms_…)");
  });

  it("gives no address where those it knows come out otherwise", async () => {
    const { writer, info } = machine("place");
    const other = new Vmcoreinfo(info.text.replace("SYMBOL(_stext)=ffffffff81", "SYMBOL(_stext)=ffffffff91"));
    const { lacking } = await findSymbols(other, writer.kernel(), ["pgmap_array"]);
    expect(lacking).toBe("kallsyms gives other addresses than VMCOREINFO");
  });

  it("says where names run past their end", async () => {
    const { writer, info } = machine("place");
    writer.put(info.symbol("kallsyms_num_syms")!, Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    const { lacking } = await findSymbols(info, writer.kernel(), ["pgmap_array"]);
    expect(lacking).toMatch(/^kallsyms_names: symbol 5 of 4294967295 begins at byte \d+ of 32512, where no name does$/);
  });

  it("refuses tables that stand in another order", async () => {
    const { writer, info } = machine("place");
    const other = new Vmcoreinfo(info.text.replace(/(token_table\)=)\w+/, "$1ffffffff80000000"));
    expect((await findSymbols(other, writer.kernel(), ["pgmap_array"])).lacking).toMatch(/expected in this order$/);
  });
});
