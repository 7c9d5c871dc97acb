/** Facts of a map as commands show them. */
import type { FactRecord } from "../dump/fact.js";
import { hex } from "../dump/fact.js";
import type { Machine } from "../dump/vmcore.js";

function isFact(value: unknown): value is FactRecord {
  const { name, from } = Object(value) as { name?: unknown; from?: unknown };
  return typeof name === "string" && typeof from === "string" && Object.hasOwn(value as object, "value");
}

/** What the reader of a dump found; a map that is none of a dump has what its profile says. */
export function factsOf(map: Machine): readonly FactRecord[] {
  const facts = map.provenance["facts"];
  if (Array.isArray(facts)) return facts.filter(isFact);
  const { profile } = map;
  const from = `image (preset ${profile.preset})`;
  return [
    { name: "release", value: profile.name, from },
    { name: "tailEncoding", value: profile.tailEncoding, from },
    { name: "vmemmapBase", value: hex(map.vmemmapBase), from: "image" },
    ...Object.entries(profile.flags).map(([name, { bit }]) => ({ name: `flags.${name}`, value: bit, from })),
  ];
}

export function factValue(map: Machine, name: string): FactRecord["value"] | undefined {
  return factsOf(map).find((fact) => fact.name === name)?.value;
}
