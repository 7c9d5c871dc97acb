import type { Turn } from "./measure.js";
import type { NativeVariant } from "./native-build.js";
import type { NativePass } from "./native-process.js";
import type { Twins } from "./twins.js";

/** A pass in this process, each right after an untimed one. `check` throws where the answer is wrong. */
export function localTurn<T>(name: string, pass: () => T, check: (answer: T) => void, prepare?: () => void): Turn {
  let answer: T;
  return {
    name,
    async: false,
    before() {
      prepare?.();
      answer = pass();
    },
    run() {
      answer = pass();
      return undefined;
    },
    after: () => check(answer),
  };
}

/** A pass of the native process. `check` throws where the checksum is wrong. */
export function nativeTurn(
  name: string,
  { process }: Twins,
  pass: NativePass,
  variant: NativeVariant,
  check: (checksum: number) => void,
): Turn {
  return {
    name,
    async: true,
    run: async () => {
      const { nanoseconds, checksum } = await process.pass(pass, variant);
      check(checksum);
      return nanoseconds / 1e6;
    },
  };
}
