/** A 64-bit word as its two halves: no 64-bit value crosses the core's ABI. */
export function halves(word: bigint): [low: number, high: number] {
  return [Number(word & 0xffffffffn), Number((word >> 32n) & 0xffffffffn)];
}
