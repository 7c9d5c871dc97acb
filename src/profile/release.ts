/** Which preset stands for a kernel's release. */
import { type PresetName, presetNames } from "./presets.js";

/** The first release that has a preset's layout, where it is older than the preset: the series that it shows came in 6.15. */
const HOLDS_FROM: Partial<Record<PresetName, string>> = { "6.17": "6.15" };

export interface PresetChoice {
  readonly name: PresetName;
  /** Why this one: what facts say of it. */
  readonly rule: string;
}

/** 6018 of "6.18.15+deb13-amd64"; null for what is no release. */
export function releaseNumber(release: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})/.exec(release);
  return parts === null ? null : Number(parts[1]) * 1000 + Number(parts[2]);
}

/** The newest preset that is not newer than a release; null for one that is older than all, or is none. */
export function presetForRelease(release: string): PresetChoice | null {
  const number = releaseNumber(release);
  if (number === null) return null;
  const name = presetNames.findLast((each) => releaseNumber(HOLDS_FROM[each] ?? each)! <= number);
  if (name === undefined) return null;
  const isNewer = releaseNumber(name)! > number;
  return { name, rule: isNewer ? `its layout is that of ${HOLDS_FROM[name]!} on` : `newest not above ${release}` };
}
