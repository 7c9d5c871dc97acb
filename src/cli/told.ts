/** What maps tell of themselves, as a person reads it. */
import type { FactRecord } from "../dump/fact.js";
import { hex } from "../dump/fact.js";
import { sizeOf } from "../picture/picture.js";
import { PAGE_BYTES } from "../sections.js";

type Told = FactRecord["value"];

/** `12345 (48.2 MiB)`: frames or pages, and their size. */
export function pagesText(pages: number): string {
  return `${pages} (${sizeOf(pages)})`;
}

/** `8192 bytes (8 KiB)`. */
export function bytesText(bytes: number): string {
  return bytes < 1024 ? `${bytes} bytes` : `${bytes} bytes (${sizeOf(bytes / PAGE_BYTES)})`;
}

/** `bytesLost` as `bytes lost`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Seconds that a Date can tell. */
const LARGEST_DATE = 8.64e12;

const DETAILS: Readonly<Record<string, (value: number) => string>> = {
  // Seconds since 1970; what is no date stays a number.
  timestamp: (seconds) =>
    seconds < 0 || seconds > LARGEST_DATE
      ? String(seconds)
      : new Date(seconds * 1000).toISOString().replace(/\.000Z$/, "Z"),
  physBase: hex,
  framesHere: pagesText,
  framesFiltered: pagesText,
  framesAbsent: pagesText,
  bytesLost: bytesText,
};

/** A detail of a dump's container; null where its field is empty: no text, 0, or false. */
export function detailText(name: string, value: unknown): readonly [name: string, value: string] | null {
  if (value === "" || value === 0 || value === false) return null;
  const show = Object.hasOwn(DETAILS, name) && Number.isFinite(value) ? DETAILS[name] : undefined;
  return [words(name), value === true ? "yes" : show === undefined ? String(value) : show(value as number)];
}

const FACTS: readonly (readonly [name: RegExp, show: (value: number) => string])[] = [
  [/^flags\./, (bit) => `bit ${bit}`],
  [/^pageTypes\./, hex],
  [/^folio\.(?!pincountMinOrder$|metaPages$)|^pgmap\./, (offset) => `+${offset}`],
  [/^pageTablesFrame$/, (frame) => `PFN ${frame}, physical ${hex(BigInt(frame) * BigInt(PAGE_BYTES))}`],
  [/^(filtered|pages|silentPages|tornPages|fakeHeads)$/, pagesText],
  [/^bytesLost$/, bytesText],
];

/** A fact's value. */
export function factText(name: string, value: Told): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  return FACTS.find(([pattern]) => pattern.test(name))?.[1](value) ?? String(value);
}
