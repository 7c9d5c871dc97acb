import { shared } from "../../src/engine/generated/shared.js";
import { provideBuild } from "../../src/engine/modules.js";

/** That for shared memory is no part of the main module. */
provideBuild("shared", shared);

/** Every build, over a memory of its kind. */
export const builds = ["simd", "scalar", "shared"] as const;
