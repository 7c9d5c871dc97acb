import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checksum } from "../../bench/heads.js";
import { buildNative, type NativeVariant } from "../../bench/native-build.js";
import { NativeProcess } from "../../bench/native-process.js";
import { ENCODINGS } from "../../bench/options.js";
import { allPfns, obviousHead, tinyMap } from "./tiny-map.js";

const build = buildNative();

describe.runIf(build.state === "built")("the native twins", () => {
  let native: NativeProcess;
  const variants: readonly NativeVariant[] = build.state === "built" ? build.variants : [];

  beforeAll(() => {
    native = new NativeProcess(build.state === "built" ? build.program : "");
  });
  afterAll(() => native.end());

  test.each(ENCODINGS)(
    "give the heads of a part of the list, and their time and checksum, %s encoding",
    async (encoding) => {
      const map = tinyMap(encoding);
      const pfns = allPfns(map).reverse();
      await native.sendMap(map);
      await native.sendList(pfns);
      const expected = pfns.map((pfn) => obviousHead(map, pfn)).slice(100, 3100);
      for (const variant of variants) {
        expect(await native.heads(variant, 100, 3000)).toEqual(expected);
        const timed = await native.time(variant, { offset: 100, count: 3000 }, { offset: 0, count: 50 });
        expect(timed.checksum).toBe(checksum(expected));
        expect(timed.nanoseconds).toBeGreaterThan(0);
      }
    },
  );

  test("refuse what is outside the list, and say why they ended", async () => {
    const other = new NativeProcess(build.state === "built" ? build.program : "");
    const block = { offset: 0, count: 1 };
    await expect(other.time("native", block, block)).rejects.toThrow("outside the list");
    await other.end();
  });
});

test("a missing compiler is reported, not thrown", () => {
  const { CC } = process.env;
  process.env["CC"] = "no-such-compiler";
  try {
    expect(buildNative()).toEqual({ state: "missing", reason: "no C compiler (no-such-compiler)" });
  } finally {
    if (CC === undefined) delete process.env["CC"];
    else process.env["CC"] = CC;
  }
});
