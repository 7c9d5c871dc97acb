import { expect, it } from "vitest";
import { crc32 } from "../../../src/image/crc32.js";

const digits = new TextEncoder().encode("123456789");

it("gives the check value of the CRC catalogue", () => {
  expect(crc32(digits)).toBe(0xcbf43926);
});

it("goes on from an earlier result", () => {
  expect(crc32(digits.subarray(4), crc32(digits.subarray(0, 4)))).toBe(0xcbf43926);
});
