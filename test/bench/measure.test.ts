import { expect, test } from "vitest";
import { measure, measureInTurns, type Block, type Subject } from "../../bench/measure.js";

const OPTIONS = { lookups: 64 * 1024, rounds: 6, seed: 1, warn: () => undefined };

/** A contender that takes the given time by its own clock and writes down when it runs. */
function subject(name: string, milliseconds: number, log: string[], blocks: Block[] = []): Subject {
  return {
    name,
    async: true,
    blockDivisor: 1,
    async run(block) {
      blocks.push(block);
      log.push(`${name} starts`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      log.push(`${name} ends`);
      return milliseconds;
    },
  };
}

test("one contender runs at a time, each once in a round, in changing order", async () => {
  const log: string[] = [];
  await measure([subject("a", 1, log), subject("b", 1, log), subject("c", 1, log)], OPTIONS);
  const order: string[] = [];
  for (let i = 0; i < log.length; i += 2) {
    const name = log[i]!.split(" ")[0]!;
    expect(log[i + 1]).toBe(`${name} ends`);
    order.push(name);
  }
  const rounds = Array.from({ length: order.length / 3 }, (_, i) => order.slice(3 * i, 3 * i + 3));
  for (const round of rounds) expect([...round].sort()).toEqual(["a", "b", "c"]);
  expect(new Set(rounds.map((round) => round.join(""))).size).toBeGreaterThan(1);
});

test("a contender's own clock counts, by lookup", async () => {
  const measured = await measure([subject("a", 4.096, []), subject("b", 40.96, [])], OPTIONS);
  expect(measured.get("a")).toBeCloseTo(1000); // 4.096 ms for a block of 4096
  expect(measured.get("b")).toBeCloseTo(10_000);
});

test("contenders walk through the list in blocks from different places", async () => {
  const blocks: Block[][] = [[], []];
  await measure([subject("a", 1, [], blocks[0]), subject("b", 1, [], blocks[1])], OPTIONS);
  expect(blocks[0]!.slice(0, 3).map(({ offset }) => offset)).toEqual([4096, 8192, 12288]);
  expect(blocks[1]![0]!.offset).toBe(32 * 1024);
  for (const { offset, count } of blocks.flat()) expect(offset + count).toBeLessThanOrEqual(OPTIONS.lookups);
});

test("with many contenders blocks are shorter, so that none comes to where another is or was a round before", async () => {
  const walks = Array.from({ length: 18 }, (): Block[] => []);
  await measure(
    walks.map((blocks, i) => subject(`s${i}`, 1, [], blocks)),
    { ...OPTIONS, rounds: 4 },
  );
  const at = (walk: readonly Block[], round: number): number => walk[round]!.offset;
  for (let round = 1; round < 6; round++) {
    const busy = walks.flatMap((walk) => [at(walk, round), at(walk, round - 1)]);
    expect(new Set(busy).size).toBe(2 * walks.length);
  }
  const { count } = walks[0]![0]!;
  expect(count % 64).toBe(0);
  for (const { offset } of walks.flat()) expect(offset % count).toBe(0);
});

test("each block is preceded by the same warm-up, which is never timed", async () => {
  const log: number[] = [];
  const warmed: Subject = {
    name: "warmed",
    async: false,
    blockDivisor: 4,
    warmUp: ({ offset, count }) => void log.push(offset, count),
    run: ({ offset, count }, warmUp) => {
      expect(offset).toBeGreaterThanOrEqual(4096);
      expect(warmUp).toEqual({ offset: 0, count: 1024 });
      log.push(count);
      return undefined;
    },
  };
  await measure([warmed], { ...OPTIONS, rounds: 20 });
  expect(log.length).toBeGreaterThanOrEqual(3 * 20);
  for (let i = 0; i < log.length; i += 3) expect(log.slice(i, i + 3)).toEqual([0, 1024, 1024]);
});

test("turns without a list: what comes before and after a run is not timed", async () => {
  const log: string[] = [];
  const wait = (milliseconds: number): void => {
    for (const end = performance.now() + milliseconds; performance.now() < end;);
  };
  const turn = {
    name: "a",
    async: false,
    before: () => (wait(5), void log.push("before")),
    run: () => (log.push("run"), undefined),
    after: () => (wait(5), void log.push("after")),
  };
  const other = { name: "b", async: true, run: () => Promise.resolve(7) };
  const measured = await measureInTurns([turn, other], OPTIONS);
  expect(measured.get("a")).toBeLessThan(5);
  expect(measured.get("b")).toBe(7);
  for (let i = 0; i < log.length; i += 3) expect(log.slice(i, i + 3)).toEqual(["before", "run", "after"]);
});

test("a wrong result ends the measurement", async () => {
  const wrong: Subject = {
    name: "wrong",
    async: false,
    blockDivisor: 1,
    run: () => undefined,
    verify() {
      throw new Error("wrong heads");
    },
  };
  await expect(measure([wrong, subject("b", 1, [])], OPTIONS)).rejects.toThrow("wrong heads");
});
