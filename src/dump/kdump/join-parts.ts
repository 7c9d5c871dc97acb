import { VmemmapError } from "../../errors.js";
import { badDump } from "../structure.js";
import type { KdumpPart } from "./part.js";

/** Fields that all files of a dump have in common. */
const COMMON = ["version", "release", "machine", "timestamp", "endFrame", "dumpLevel", "physBase"] as const;

/**
 * The parts of a dump in the order of their frames, which are all of the machine's.
 *
 * @throws VmemmapError "bad-dump": parts of several dumps, a part that is missing, or two about the same frames
 */
export function joinParts(given: readonly KdumpPart[]): readonly KdumpPart[] {
  const parts = [...given].sort((a, b) => a.header.first - b.header.first || a.header.end - b.header.end);
  const { file, header } = parts[0]!;
  for (const part of parts) {
    if (parts.length > 1 && !part.header.split)
      throw new VmemmapError(
        "bad-argument",
        `${part.file.name}: expected one part of a split dump beside ${parts.length === 2 ? "the other" : "the others"}, found a whole dump`,
      );
    const differs = COMMON.find((field) => part.header[field] !== header[field]);
    if (differs !== undefined)
      throw badDump(
        part.file,
        0,
        `expected a part of the same dump as ${file.name}, with ${differs} ${String(header[differs])}, found ${String(part.header[differs])}`,
      );
  }
  let next = 0;
  for (const [i, part] of parts.entries()) {
    const { first, end, rangeAt } = part.header;
    if (first > next) throw badDump(part.file, rangeAt, missing(next, first, parts.length));
    if (first < next)
      throw badDump(
        part.file,
        rangeAt,
        `expected a part from frame ${next} on, where ${parts[i - 1]!.file.name} ends, found one from ${first} on`,
      );
    next = end;
  }
  if (next < header.endFrame)
    throw badDump(parts.at(-1)!.file, parts.at(-1)!.header.rangeAt, missing(next, header.endFrame, parts.length));
  return parts;
}

function missing(from: number, until: number, given: number): string {
  return `expected all parts of a split dump, found none for frames ${from} to ${until - 1} in the ${given} given`;
}
