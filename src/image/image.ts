/** A map as a file: what docs/image-format.md describes. Both ways hold one section's slots at a time. */
import type { VmemmapAliases } from "../aliases.js";
import { VmemmapError } from "../errors.js";
import { profileFromJson, profileToJson, type Profile } from "../profile/index.js";
import { ALIAS_RECORD, aliasesLimits, checkAliases, decodeAliases, encodeAliases } from "./aliases.js";
import { type Chunk, ChunkReader, ChunkWriter, type PackedChunk, unpack } from "./chunk.js";
import { checkFiltered, decodeFiltered, encodeFiltered, FILTERED_RECORD, filteredLimits } from "./filtered.js";
import { type PgmapRecord, pgmapsFromJson, pgmapsToJson } from "./pgmaps.js";
import { checkSections, decodeSections, encodeSections, SECTION_RECORD, SECTIONS_LIMITS } from "./sections.js";
import { type Section, SECTION_BYTES, SLOT_BYTES } from "../sections.js";
import type { PfnRange } from "../types.js";
import { badImage, type ByteSource } from "./source.js";

export type { AltmapRecord, PgmapRange, PgmapRecord } from "./pgmaps.js";
export type { ByteSource } from "./source.js";

/** All of a map but its slots. */
export interface ImageHeader {
  readonly profile: Profile;
  readonly vmemmapBase: bigint;
  /** By rising number. */
  readonly sections: readonly Section[];
  readonly aliases: VmemmapAliases;
  readonly pgmaps: readonly PgmapRecord[];
  /** Where the map comes from: any JSON. */
  readonly provenance: Readonly<Record<string, unknown>>;
  /** Pages whose slots the map's source lacked, by rising PFN. */
  readonly filtered: readonly PfnRange[];
}

/** The slots of one section: 32768 of 64 bytes. */
export interface SectionSlots {
  readonly section: Section;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The same, not yet unpacked. */
export interface PackedSlots {
  readonly section: Section;
  readonly chunk: PackedChunk;
}

export interface DecodedImage {
  readonly header: ImageHeader;
  /**
   * The slots of each section in the order of `header.sections`, once. Reading to the end checks the whole image; leaving
   * early lets go of the source.
   */
  readonly slots: AsyncIterableIterator<SectionSlots>;
  /** What `slots` unpacks: for who does that elsewhere. Only one of the two can be read. */
  readonly packedSlots: AsyncIterableIterator<PackedSlots>;
  /** Lets go of the source, wherever reading stands. */
  readonly close: () => Promise<void>;
}

const PROFILE = "PROF";
const BASE = "BASE";
const SECTIONS = "SECT";
const ALIASES = "ALIA";
const PGMAPS = "PMAP";
const FILTERED = "filt";
const PROVENANCE = "prov";
const SLOTS = "SLOT";

const BASE_SIZE = 8;
const JSON_LIMITS = { max: 2 ** 20 };

/**
 * The image of a map, in pieces ready to be written one after another.
 *
 * @param slotsOf the slots of a section, 2 MiB; read before the next section is asked for, so it may be a live view
 * @throws VmemmapError "bad-argument": sections or aliases out of order, slots not 2 MiB, JSON of more than 1 MiB
 */
export async function* encodeImage(
  header: ImageHeader,
  slotsOf: (section: Section) => Uint8Array,
): AsyncGenerator<Uint8Array, void> {
  checkSections(header.sections, badArgument);
  checkAliases(header.aliases, header.sections, badArgument);
  checkFiltered(header.filtered, header.sections, badArgument);

  const writer = new ChunkWriter();
  yield writer.begin();
  yield writer.chunk(PROFILE, jsonBytes(profileToJson(header.profile)));
  yield writer.chunk(BASE, u64(header.vmemmapBase));
  yield writer.chunk(SECTIONS, encodeSections(header.sections), SECTION_RECORD);
  yield writer.chunk(ALIASES, encodeAliases(header.aliases), ALIAS_RECORD);
  yield writer.chunk(PGMAPS, jsonBytes(pgmapsToJson(header.pgmaps)));
  if (header.filtered.length > 0) yield writer.chunk(FILTERED, encodeFiltered(header.filtered), FILTERED_RECORD);
  yield writer.chunk(PROVENANCE, jsonBytes(JSON.stringify(header.provenance)));
  for (const section of header.sections) {
    const slots = slotsOf(section);
    if (slots.length !== SECTION_BYTES) {
      throw badArgument(`slots of section ${section.number}: expected ${SECTION_BYTES} bytes, found ${slots.length}`);
    }
    yield writer.chunk(SLOTS, slots, SLOT_BYTES);
  }
  yield writer.end();
}

/**
 * Reads an image, front to back. The source is not trusted.
 *
 * @throws VmemmapError "bad-image", here or from `slots`: no image, truncated, altered, or not consistent
 */
export async function decodeImage(source: ByteSource): Promise<DecodedImage> {
  const reader = new ChunkReader(source);
  try {
    await reader.begin();
    const header = await readHeader(reader);
    const packedSlots = readSlots(reader, header.sections);
    return { header, slots: unpackSlots(packedSlots), packedSlots, close: () => reader.close() };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function readHeader(reader: ChunkReader): Promise<ImageHeader> {
  const profile = parse(await reader.expect(PROFILE, JSON_LIMITS), profileFromJson);
  const base = await reader.expect(BASE, { min: BASE_SIZE, max: BASE_SIZE });
  const vmemmapBase = new DataView(base.bytes.buffer).getBigUint64(0, true);
  const sectionsChunk = await reader.expect(SECTIONS, SECTIONS_LIMITS);
  const sections = decodeSections(sectionsChunk.bytes, refusal(sectionsChunk));
  const aliasesChunk = await reader.expect(ALIASES, aliasesLimits(sections));
  const aliases = decodeAliases(aliasesChunk.bytes, sections, refusal(aliasesChunk));
  const pgmaps = parse(await reader.expect(PGMAPS, JSON_LIMITS), pgmapsFromJson);
  const filteredChunk = await reader.optional(FILTERED, PROVENANCE, filteredLimits(sections));
  const filtered = filteredChunk === null ? [] : decodeFiltered(filteredChunk.bytes, sections, refusal(filteredChunk));
  const provenance = parse(await reader.expect(PROVENANCE, JSON_LIMITS), objectFromJson);
  return { profile, vmemmapBase, sections, aliases, pgmaps, provenance, filtered };
}

async function* readSlots(reader: ChunkReader, sections: readonly Section[]): AsyncGenerator<PackedSlots, void> {
  try {
    for (const section of sections) {
      yield { section, chunk: await reader.expectPacked(SLOTS, { min: SECTION_BYTES, max: SECTION_BYTES }) };
    }
    await reader.expectEnd();
  } finally {
    await reader.close();
  }
}

/** Sections that are inflated while one is taken. */
const SECTIONS_AHEAD = 2;

/** Slots as they were before they were packed; sections that are not wanted are left out as they stand. @throws VmemmapError "bad-image" */
export async function* unpackSlots(
  packed: AsyncIterable<PackedSlots>,
  isWanted: (section: Section) => boolean = () => true,
): AsyncGenerator<SectionSlots, void> {
  const underWay: { readonly section: Section; readonly bytes: ReturnType<typeof unpack> }[] = [];
  const first = async (): Promise<SectionSlots> => {
    const { section, bytes } = underWay.shift()!;
    return { section, bytes: await bytes };
  };
  for await (const { section, chunk } of packed) {
    if (!isWanted(section)) continue;
    const bytes = unpack(chunk);
    // Who waits for it hears of its failure.
    bytes.catch(() => undefined);
    underWay.push({ section, bytes });
    if (underWay.length > SECTIONS_AHEAD) yield await first();
  }
  while (underWay.length > 0) yield await first();
}

function refusal({ type, offset }: Chunk): (message: string) => VmemmapError {
  return (message) => badImage(offset, `chunk "${type}": ${message}`);
}

/** What `fromJson` makes of a chunk of UTF-8 text, or the reason it could not as "bad-image". */
function parse<T>(chunk: Chunk, fromJson: (json: string) => T): T {
  try {
    return fromJson(new TextDecoder("utf-8", { fatal: true }).decode(chunk.bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw badImage(chunk.offset, `chunk "${chunk.type}": ${reason}`, cause);
  }
}

function objectFromJson(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("expected a JSON object");
  return value as Record<string, unknown>;
}

function jsonBytes(json: string): Uint8Array {
  const bytes = new TextEncoder().encode(json);
  if (bytes.length <= JSON_LIMITS.max) return bytes;
  throw badArgument(`an image holds at most ${JSON_LIMITS.max} bytes of JSON a chunk, this one has ${bytes.length}`);
}

function badArgument(message: string): VmemmapError {
  return new VmemmapError("bad-argument", message);
}

function u64(word: bigint): Uint8Array {
  const bytes = new Uint8Array(BASE_SIZE);
  new DataView(bytes.buffer).setBigUint64(0, word, true);
  return bytes;
}
