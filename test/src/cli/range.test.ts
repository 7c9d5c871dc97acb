/** What --range takes. */
import { expect, it } from "vitest";
import { rangeOf } from "../../../src/cli/range.js";
import { wholeSource } from "../../../src/cli/source.js";
import { Vmemmap } from "../../../src/index.js";
import { mapPath, refusal, runCli } from "./run.js";

it.each([
  ["0x1000:8192", 4096, 8192],
  ["4096:+16", 4096, 4112],
  ["5:", 5, undefined],
  [":5", undefined, 5],
  ["phys:0x100000000:0x140000000", 0x100000, 0x140000],
  ["4G:5G", 0x100000, 0x140000],
  ["phys:4G:+1G", 0x100000, 0x140000],
  ["0:4GiB", 0, 0x100000],
  ["4g:5gib", 0x100000, 0x140000],
  ["phys:4G:", 0x100000, undefined],
  // Bytes round outwards.
  ["phys:0x1fff:0x2001", 1, 3],
])("%s", (text, start, end) => {
  expect(rangeOf(text)).toEqual({ ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) });
});

it.each([
  ["4G:0x200000", "a size beside a PFN; of bytes write phys:4G:0x200000"],
  [":+4", "a length needs a start"],
  ["5G:4G", "it ends before it starts"],
  ["phys:1", "expected PFNs as A:B"],
  ["4Q:", '"4Q" is no whole number, decimal or 0x…, nor a size such as 4G'],
  ["0:99999999999999999999", "there are 1099511627776 PFNs"],
])("%s is refused", (text, message) => {
  expect(() => rangeOf(text)).toThrow(message);
});

it("the end left out, from behind all memory on", async () => {
  expect(await refusal("census", mapPath("linux-7.3.4-hvo"), "--range", "1G:")).toBe(
    "vmemmap census: the kernel has no memory at PFN 262144; it has sections of PFNs 0 to 262143",
  );
});

it.each(["pages", "census"])("%s of a hole is refused, and told where there is memory", async (command) => {
  const { code, stderr } = await runCli([command, mapPath("linux-7.3.4-hvo-4gib"), "--range", "3G:4G"]);
  expect(code).toBe(2);
  expect(stderr).toBe(
    `vmemmap ${command}: the kernel has no memory at PFNs 786432 to 1048575; it has sections of PFNs 0 to 524287, 1048576 to 1572863\n`,
  );
});

it("a range of holes is refused of a source that is read as a whole, too", async () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: 32768 }] });
  const hole = { start: 65536, count: 16 };
  await expect(wholeSource(map).map(hole)).rejects.toThrow("no memory at PFNs 65536 to 65551");
  await expect(wholeSource(map).windows(hole).next()).rejects.toThrow("no memory at PFNs 65536 to 65551");
  expect((await wholeSource(map).windows({ start: 5, count: 16 }).next()).value).toBe(map);
});
