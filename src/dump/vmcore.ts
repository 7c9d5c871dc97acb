/** A dump or an image that is open: what it tells without a slot, and maps of all of it or of parts. */
import { planMemory } from "../engine/plan.js";
import { VmemmapError } from "../errors.js";
import { decodeImage } from "../image/image.js";
import { headerOfPart } from "../image/part.js";
import type { Profile } from "../profile/index.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import type { PfnRange } from "../types.js";
import { type LoadOptions, Vmemmap } from "../vmemmap.js";
import { withLoss } from "./cut-short.js";
import type { RandomAccessFile } from "./file.js";
import type { LoadMapOptions } from "./load-map.js";
import { tellerOf } from "./load-progress.js";
import type { Dump } from "./memory.js";
import { partIn, partOf, sectionsMeeting, windowsOf } from "./parts.js";

/** What there is to know of a machine without its slots. A map has all of it too. */
export interface Machine {
  readonly profile: Profile;
  readonly vmemmapBase: bigint;
  /** By rising number. */
  readonly sections: readonly Section[];
  readonly provenance: Readonly<Record<string, unknown>>;
}

/** What a source of maps is made of. */
interface VmcoreParts {
  readonly machine: Machine;
  /** Bits up to which a map's section table reaches. */
  readonly physmemBits: 46 | 52;
  readonly mapOf: (sections: readonly Section[]) => Promise<Vmemmap>;
  readonly close: () => Promise<void>;
}

/** An open dump or image. */
export class Vmcore {
  readonly #parts: VmcoreParts;
  readonly #options: LoadMapOptions;

  private constructor(parts: VmcoreParts, options: LoadMapOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable" */
  static async ofDump(dump: Dump, options: LoadMapOptions): Promise<Vmcore> {
    const [{ mapBits, provenanceOf }, { readKernel }, { KernelMaps }] = await Promise.all([
      import("./load-map.js"),
      import("./kernel-view.js"),
      import("./kernel-maps.js"),
    ]);
    const { signal, onProgress, ...mapOptions } = options;
    const tell = tellerOf(signal, onProgress);
    const lossy = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        throw withLoss(error, dump.details);
      }
    };
    const view = await lossy(readKernel(dump, tell, signal));
    const maps = new KernelMaps(view, { ...mapOptions, tell, ...(signal && { signal }) });
    const { profile, base: vmemmapBase, sections } = view;
    const machine = { profile, vmemmapBase, sections, provenance: provenanceOf(view) };
    const mapOf = (some: readonly Section[]) => lossy(maps.mapOf(some));
    const physmemBits = mapBits(view);
    return new Vmcore({ machine, physmemBits, mapOf, close: () => dump.close() }, options);
  }

  /** @throws VmemmapError "bad-image", "unreadable" */
  static async ofImage(file: RandomAccessFile, options: LoadMapOptions): Promise<Vmcore> {
    const { signal } = options;
    const { header, close } = await naming(file, () => decodeImage(piecesOf(file, signal)));
    await close();
    const { sections, provenance } = header;
    const ofSections = partIn(provenance)?.ofSections ?? sections.length;
    const mapOf = (some: readonly Section[]) => naming(file, () => load(some));
    const load = async (some: readonly Section[]) => {
      const source = piecesOf(file, signal);
      if (some.length === sections.length) return Vmemmap.load(source, imageOptions(options));
      const map = await Vmemmap.loadPart(source, imageOptions(options), (whole) => headerOfPart(whole, some));
      map.provenance = { ...provenance, part: partOf(some, ofSections) };
      return map;
    };
    return new Vmcore({ machine: header, physmemBits: 46, mapOf, close: () => file.close() }, options);
  }

  get machine(): Machine {
    return this.#parts.machine;
  }

  /** Whether the map of a range, or of all, fits one WebAssembly memory. */
  fits(range?: PfnRange): boolean {
    const sections = this.#sectionsOf(range);
    const { listCapacity = 0, hotplugCapacity = 0 } = this.#options;
    const needs = {
      sections: sections.length + Math.ceil(hotplugCapacity / PAGES_PER_SECTION),
      listCapacity,
      headIndex: false,
    };
    try {
      planMemory({ ...needs, lastSection: sections.at(-1)?.number ?? 0, physmemBits: this.#parts.physmemBits });
      return true;
    } catch (error) {
      if (error instanceof VmemmapError && error.code === "out-of-memory") return false;
      throw error;
    }
  }

  /** The map of all sections, or of those that a range meets. @throws VmemmapError also "bad-range", "out-of-memory" */
  map(range?: PfnRange): Promise<Vmemmap> {
    return this.#parts.mapOf(this.#sectionsOf(range));
  }

  /** Maps of windows one after the other: each is disposed of when the next is asked for. */
  async *windows(pagesPerWindow: number, range?: PfnRange): AsyncGenerator<Vmemmap, void> {
    for (const sections of windowsOf(this.#sectionsOf(range), pagesPerWindow)) {
      const map = await this.#parts.mapOf(sections);
      try {
        yield map;
      } finally {
        map.dispose();
      }
    }
  }

  close(): Promise<void> {
    return this.#parts.close();
  }

  #sectionsOf(range: PfnRange | undefined): readonly Section[] {
    const { sections } = this.machine;
    return range === undefined ? sections : sectionsMeeting(sections, range);
  }
}

const PIECE_BYTES = 1 << 20;

async function* piecesOf(file: RandomAccessFile, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, file.size - at));
    await file.readInto(bytes, at);
    yield bytes;
  }
}

/** What an image takes of the options, without keys that were not given. */
function imageOptions({ build, headIndex, listCapacity, hotplugCapacity }: LoadMapOptions): LoadOptions {
  const given = Object.entries({ build, headIndex, listCapacity, hotplugCapacity });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** What is wrong with an image, with its file's name: the image itself knows none. */
async function naming<T>(file: RandomAccessFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof VmemmapError && error.code === "bad-image")
      throw new VmemmapError("bad-image", `${file.name}: ${error.message}`, { cause: error });
    throw error;
  }
}
