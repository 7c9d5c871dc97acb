const ELF_MAGIC = 0x464c457f;
const PHOFF_AT = 32;
const PHENTSIZE_AT = 54;
const PHNUM_AT = 56;
const PT_LOAD = 1;

/** The physical memory an ELF64 core holds, found by p_paddr. */
export class ElfCore {
  #file;
  /** By rising physical address. */
  #segments;

  constructor(file) {
    if (file.readUInt32LE(0) !== ELF_MAGIC) throw new Error("not an ELF file");
    this.#file = file;
    const start = Number(file.readBigUInt64LE(PHOFF_AT));
    const size = file.readUInt16LE(PHENTSIZE_AT);
    this.#segments = Array.from({ length: file.readUInt16LE(PHNUM_AT) }, (_, i) => file.subarray(start + i * size))
      .filter((header) => header.readUInt32LE(0) === PT_LOAD)
      .map((header) => ({
        offset: Number(header.readBigUInt64LE(8)),
        start: Number(header.readBigUInt64LE(24)),
        end: Number(header.readBigUInt64LE(24) + header.readBigUInt64LE(32)),
      }))
      .sort((a, b) => a.start - b.start);
  }

  /** `length` bytes at a physical address; they must stand in one segment. */
  read(address, length) {
    const { offset, start } = this.#find(address, address + length);
    return this.#file.subarray(offset + address - start, offset + address - start + length);
  }

  #find(start, end) {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#segments[middle].end <= start) low = middle + 1;
      else high = middle;
    }
    const segment = this.#segments[low];
    if (segment === undefined || segment.start > start || segment.end < end) {
      throw new Error(`physical address 0x${start.toString(16)} is not in the core`);
    }
    return segment;
  }
}
