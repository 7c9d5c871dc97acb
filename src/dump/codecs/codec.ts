/**
 * Unpack one page.
 *
 * @param out the page; its bytes are of no use when the answer is not null
 * @returns null: `packed` held exactly `out.length` bytes; else what was found instead
 */
export type Codec = (packed: Uint8Array, out: Uint8Array) => string | null;
