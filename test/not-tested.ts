/** The last lines of a run: what it did not test, and why. */
import type { Reporter, TestModule, Vitest } from "vitest/node";
import { haveRealDumps } from "./dump/real-dumps.js";

const NO_DUMPS =
  "The folder of real dumps is not here (VMEMMAP_VMCORES names it, ../shared/vmcores by default): what reads it was not tested, among it " +
  "20 dumps of eight maps but for the 5 in test/dumps.";

export class NotTested implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap(({ children, relativeModuleId }) => {
      const count = [...children.allTests("skipped")].length;
      return count > 0 ? [`  ${relativeModuleId}: ${count}`] : [];
    });
    const lines = [...(haveRealDumps ? [] : [NO_DUMPS]), ...(skipped.length > 0 ? ["Tests skipped:", ...skipped] : [])];
    if (lines.length > 0) this.#vitest!.logger.log(`\nNot tested\n${lines.join("\n")}\n`);
  }
}
