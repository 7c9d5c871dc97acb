/** Functions of drivers: what they throw never leaves a step half done. */

/** Run a callback; what it throws is kept for when the step is complete. */
export function collect(errors: unknown[], run: () => void): void {
  try {
    run();
  } catch (error) {
    errors.push(error);
  }
}

/** Throw the first of the errors that callbacks threw. */
export function throwFirst(errors: readonly unknown[]): void {
  if (errors.length > 0) throw errors[0];
}
