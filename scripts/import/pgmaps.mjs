/** The live dev_pagemap objects: addresses and offsets from the capture's facts, the words from the kernel's memory. */
const PAGE_SIZE = 4096n;
const ALTMAP_VALID = 1;
/** enum memory_type, 6.1 and later. */
const TYPE_NAMES = [
  null,
  "MEMORY_DEVICE_PRIVATE",
  "MEMORY_DEVICE_COHERENT",
  "MEMORY_DEVICE_FS_DAX",
  "MEMORY_DEVICE_GENERIC",
  "MEMORY_DEVICE_PCI_P2PDMA",
];

/** `range` follows `nr_range`, aligned to 8. */
const rangesAt = (offsets) => offsets.nr_range + 8;

function readAltmap(object, offset) {
  const word = (i) => Number(object(offset + i * 8, 8).readBigUInt64LE(0));
  return { basePfn: word(0), endPfn: word(1), reserve: word(2), free: word(3), align: word(4), alloc: word(5) };
}

function readPgmap(memory, address, offsets) {
  const object = (offset, length) => memory.read(address + BigInt(offset), length);
  const type = object(offsets.type, 4).readInt32LE(0);
  const flags = object(offsets.flags, 4).readUInt32LE(0);
  const count = object(offsets.nr_range, 4).readInt32LE(0);
  const range = (i) => {
    const at = rangesAt(offsets) + i * 16;
    const start = object(at, 8).readBigUInt64LE(0) / PAGE_SIZE;
    const end = (object(at + 8, 8).readBigUInt64LE(0) + 1n) / PAGE_SIZE;
    return { start: Number(start), end: Number(end) };
  };
  return {
    address,
    type,
    typeName: TYPE_NAMES[type],
    flags,
    vmemmapShift: Number(object(offsets.vmemmap_shift, 8).readBigUInt64LE(0)),
    ranges: Array.from({ length: count }, (_, i) => range(i)),
    altmap: flags & ALTMAP_VALID ? readAltmap(object, offsets.altmap) : null,
    owner: object(offsets.owner, 8).readBigUInt64LE(0),
    ops: object(offsets.ops, 8).readBigUInt64LE(0),
  };
}

/** A pgmap that was freed while slots still name it has no ranges: it is none any more. */
export function readPgmaps(memory, { offsets, pgmaps }) {
  const live = pgmaps.filter(({ nr_range }) => nr_range > 0);
  return live.map((told) => {
    const pgmap = readPgmap(memory, BigInt(told.pgmap), offsets);
    if (pgmap.typeName !== told.type) throw new Error(`pgmap ${told.pgmap}: type ${pgmap.type} is not ${told.type}`);
    return pgmap;
  });
}

export function stalePgmaps({ pgmaps }) {
  return pgmaps.filter(({ nr_range }) => nr_range === 0).map(({ pgmap }) => pgmap);
}
