/**
 * What others say of the same map, for tests to hold ours against: drgn's record of every page, and the kernel's own
 * kpageflags and kpagecount. Columns over all valid PFNs, in the container of docs/image-format.md.
 */
import { ChunkWriter } from "../../dist/src/image/chunk.js";

/** struct of 64 bytes a page, as the capture's tool wrote them. */
const RECORD = 64;
const SLOT_BYTES = 64n;

/** Column name to array type and how a page's drgn record gives the value. */
const DRGN_COLUMNS = {
  flags: [BigUint64Array, (record) => record.readBigUInt64LE(16)],
  /** PFN minus the head's PFN. */
  headDistance: [Uint32Array, (record) => Number(record.readBigUInt64LE(0) - record.readBigUInt64LE(24))],
  mapping: [BigUint64Array, (record) => record.readBigUInt64LE(32)],
  pgmap: [BigUint64Array, (record) => record.readBigUInt64LE(40)],
  refcount: [Int32Array, (record) => record.readInt32LE(48)],
  mapcountRaw: [Int32Array, (record) => record.readInt32LE(52)],
  kind: [Uint8Array, (record) => record.readUInt8(56)],
  order: [Uint8Array, (record) => record.readUInt8(57)],
  zone: [Uint8Array, (record) => record.readUInt8(58)],
  node: [Uint8Array, (record) => record.readUInt8(59)],
};

function drgnColumns(folder, pfns, vmemmapBase) {
  const bytes = folder.zstd("pages.drgn.bin.zst");
  const records = pfns.map((pfn, i) => {
    const record = bytes.subarray(i * RECORD, (i + 1) * RECORD);
    const address = vmemmapBase + BigInt(pfn) * SLOT_BYTES;
    if (Number(record.readBigUInt64LE(0)) !== pfn || record.readBigUInt64LE(8) !== address) {
      throw new Error(`drgn's record ${i} is not of PFN ${pfn}`);
    }
    return record;
  });
  if (bytes.length !== records.length * RECORD) throw new Error("drgn has more records than there are valid PFNs");
  return Object.entries(DRGN_COLUMNS).map(([name, [Type, valueOf]]) => ({ name, values: Type.from(records, valueOf) }));
}

function guestColumns(folder, pfns) {
  const first = folder.words("guest/kpageflags.first.zst");
  const second = folder.words("guest/kpageflags.zst");
  const count = folder.words("guest/kpagecount.zst");
  return [
    { name: "kpageflags", values: BigUint64Array.from(pfns, (pfn) => second[pfn]) },
    { name: "kpageflagsStable", values: Uint8Array.from(pfns, (pfn) => Number(first[pfn] === second[pfn])) },
    { name: "kpagecount", values: BigUint64Array.from(pfns, (pfn) => count[pfn]) },
  ];
}

/** The pieces of a truth file. */
export async function* encodeTruth(folder, { name, ranges, vmemmapBase, tools }) {
  const pfns = ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i));
  const columns = [...drgnColumns(folder, pfns, vmemmapBase), ...guestColumns(folder, pfns)];
  const described = columns.map(({ name, values }) => ({ name, type: values.constructor.name }));

  const writer = new ChunkWriter();
  yield writer.begin();
  yield writer.chunk("TRUT", new TextEncoder().encode(JSON.stringify({ name, ranges, tools, columns: described })));
  for (const { values } of columns) {
    yield writer.chunk("COLM", new Uint8Array(values.buffer), values.BYTES_PER_ELEMENT);
  }
  yield writer.end();
}
