import type { BitField } from "../profile/index.js";
import type { Fact } from "./fact.js";

/** What one source says of something. */
export interface Claim<T> {
  readonly value: T;
  /** As facts name it: "VMCOREINFO NUMBER(PG_lru)". */
  readonly from: string;
}

/** Settles what several sources say: the first one wins, and the fact tells which others differ. */
export class Claims {
  readonly facts: Fact[] = [];

  /** @param claims strongest first; null where a source says nothing. One at least must not be */
  settle<T>(name: string, claims: readonly (Claim<T> | null | undefined)[]): T {
    const [first, ...rest] = claims.filter((claim) => claim != null);
    if (first === undefined) throw new Error(`nothing says what ${name} is`);
    const others = rest
      .filter(({ value }) => shown(value) !== shown(first.value))
      .map(({ value, from }) => `${from} says ${shown(value)}`);
    this.note(name, shown(first.value), [first.from, ...others].join("; "));
    return first.value;
  }

  note(name: string, value: Fact["value"], from: string): void {
    this.facts.push({ name, value, from });
  }
}

function shown(value: unknown): Fact["value"] {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.join(", ");
  if (isBitField(value)) return value.width === 0 ? "none" : `bits ${value.shift} to ${value.shift + value.width - 1}`;
  if (typeof value === "object") return Object.values(value).join(" ");
  return value as Fact["value"];
}

function isBitField(value: unknown): value is BitField {
  return typeof value === "object" && value !== null && "shift" in value && "width" in value;
}
