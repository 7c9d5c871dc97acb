/** The profile of a kernel by its release: the nearest preset, with the flag numbers VMCOREINFO tells. */
import { VmemmapError } from "../errors.js";
import {
  type DeepPartial,
  defineProfile,
  presetNames,
  profile,
  type PresetName,
  type Profile,
} from "../profile/index.js";
import type { Fact } from "./fact.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

const VERSION = /^(\d{1,3})\.(\d{1,3})/;

function versionOf(release: string): number {
  const [, major, minor] = VERSION.exec(release) ?? [];
  if (major === undefined)
    throw new VmemmapError("bad-dump", `VMCOREINFO: OSRELEASE ${JSON.stringify(release)} has no version`);
  return Number(major) * 1000 + Number(minor);
}

/** The newest preset that is not newer than the kernel. */
function presetFor(release: string): PresetName {
  const name = presetNames.findLast((preset) => versionOf(preset) <= versionOf(release));
  if (name !== undefined) return name;
  throw new VmemmapError("unsupported-dump", `kernel ${release}: the oldest this package knows is ${presetNames[0]!}`);
}

export function presetProfile(info: Vmcoreinfo): { profile: Profile; facts: Fact[] } {
  const release = info.osrelease;
  if (release === undefined) throw new VmemmapError("bad-dump", "VMCOREINFO has no OSRELEASE");
  const preset = presetFor(release);
  const known = profile(preset).flags;
  const facts: Fact[] = [{ name: "profile", value: preset, from: "OSRELEASE" }];
  const flags: Record<string, DeepPartial<Profile["flags"][string]>> = {};
  for (const key of info.keys()) {
    const name = /^NUMBER\(PG_(\w+)\)$/.exec(key)?.[1];
    if (name === undefined) continue;
    const flag = name === "head_mask" ? "head" : name;
    const value = info.number(`PG_${name}`)!;
    const bit = flag === "head" ? Math.log2(value) : value;
    flags[flag] = { ...known[flag], bit };
    facts.push({ name: `flags.${flag}`, value: bit, from: key });
  }
  return { profile: defineProfile(preset, { name: release, flags }), facts };
}
