import { basename, join } from "node:path";
import { openLive, openVmcore } from "../src/index.js";
import { VmemmapError } from "../src/errors.js";
import type { TailEncoding } from "../src/profile/profile.js";
import { poolEntries } from "../src/threads/pool.js";
import { Vmemmap, type VmemmapOptions } from "../src/vmemmap.js";
import { LIST_ENTRIES_PER_LOOKUP } from "./lists.js";
import { formFolios } from "./mix.js";
import { ENCODINGS, type BenchOptions, type OrderMix } from "./options.js";
import { packageRoot } from "./package.js";
import { tile, tilePgmaps } from "./tile.js";
import type { FolioPlace } from "./upkeep.js";

/** A real map, or a mix of folios. */
export type MapKind = "tiled" | "synthetic";

/** A map that can be built to be measured. */
export interface MapSource {
  readonly encoding: TailEncoding;
  readonly kind: MapKind;
  /** For the reader: which kernel's map it is, or which mix. */
  readonly origin: string;
  /** Builds the map: PFNs from 0 on without a hole, with room for lists (lists.ts) of the option's length. */
  build(): Vmemmap | Promise<Vmemmap>;
}

/** For each encoding the map of a real kernel that uses it. */
const REAL_MAPS: Readonly<Record<TailEncoding, string>> = {
  pointer: "linux-6.1.176",
  "fake-heads": "linux-6.18.15-hvo-la57",
  mask: "linux-7.3.4-hvo",
};

/** For each encoding the preset that a synthetic map follows. */
export const PRESETS = { pointer: "5.15", "fake-heads": "6.18", mask: "7.3" } as const satisfies Record<
  TailEncoding,
  string
>;

/** Room for two lists, and for what the suite keeps beside them; in the kind of memory that it needs. */
function memoryFor({ suite, lookups }: BenchOptions): Pick<VmemmapOptions, "build" | "listCapacity"> {
  const lists = LIST_ENTRIES_PER_LOOKUP * lookups;
  return suite === "threads"
    ? { build: "shared", listCapacity: lists + poolEntries(1) + poolEntries(2) }
    : { listCapacity: lists };
}

/** The maps that the options ask for, one for each encoding. */
export async function mapSources(options: BenchOptions): Promise<MapSource[]> {
  const encodings = options.encodings ?? ENCODINGS;
  if (options.map !== undefined) return [await imageSource(options.map, encodings, options)];
  const { mix } = options;
  return encodings.map((encoding) => (mix ? syntheticSource(encoding, mix, options) : realSource(encoding, options)));
}

/** The folios of a real map, from PFN 0 on: their places and orders. */
export async function realFolios(encoding: TailEncoding): Promise<{ origin: string; folios: FolioPlace[] }> {
  const origin = REAL_MAPS[encoding];
  const image = await openSource(join(packageRoot(), "maps", `${origin}.vmemmap`));
  const heads = image.listHeads();
  const folios = Array.from(heads, (slot) => ({ slot, order: image.compoundOrder(slot) }));
  const { slots } = image;
  image.dispose();
  return { origin, folios: folios.filter(({ slot, order }) => slot + 2 ** order <= slots) };
}

function syntheticSource(encoding: TailEncoding, mix: OrderMix, options: BenchOptions): MapSource {
  const { slots, seed } = options;
  return {
    encoding,
    kind: "synthetic",
    origin: `synthetic, ${[...mix].map(([order, percent]) => `order ${order} ${percent} %`).join(", ")}`,
    build() {
      const map = new Vmemmap({
        profile: PRESETS[encoding],
        memory: [{ start: 0, end: slots }],
        ...memoryFor(options),
      });
      formFolios(map, mix, seed);
      return map;
    },
  };
}

function realSource(encoding: TailEncoding, options: BenchOptions): MapSource {
  const name = REAL_MAPS[encoding];
  return {
    encoding,
    kind: "tiled",
    origin: `${name}, tiled`,
    async build() {
      const image = await openSource(join(packageRoot(), "maps", `${name}.vmemmap`));
      return tiled(image, encoding, options);
    },
  };
}

/** The user's own image: its kernel decides the encoding. */
async function imageSource(file: string, wished: readonly TailEncoding[], options: BenchOptions): Promise<MapSource> {
  const image = await openSource(file);
  const encoding = image.profile.tailEncoding;
  if (!wished.includes(encoding)) throw new VmemmapError("bad-argument", `--encoding: ${file} has ${encoding} words`);
  return {
    encoding,
    kind: "tiled",
    origin: `${basename(file).replace(/\.[^.]*$/, "")}, tiled`,
    build: () => tiled(image, encoding, options),
  };
}

/** A map of any source that the command line knows. */
function openSource(source: string): Promise<Vmemmap> {
  return source === "live" ? openLive() : openVmcore(source);
}

/** Tiles an image to the wished size, with its pgmaps where they count, and disposes of the image. */
function tiled(image: Vmemmap, encoding: TailEncoding, options: BenchOptions): Vmemmap {
  const { suite, slots } = options;
  const map = new Vmemmap({
    profile: { ...image.profile, tailEncoding: encoding },
    vmemmapBase: image.vmemmapBase,
    memory: [{ start: 0, end: slots }],
    ...memoryFor(options),
    initialize: false,
  });
  tile(image, map);
  if (suite === "verify" || suite === "census") tilePgmaps(image, map);
  image.dispose();
  return map;
}
