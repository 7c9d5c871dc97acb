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
  const bytes = sumsOf(planes);
  return width % WORD === 0 ? joinWords(bytes, width / WORD) : joinBytes(bytes, width);
}

const WORD = 4;
/** Records whose words are joined while they stay in the processor's nearest cache. */
const BLOCK = 256;

/** Each byte plus all before it. Most are zero: four at a time those are a copy of the sum so far. */
function sumsOf(differences: Uint8Array): Uint8Array<ArrayBuffer> {
  const sums = new Uint8Array(differences.length);
  const whole = differences.byteOffset % WORD === 0 ? Math.floor(differences.length / WORD) : 0;
  const words = new Uint32Array(differences.buffer, whole === 0 ? 0 : differences.byteOffset, whole);
  const out = new Uint32Array(sums.buffer, 0, whole);
  let sum = 0;
  for (let i = 0; i < whole; i++) {
    const word = words[i]!;
    if (word === 0) {
      out[i] = sum * 0x01010101;
      continue;
    }
    const a = (sum + word) & 0xff;
    const b = (a + (word >>> 8)) & 0xff;
    const c = (b + (word >>> 16)) & 0xff;
    sum = (c + (word >>> 24)) & 0xff;
    out[i] = a | (b << 8) | (c << 16) | (sum << 24);
  }
  for (let at = whole * WORD; at < sums.length; at++) sums[at] = sum = (sum + differences[at]!) & 0xff;
  return sums;
}

/** Records of `width` words, from their planes four at a time. */
function joinWords(planes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(planes.length / WORD);
  const count = words.length / width;
  for (let from = 0; from < count; from += BLOCK) {
    const to = Math.min(from + BLOCK, count);
    for (let word = 0; word < width; word++) {
      const a = word * WORD * count;
      const [b, c, d] = [a + count, a + 2 * count, a + 3 * count];
      for (let i = from; i < to; i++) {
        words[i * width + word] =
          planes[a + i]! | (planes[b + i]! << 8) | (planes[c + i]! << 16) | (planes[d + i]! << 24);
      }
    }
  }
  return new Uint8Array(words.buffer);
}

function joinBytes(planes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const records = new Uint8Array(planes.length);
  let from = 0;
  for (let plane = 0; plane < width; plane++) {
    for (let i = plane; i < records.length; i += width) records[i] = planes[from++]!;
  }
  return records;
}
