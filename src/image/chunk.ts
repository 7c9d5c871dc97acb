/**
 * The container: a file header, then typed chunks, each with a checksum of its own, then a last chunk that tells how
 * many there were. docs/image-format.md draws every byte.
 */
import { crc32 } from "./crc32.js";
import { deflate, inflateExactly } from "./deflate.js";
import { fromPlanes, toPlanes } from "./planes.js";
import { badImage, type ByteSource, SourceReader } from "./source.js";

/** Like PNG's: a first byte that is no text, and both line ends, so that transfers that alter bytes show at once. */
const MAGIC = Uint8Array.of(0x89, 0x56, 0x4d, 0x4d, 0x0d, 0x0a, 0x1a, 0x0a);
const VERSION = 1;
const FILE_HEADER_SIZE = MAGIC.length + 4;

//  0      4          5       6      8        12       16           20           24
//  | type | encoding | width | zero | stored | raw    | CRC stored | CRC header |
const CHUNK_HEADER_SIZE = 24;
const ENCODING_AT = 4;
const WIDTH_AT = 5;
const ZERO_AT = 6;
const STORED_LENGTH_AT = 8;
const RAW_LENGTH_AT = 12;
const STORED_CRC_AT = 16;
const HEADER_CRC_AT = 20;

const RAW = 0;
const DEFLATE = 1;

const LAST = "LAST";
const LAST_SIZE = 8;

/** What a reader will take for a chunk, in bytes as they were before they were packed. */
export interface ChunkLimits {
  readonly min?: number;
  readonly max: number;
}

export interface Chunk {
  readonly type: string;
  /** Where its header begins. */
  readonly offset: number;
  /** As they were before they were packed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A chunk as it is stored. */
export interface PackedChunk extends Pick<
  ChunkHeader,
  "type" | "offset" | "encoding" | "width" | "rawLength" | "storedCrc"
> {
  readonly stored: Uint8Array<ArrayBuffer>;
}

/** A chunk's bytes as they were before they were packed. @throws VmemmapError "bad-image" */
export async function unpack(chunk: PackedChunk): Promise<Uint8Array<ArrayBuffer>> {
  const { offset, type, encoding, rawLength, width, stored, storedCrc } = chunk;
  checkCrc(offset, `chunk "${type}"`, storedCrc, crc32(stored));
  const bytes = encoding === DEFLATE ? await inflateExactly(stored, rawLength) : stored;
  if (bytes === null) throw badImage(offset, `chunk "${type}": expected a zlib stream of ${rawLength} bytes`);
  return width > 0 ? fromPlanes(bytes, width) : bytes;
}

/** Writes a container piece by piece: {@link begin}, {@link chunk} for each, {@link end}. */
export class ChunkWriter {
  #count = 0;
  /** Over all headers but their own CRCs: a CRC of bytes and their CRC tells nothing of the bytes. */
  #headersCrc = 0;

  begin(): Uint8Array {
    const header = new Uint8Array(FILE_HEADER_SIZE);
    header.set(MAGIC);
    new DataView(header.buffer).setUint32(MAGIC.length, VERSION, true);
    return header;
  }

  /** One chunk, header and all. With `width`, the bytes are records of that size and are stored as byte planes. */
  async chunk(type: string, bytes: Uint8Array, width = 0): Promise<Uint8Array> {
    const ordered = width > 0 ? toPlanes(bytes, width) : new Uint8Array(bytes);
    const packed = await deflate(ordered);
    const shorter = packed.length < ordered.length;
    const stored = shorter ? packed : ordered;

    const chunk = new Uint8Array(CHUNK_HEADER_SIZE + stored.length);
    const view = new DataView(chunk.buffer);
    for (let i = 0; i < 4; i++) chunk[i] = type.charCodeAt(i);
    chunk[ENCODING_AT] = shorter ? DEFLATE : RAW;
    chunk[WIDTH_AT] = width;
    view.setUint32(STORED_LENGTH_AT, stored.length, true);
    view.setUint32(RAW_LENGTH_AT, bytes.length, true);
    view.setUint32(STORED_CRC_AT, crc32(stored), true);
    view.setUint32(HEADER_CRC_AT, crc32(chunk.subarray(0, HEADER_CRC_AT)), true);
    chunk.set(stored, CHUNK_HEADER_SIZE);

    this.#count++;
    this.#headersCrc = crc32(chunk.subarray(0, HEADER_CRC_AT), this.#headersCrc);
    return chunk;
  }

  end(): Promise<Uint8Array> {
    const bytes = new Uint8Array(LAST_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#count, true);
    view.setUint32(4, this.#headersCrc, true);
    return this.chunk(LAST, bytes);
  }
}

interface ChunkHeader {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly encoding: number;
  readonly width: number;
  readonly zero: number;
  readonly storedLength: number;
  readonly rawLength: number;
  readonly storedCrc: number;
}

/** Reads a container front to back. Every refusal is a VmemmapError "bad-image" that names the offset. */
export class ChunkReader {
  readonly #source: SourceReader;
  /** A header that was read ahead. */
  #next: ChunkHeader | null = null;
  #count = 0;
  #headersCrc = 0;

  constructor(source: ByteSource) {
    this.#source = new SourceReader(source);
  }

  /** Checks the file header. */
  async begin(): Promise<void> {
    const header = await this.#source.read(FILE_HEADER_SIZE, "the file header");
    if (MAGIC.some((byte, i) => header[i] !== byte)) throw badImage(0, "expected the magic bytes of an image");
    const version = new DataView(header.buffer).getUint32(MAGIC.length, true);
    if (version !== VERSION) throw badImage(MAGIC.length, `expected version ${VERSION}, found ${version}`);
  }

  /** The next chunk, which must be of this type; optional chunks of other types before it are skipped. */
  async expect(type: string, limits: ChunkLimits): Promise<Chunk> {
    const packed = await this.expectPacked(type, limits);
    return { type, offset: packed.offset, bytes: await unpack(packed) };
  }

  /** A chunk of this type before the next one of type `before`, null if there is none; other optional ones on the way are skipped. */
  async optional(type: string, before: string, limits: ChunkLimits): Promise<Chunk | null> {
    let header = await this.#header();
    while (header.type !== type && header.type !== before && isOptional(header.type)) {
      await this.#skip(header);
      this.#tally(header);
      header = await this.#header();
    }
    this.#next = header;
    return header.type === type ? this.expect(type, limits) : null;
  }

  /** The same as it is stored: its header is sound, of its bytes {@link unpack} will tell. */
  async expectPacked(type: string, limits: ChunkLimits): Promise<PackedChunk> {
    const header = await this.#find(type);
    const packed = await this.#packed(header, limits);
    this.#tally(header);
    return packed;
  }

  /** Checks that the container ends here, whole. */
  async expectEnd(): Promise<void> {
    const header = await this.#find(LAST);
    const told = new DataView((await unpack(await this.#packed(header, { min: LAST_SIZE, max: LAST_SIZE }))).buffer);
    const count = told.getUint32(0, true);
    if (count !== this.#count) throw badImage(header.offset, `expected ${count} chunks, found ${this.#count}`);
    if (told.getUint32(4, true) !== this.#headersCrc)
      throw badImage(header.offset, "expected the chunks as they were written");
    if (!(await this.#source.atEnd())) throw badImage(this.#source.offset, "expected the end, found more bytes");
  }

  /** Lets go of the source. */
  close(): Promise<void> {
    return this.#source.close();
  }

  async #find(type: string): Promise<ChunkHeader> {
    for (;;) {
      const header = await this.#header();
      if (header.type === type) return header;
      if (!isOptional(header.type)) throw badImage(header.offset, `expected chunk "${type}", found "${header.type}"`);
      await this.#skip(header);
      this.#tally(header);
    }
  }

  async #header(): Promise<ChunkHeader> {
    const next = this.#next;
    this.#next = null;
    if (next !== null) return next;
    const offset = this.#source.offset;
    const bytes = await this.#source.read(CHUNK_HEADER_SIZE, "a chunk header");
    const view = new DataView(bytes.buffer);
    checkCrc(offset, "chunk header", view.getUint32(HEADER_CRC_AT, true), crc32(bytes.subarray(0, HEADER_CRC_AT)));
    const type = String.fromCharCode(...bytes.subarray(0, ENCODING_AT));
    if (!/^[A-Za-z]{4}$/.test(type)) throw badImage(offset, "expected a chunk type of four letters");
    return {
      offset,
      bytes,
      type,
      encoding: bytes[ENCODING_AT]!,
      width: bytes[WIDTH_AT]!,
      zero: view.getUint16(ZERO_AT, true),
      storedLength: view.getUint32(STORED_LENGTH_AT, true),
      rawLength: view.getUint32(RAW_LENGTH_AT, true),
      storedCrc: view.getUint32(STORED_CRC_AT, true),
    };
  }

  async #packed(header: ChunkHeader, limits: ChunkLimits): Promise<PackedChunk> {
    checkHeader(header, limits);
    const { type, offset, encoding, width, rawLength, storedCrc } = header;
    const stored = await this.#source.read(header.storedLength, `chunk "${type}"`);
    return { type, offset, encoding, width, rawLength, storedCrc, stored };
  }

  async #skip(header: ChunkHeader): Promise<void> {
    let crc = 0;
    await this.#source.skip(header.storedLength, `chunk "${header.type}"`, (part) => {
      crc = crc32(part, crc);
    });
    checkCrc(header.offset, `chunk "${header.type}"`, header.storedCrc, crc);
  }

  #tally(header: ChunkHeader): void {
    this.#count++;
    this.#headersCrc = crc32(header.bytes.subarray(0, HEADER_CRC_AT), this.#headersCrc);
  }
}

/** A lower-case first letter says that a reader who does not know the chunk may skip it. */
function isOptional(type: string): boolean {
  return type[0]! >= "a";
}

/** Bounds every length before anything of that length is allocated. */
function checkHeader(header: ChunkHeader, { min = 0, max }: ChunkLimits): void {
  const { offset, type, encoding, width, storedLength, rawLength } = header;
  const refuse = (message: string) => badImage(offset, `chunk "${type}": expected ${message}`);
  if (encoding !== RAW && encoding !== DEFLATE) throw refuse(`encoding ${RAW} or ${DEFLATE}, found ${encoding}`);
  if (header.zero !== 0) throw refuse(`zero bytes at ${ZERO_AT}, found ${header.zero}`);
  if (rawLength < min || rawLength > max) {
    throw refuse(min === max ? `${max} bytes, found ${rawLength}` : `${min} to ${max} bytes, found ${rawLength}`);
  }
  if (width > 0 && rawLength % width !== 0) throw refuse(`whole records of ${width} bytes, found ${rawLength} bytes`);
  if (encoding === RAW && storedLength !== rawLength) throw refuse(`${rawLength} stored bytes, found ${storedLength}`);
  if (storedLength > rawLength) throw refuse(`at most ${rawLength} stored bytes, found ${storedLength}`);
}

function checkCrc(offset: number, what: string, expected: number, found: number): void {
  if (found !== expected) throw badImage(offset, `${what}: expected CRC-32 ${hex(expected)}, found ${hex(found)}`);
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, "0")}`;
}
