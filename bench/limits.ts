import type { Vmemmap } from "../src/vmemmap.js";
import { measureInTurns } from "./measure.js";
import type { BenchOptions } from "./options.js";
import { resultsOf, type Result } from "./report.js";
import { nativeTurn } from "./turns.js";
import type { Twins } from "./twins.js";

/** How fast memory delivers slots in order: native's plain pass over all of them, as a result. None without the twin. */
export async function plainPassOf(
  map: Pick<Vmemmap, "slots" | "profile">,
  twins: Twins | null,
  { rounds, seed }: Pick<BenchOptions, "rounds" | "seed">,
  warn: (message: string) => void,
): Promise<Result[]> {
  if (twins === null) return [];
  const pass = nativeTurn("sum", twins, "sum", "native", () => undefined);
  const milliseconds = await measureInTurns([pass], { rounds, seed, warn });
  const setting = { op: "sum", encoding: map.profile.tailEncoding, pattern: "sequential", slots: map.slots } as const;
  return resultsOf(setting, new Map([["native", (milliseconds.get(pass.name)! * 1e6) / map.slots]]));
}
