import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sharedFrames } from "../../src/dump/aliases.js";
import { runs } from "../property/runs.js";

describe("sharedFrames", () => {
  it("are those that are in the list more than once, whatever stretches it is made of", () => {
    const stretch = fc.record({ first: fc.integer({ min: -2, max: 60 }), count: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 12 }), (stretches) => {
        const frames = stretches.flatMap(({ first, count }) =>
          first < 0 ? [first] : Array.from({ length: count }, (_, i) => first + i),
        );
        const twice = frames.filter((frame, i) => frame >= 0 && frames.indexOf(frame) !== i);
        expect([...sharedFrames(Float64Array.from(frames))].sort((a, b) => a - b)).toEqual(
          [...new Set(twice)].sort((a, b) => a - b),
        );
      }),
      runs(1000),
    );
  });
});
