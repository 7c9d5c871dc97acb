import { ExtentList, NOT_IN_FILE } from "./extents.js";

/**
 * Extents of any order, some over others, as extents in rising order, none over another. Where two tell of the same byte, one that
 * has it in the file wins over one that has not, and then the first or the last of the list.
 */
export function layOut(list: ExtentList, winner: "first" | "last"): ExtentList {
  const { length, starts, ends, offsets } = list;
  const order = inOrder(list);
  const start = (nth: number): number => starts[order === null ? nth : order[nth]!]!;
  // The lower rank wins. Extents of equal offset kind keep the list's order, or its reverse.
  const rankOf = (i: number): number =>
    (winner === "first" ? i : length - 1 - i) + (offsets[i] === NOT_IN_FILE ? length : 0);
  const extentOf = (rank: number): number => (winner === "first" ? rank % length : length - 1 - (rank % length));

  const laidOut = new ExtentList();
  const open = new Heap();
  for (let next = 0, at = 0; next < length || open.least !== undefined;) {
    if (open.least === undefined) at = start(next);
    for (; next < length && start(next) <= at; next++) open.push(rankOf(order === null ? next : order[next]!));
    const top = extentOf(open.least!);
    if (ends[top]! <= at) {
      open.pop();
      continue;
    }
    const until = next < length ? Math.min(ends[top]!, start(next)) : ends[top]!;
    const offset = offsets[top]!;
    laidOut.add(at, until, offset === NOT_IN_FILE ? NOT_IN_FILE : offset + (at - starts[top]!));
    at = until;
  }
  return laidOut;
}

/** Numbers of the extents by rising start, null if they stand so already. */
function inOrder({ length, starts }: ExtentList): Uint32Array | null {
  let rising = true;
  for (let i = 1; i < length && rising; i++) rising = starts[i - 1]! <= starts[i]!;
  if (rising) return null;
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  return order.sort((a, b) => starts[a]! - starts[b]! || a - b);
}

/** Numbers, of which the least comes out first. */
class Heap {
  readonly #heap: number[] = [];

  get least(): number | undefined {
    return this.#heap[0];
  }

  push(value: number): void {
    const heap = this.#heap;
    let at = heap.length;
    for (let up = (at - 1) >> 1; at > 0 && heap[up]! > value; up = (at - 1) >> 1) {
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = value;
  }

  pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      if (down + 1 < heap.length && heap[down + 1]! < heap[down]!) down++;
      if (heap[down]! >= last) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
  }
}
