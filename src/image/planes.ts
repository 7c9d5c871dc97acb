/**
 * Records of `width` bytes as byte planes: byte 0 of every record, then byte 1 of every record, and so on, each byte
 * stored as its difference from the byte before. Neighbouring slots differ in few bytes and often by a constant
 * (indexes, pointers into one array), so most of a plane becomes zeros: deflate then needs a third of what it needs for
 * the slots as they are.
 */
export function toPlanes(records: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const planes = new Uint8Array(records.length);
  let at = 0;
  let before = 0;
  for (let plane = 0; plane < width; plane++) {
    for (let i = plane; i < records.length; i += width) {
      const byte = records[i]!;
      planes[at++] = byte - before;
      before = byte;
    }
  }
  return planes;
}

/** The records {@link toPlanes} was given. */
export function fromPlanes(planes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const records = new Uint8Array(planes.length);
  let at = 0;
  let before = 0;
  for (let plane = 0; plane < width; plane++) {
    for (let i = plane; i < records.length; i += width) {
      before = (before + planes[at++]!) & 0xff;
      records[i] = before;
    }
  }
  return records;
}
