const PAGE_SHIFT = 12;
const TABLE_BITS = 9;
const PRESENT = 1n << 0n;
/** A leaf above the last level (_PAGE_PSE). */
const LARGE = 1n << 7n;
const ADDRESS_BITS = 0x000f_ffff_ffff_f000n;

/** Kernel virtual memory: a walk of the page tables from init_top_pgt. */
export class KernelMemory {
  #core;
  #root;
  #levels;
  #addressMask;

  /** `smeMask`: the encryption bit of page-table entries, 0 without SME. */
  constructor(core, { root, levels, smeMask }) {
    this.#core = core;
    this.#root = root;
    this.#levels = levels;
    this.#addressMask = ADDRESS_BITS & ~smeMask;
  }

  /** The physical address behind a virtual one (a bigint); null if nothing is mapped there. */
  translate(address) {
    let table = this.#root;
    for (let level = this.#levels - 1; ; level--) {
      const shift = BigInt(PAGE_SHIFT + level * TABLE_BITS);
      const index = Number((address >> shift) & 0x1ffn);
      const entry = this.#core.read(table + index * 8, 8).readBigUInt64LE(0);
      if (!(entry & PRESENT)) return null;
      if (level === 0 || entry & LARGE) {
        const inside = (1n << shift) - 1n;
        // In a large leaf, bit 12 is PAT and no address: the mask takes away all bits below the leaf's size.
        return Number((entry & this.#addressMask & ~inside) | (address & inside));
      }
      table = Number(entry & this.#addressMask);
    }
  }

  /** `length` bytes at a virtual address; they must not cross a page. */
  read(address, length) {
    const physical = this.translate(address);
    if (physical === null) throw new Error(`nothing is mapped at 0x${address.toString(16)}`);
    return this.#core.read(physical, length);
  }

  word(address) {
    return this.read(address, 8).readBigUInt64LE(0);
  }
}
