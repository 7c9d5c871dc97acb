export type * from "./profile.js";
export { defineProfile, profile, profileFromJson, profileToJson, type DeepPartial } from "./define.js";
export { presetNames, type PresetName } from "./presets.js";
