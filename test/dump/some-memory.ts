/** Frames for tests, and what a dump says of them. */
import { expect } from "vitest";
import { VmemmapError } from "../../src/errors.js";
import { FrameState, type Dump } from "../../src/dump/memory.js";
import { PAGE } from "./write-kdump.js";

/** A page of some sort, the same each time: zeros, one byte, words that repeat, noise. */
export function somePage(seed: number): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE);
  const kind = seed % 4;
  if (kind === 1) page.fill(seed);
  let state = seed + 1;
  for (let i = 0; i < PAGE && kind >= 2; i++) {
    if (kind === 3 || i % 64 < 5) state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    page[i] = state >>> 24;
  }
  return page;
}

/** Every frame from 0 on with a page, but for each 7th, which is filtered, and each 11th, which is absent. */
export function someFrames(count: number): Map<number, Uint8Array | null> {
  const frames = new Map<number, Uint8Array | null>();
  for (let frame = 0; frame < count; frame++) {
    if (frame % 11 === 5) continue;
    frames.set(frame, frame % 7 === 3 ? null : somePage(frame));
  }
  return frames;
}

/** Hold a dump against the frames it was made of, in one list with those behind its end. */
export async function expectFrames(
  { memory }: Dump,
  frames: ReadonlyMap<number, Uint8Array | null>,
  lost: readonly number[] = [],
): Promise<void> {
  const list = Array.from({ length: memory.endFrame + 3 }, (_, frame) => frame);
  const out = new Uint8Array(list.length * PAGE).fill(0xaa);
  await memory.readFrames(list, out);
  const wrong: unknown[] = [];
  for (const frame of list) {
    const page = frames.get(frame);
    const isLost = lost.includes(frame);
    const state =
      page === undefined ? FrameState.ABSENT : page === null || isLost ? FrameState.FILTERED : FrameState.HERE;
    if (memory.stateOf(frame) !== state) wrong.push({ frame, state: memory.stateOf(frame), expected: state });
    const bytes = (isLost ? undefined : page) ?? new Uint8Array(PAGE);
    if (Buffer.compare(out.subarray(frame * PAGE, (frame + 1) * PAGE), bytes) !== 0) wrong.push({ frame });
  }
  expect(wrong).toEqual([]);
}

/** The code and message of what was thrown. */
export async function refusal(promise: Promise<unknown>): Promise<[code: string, message: string]> {
  const error: unknown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(error instanceof VmemmapError)) throw new Error(`expected a refusal, found ${String(error)}`);
  return [error.code, error.message];
}
