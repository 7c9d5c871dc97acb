/** Symbol tables with bytes changed at random: an answer, or the reason there is none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findSymbols } from "../../src/dump/kallsyms.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { writeKallsyms } from "../dump/write-kallsyms.js";
import { KernelWriter } from "../dump/write-kernel.js";
import { runs, timeout } from "./runs.js";

const names = fc.uniqueArray(fc.stringMatching(/^[a-z_.]{1,40}$/), { minLength: 1, maxLength: 40 });
const rule = fc.constantFrom("percpu" as const, "relative" as const, "place" as const, "addresses" as const);
const tables = fc.constantFrom("num_syms", "names", "token_table", "token_index", "offsets");

const symbolsOf = (list: readonly string[]): Record<string, bigint> =>
  Object.fromEntries(["_stext", ...list].map((name, i) => [name, 0xffffffff81000000n + BigInt(i * 0x40)]));

describe("kallsyms", () => {
  it(
    "gives every name its address",
    async () => {
      await fc.assert(
        fc.asyncProperty(names, rule, async (list, how) => {
          const writer = new KernelWriter();
          const symbols = symbolsOf(list);
          const info = new Vmcoreinfo(writeKallsyms(writer, { symbols, rule: how }).join("\n"));
          const { addresses } = await findSymbols(info, writer.kernel(), Object.keys(symbols));
          expect(Object.fromEntries(addresses)).toEqual(symbols);
        }),
        runs(150),
      );
    },
    timeout,
  );

  it(
    "with bytes changed answers, or says why not",
    async () => {
      const change = fc.record({ table: tables, at: fc.nat(0x400), value: fc.nat(255) });
      await fc.assert(
        fc.asyncProperty(names, rule, fc.array(change, { minLength: 1, maxLength: 6 }), async (list, how, changes) => {
          const writer = new KernelWriter();
          const info = new Vmcoreinfo(writeKallsyms(writer, { symbols: symbolsOf(list), rule: how }).join("\n"));
          for (const { table, at, value } of changes) {
            const start = info.symbol(`kallsyms_${table}`);
            if (start !== undefined) writer.put(start + BigInt(at), Uint8Array.of(value));
          }
          const { addresses, lacking } = await findSymbols(info, writer.kernel(), list);
          if (lacking !== null) expect(addresses.size).toBe(0);
        }),
        runs(500),
      );
    },
    timeout,
  );
});
