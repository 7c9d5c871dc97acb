/** What a reader says of a dump that it refuses. */
import { VmemmapError } from "../../src/errors.js";

/** Code and message of the VmemmapError that the call ends in; any other end fails the test. */
export async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof VmemmapError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("expected a refusal");
}
