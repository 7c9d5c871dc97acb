/** Which preset stands for a kernel that nothing else is known of. */
import { VmemmapError } from "../errors.js";
import { type PresetName, presetNames } from "./presets.js";

/** The newest preset that is not newer than a release such as "6.18.15+deb13-amd64". @throws VmemmapError "unsupported-dump" */
export function presetForRelease(release: string): PresetName {
  const wanted = versionOf(release);
  const name = presetNames.findLast((preset) => versionOf(preset) <= wanted);
  if (name === undefined) {
    throw new VmemmapError(
      "unsupported-dump",
      `kernel release ${JSON.stringify(release)}: expected ${presetNames[0]} or newer`,
    );
  }
  return name;
}

/** NaN, which is not above any preset, for what is no release. */
function versionOf(release: string): number {
  const match = /^(\d{1,4})\.(\d{1,4})/.exec(release);
  return match === null ? NaN : Number(match[1]) * 10_000 + Number(match[2]);
}
