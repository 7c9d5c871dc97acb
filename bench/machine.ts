import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";

/** What the figures were measured on. */
export interface Machine {
  /** One line: processor, cores, memory, system. */
  readonly name: string;
  readonly node: string;
  /** Bytes; null where the system does not say. */
  readonly pageSize: number | null;
  /** The system's setting: always, madvise or never; null where it does not say. */
  readonly transparentHugePages: string | null;
  /** Data caches of one core from level 2 on. */
  readonly caches: readonly Cache[];
}

export interface Cache {
  readonly level: number;
  readonly bytes: number;
}

export function describeMachine(): Machine {
  const processors = cpus();
  const model = processors[0]?.model.trim() || "unknown processor";
  const gib = Math.round(totalmem() / 2 ** 30);
  return {
    name: `${model}, ${processors.length} cores, ${gib} GiB, ${type()} ${release()}`,
    node: process.version,
    pageSize: readPageSize(),
    transparentHugePages: readHugePageSetting("/sys/kernel/mm/transparent_hugepage/enabled"),
    caches: readCaches("/sys/devices/system/cpu/cpu0/cache"),
  };
}

const AT_PAGESZ = 6n;

/** The page size from this process's auxiliary vector: pairs of 64-bit words, kind and value. */
function readPageSize(): number | null {
  const file = "/proc/self/auxv";
  if (!existsSync(file)) return null;
  const bytes = readFileSync(file);
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    if (bytes.readBigUInt64LE(at) === AT_PAGESZ) return Number(bytes.readBigUInt64LE(at + 8));
  }
  return null;
}

function readCaches(folder: string): Cache[] {
  if (!existsSync(folder)) return [];
  const caches: Cache[] = [];
  for (const entry of readdirSync(folder).filter((name) => name.startsWith("index"))) {
    const read = (file: string): string => readFileSync(`${folder}/${entry}/${file}`, "utf8").trim();
    const level = Number(read("level"));
    const kib = /^(\d+)K$/.exec(read("size"));
    if (level >= 2 && kib !== null && read("type") !== "Instruction")
      caches.push({ level, bytes: Number(kib[1]) * 1024 });
  }
  return caches.sort((a, b) => a.level - b.level);
}

/** The setting in brackets of a line such as "always [madvise] never". */
function readHugePageSetting(file: string): string | null {
  if (!existsSync(file)) return null;
  return /\[(\w+)\]/.exec(readFileSync(file, "utf8"))?.[1] ?? null;
}

/** What a reader of ratios must know where this process may stand on huge pages: the twins in C never do. */
export function hugePageCaveat({ transparentHugePages }: Machine): string {
  return transparentHugePages === "always" ? "; transparent huge pages: always, ratios to native not comparable" : "";
}
