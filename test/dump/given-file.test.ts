/** Files that read by code of the user's: whatever that does, the answer is an error with a code. */
import { describe, expect, it } from "vitest";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { GivenFile } from "../../src/dump/given-file.js";
import { openVmcore } from "../../src/index.js";
import { pattern } from "./bytes.js";
import { refusal } from "./refusal.js";

const content = pattern(5000);
const fileOf = (change: object = {}): RandomAccessFile => ({
  name: "mine",
  size: content.length,
  readInto: (out, offset) => {
    out.set(content.subarray(offset, offset + out.length));
    return undefined;
  },
  close: () => Promise.resolve(),
  ...change,
});

it("reads what it is asked for, and closes the file once", async () => {
  let closed = 0;
  const close = () => {
    closed++;
    return Promise.resolve();
  };
  const file = new GivenFile(fileOf({ close }));
  const out = new Uint8Array(100);
  expect(file.readInto(out, 50)).toBeUndefined();
  expect(out).toEqual(content.subarray(50, 150));
  await file.close();
  await file.close();
  expect(closed).toBe(1);
});

it("is not asked for bytes beyond its size", async () => {
  const file = new GivenFile(fileOf({ readInto: () => expect.unreachable() }));
  expect(await refusal(() => file.readInto(new Uint8Array(100), 4950))).toMatch(/^bad-dump: mine, offset 4950: /);
});

it.each([-1, NaN, 1.5, "9", 2 ** 60, Infinity, undefined, null, 5n, {}])("is refused with size %s", async (size) => {
  expect(await refusal(() => openVmcore(fileOf({ size })))).toMatch(/^bad-argument: mine: size .*: expected a whole/);
});

it.each(["readInto", "close"])("is refused where its %s is no function", async (method) => {
  expect(await refusal(() => openVmcore(fileOf({ [method]: 5 })))).toMatch(/^bad-argument: mine: \w+ 5: expected a f/);
});

it.each([undefined, 5, "", null])("may have no name: %s", async (name) => {
  expect(await refusal(() => openVmcore(fileOf({ name })))).toMatch(/^bad-dump: file, offset 0: /);
});

describe("is unreadable where it", () => {
  const cause = new TypeError("my own mistake");
  it.each([
    [
      "throws",
      () => {
        throw cause;
      },
    ],
    ["rejects", () => Promise.reject(cause)],
  ])("%s: its own error is the cause", async (_how, readInto) => {
    const error: unknown = await openVmcore(fileOf({ readInto })).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "unreadable", message: "mine, offset 0: my own mistake", cause });
  });

  it.each([
    ["at once", (out: Uint8Array) => out.length - 1],
    ["later", (out: Uint8Array) => Promise.resolve(out.length - 1)],
  ])("answers fewer bytes than it is asked for, %s", async (_when, readInto) => {
    expect(await refusal(() => openVmcore(fileOf({ readInto })))).toMatch(
      /^unreadable: mine, offset 0: its readInto answered \d+, expected \d+ bytes/,
    );
  });

  it("takes away the memory that it is to fill", async () => {
    const readInto = ({ buffer }: Uint8Array<ArrayBuffer>) => void structuredClone(buffer, { transfer: [buffer] });
    expect(await refusal(() => openVmcore(fileOf({ readInto })))).toMatch(/^unreadable: mine, offset 0: .*taken away/);
  });

  it.each(["name", "size", "readInto"])("fails to tell its %s", async (key) => {
    const file = Object.defineProperty(fileOf(), key, {
      get() {
        throw cause;
      },
    });
    const error: unknown = await openVmcore(file).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "unreadable", cause });
  });

  // What JavaScript lets it throw.
  it.each(
    ["text", undefined, {}].map((thrown, i) => [thrown as Error, ['"text"', "undefined", "an object"][i]!] as const),
  )("throws %s", async (thrown, shown) => {
    const readInto = () => Promise.reject(thrown);
    expect(await refusal(() => openVmcore(fileOf({ readInto })))).toBe(`unreadable: mine, offset 0: ${shown}`);
  });
});

it("that never answers is left when the signal says so", async () => {
  const stop = new AbortController();
  const opening = openVmcore(fileOf({ readInto: () => new Promise(() => setTimeout(() => stop.abort("enough"))) }), {
    signal: stop.signal,
  });
  await expect(opening).rejects.toBe("enough");
});

it("whose close() fails still gives the error that came before", async () => {
  const close = () => Promise.reject(new Error("no"));
  expect(await refusal(() => openVmcore(fileOf({ close })))).toMatch(/^bad-dump: mine, offset 0: /);
});
