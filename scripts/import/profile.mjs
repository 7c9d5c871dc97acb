/** The profile of a captured kernel: the nearest preset, with the flag numbers its VMCOREINFO tells. */
import { defineProfile, presetNames, profile } from "../../dist/src/profile/index.js";

const asNumber = (release) => {
  const [major, minor] = release.split(".").map((part) => Number.parseInt(part, 10));
  return major * 1000 + minor;
};

/** The newest preset that is not newer than the kernel. */
function presetFor(release) {
  const name = presetNames.findLast((preset) => asNumber(preset) <= asNumber(release));
  if (name === undefined) throw new Error(`no preset is as old as ${release}`);
  return name;
}

/** Flags by the kernel's lower-case names; VMCOREINFO gives PG_head as a mask. */
function flagBits(vmcoreinfo) {
  return Object.entries(vmcoreinfo).flatMap(([key, value]) => {
    const name = /^NUMBER\(PG_(\w+)\)$/.exec(key)?.[1];
    if (name === undefined) return [];
    return name === "head_mask" ? [["head", Math.log2(Number(value))]] : [[name, Number(value)]];
  });
}

export function profileOf(vmcoreinfo, vmemmapBase) {
  const release = vmcoreinfo["OSRELEASE"];
  const preset = presetFor(release);
  const known = profile(preset).flags;
  const flags = Object.fromEntries(flagBits(vmcoreinfo).map(([name, bit]) => [name, { ...known[name], bit }]));
  return { preset, profile: defineProfile(preset, { name: release, vmemmapBase, flags }) };
}
