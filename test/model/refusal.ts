import type { VmemmapErrorCode } from "../../src/errors.js";
import type { FlagPolicy } from "../../src/profile/profile.js";

/** What the model throws where a debug kernel stops with VM_BUG_ON; `code` is the one the engine's wrapper uses too. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly code: VmemmapErrorCode,
    message: string,
    /** The broken policy, where the code is "flag-policy". */
    readonly policy: FlagPolicy | null = null,
  ) {
    super(message);
  }
}
