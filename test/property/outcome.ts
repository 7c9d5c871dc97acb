/** What a call came to: an answer, or a refusal by its code. Anything else that is thrown is a failure. */
import { VmemmapError } from "../../src/index.js";
import { Refusal } from "../model/index.js";

export type Outcome<T> = { readonly answer: T } | { readonly code: string };

export function outcome<T>(call: () => T): Outcome<T> {
  try {
    return { answer: call() };
  } catch (error) {
    if (error instanceof VmemmapError || error instanceof Refusal) return { code: error.code };
    throw error;
  }
}
