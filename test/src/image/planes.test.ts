import fc from "fast-check";
import { expect, it } from "vitest";
import { fromPlanes, toPlanes } from "../../../src/image/planes.js";

it("writes byte 0 of every record, then byte 1, as differences", () => {
  expect([...toPlanes(Uint8Array.of(1, 10, 2, 20, 3, 30), 2)]).toEqual([1, 1, 1, 7, 10, 10]);
});

it("gives the records back, whatever their width", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 255 }),
      fc.nat(20),
      fc.infiniteStream(fc.nat(255)),
      (width, count, stream) => {
        const records = Uint8Array.from({ length: width * count }, () => stream.next().value as number);
        expect(fromPlanes(toPlanes(records, width), width)).toEqual(records);
      },
    ),
  );
});

it("gives many records back, runs of equal ones and a part of a buffer among them", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4, 16, 64),
      fc.nat(3),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(255)), { maxLength: 8 }),
      (width, offset, runs) => {
        const records = Uint8Array.from(
          runs.flatMap(([count, byte]) => Array.from({ length: count * width }, (_, i) => (i % 5 === 0 ? byte : 7))),
        );
        const planes = toPlanes(records, width);
        const part = new Uint8Array(planes.length + offset).subarray(offset);
        part.set(planes);
        expect(fromPlanes(part, width)).toEqual(records);
      },
    ),
    { numRuns: 50 },
  );
});
