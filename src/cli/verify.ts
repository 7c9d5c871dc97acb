import { joinReports } from "../shards/merge.js";
import type { Finding, FindingCode, VerifyReport } from "../verify.js";
import { defineCommand } from "./command.js";
import { countWithin } from "./count.js";
import { FINDING_RULES } from "./finding-rules.js";
import { type FindingRun, runsOf } from "./finding-runs.js";
import { type Source, withSource } from "./source.js";
import { tableText } from "./table.js";

const LIMIT = { min: 0, max: 100_000, fallback: 20 };

/** All of a source's pages, with as many findings as runs are made of. */
async function verified(source: Source): Promise<VerifyReport> {
  const parts: VerifyReport[] = [];
  let left = LIMIT.max;
  for await (const map of source.windows()) {
    const part = map.verify({ limit: left });
    left -= part.findings.length;
    parts.push(part);
  }
  return joinReports(parts, LIMIT.max);
}

function shownValue(value: Finding["expected"]): string {
  return value === null ? "" : String(value);
}

function runLine({ code, firstPfn, lastPfn, count, step, found, expected }: FindingRun): string[] {
  const pfns = count === 1 ? String(firstPfn) : `${firstPfn}..${lastPfn}${step === 1 ? "" : ` each ${step}th`}`;
  return [pfns, String(count), code, shownValue(found), shownValue(expected)];
}

function runsText(runs: readonly FindingRun[]): string {
  return tableText(
    [
      { title: "pfns" },
      { title: "count", align: "right" },
      { title: "rule" },
      { title: "found" },
      { title: "expected" },
    ],
    runs.map(runLine),
  );
}

function countsText(broken: readonly (readonly [FindingCode, number])[], total: number): string {
  return tableText(
    [{ title: "rule" }, { title: "findings", align: "right" }],
    [...broken.map(([code, count]) => [code, String(count)]), ["all", String(total)]],
  );
}

export default defineCommand({
  name: "verify",
  summary: "hold every folio and every page of device memory against the kernel's rules",
  operands: ["SOURCE"],
  options: {
    limit: {
      type: "string",
      value: "N",
      help: `the most lines to list, with --json findings, up to ${LIMIT.max} (default: ${LIMIT.fallback})`,
    },
  },
  details: `Counts how often each rule is broken, and lists where, findings that follow each other as one line; beneath stands what each
broken rule is. Counts are complete; lines are of the first ${LIMIT.max} findings, and where there are more, stderr says so. --json
has single findings and, of all ${LIMIT.max}, the runs. Exits with 1 if any rule is broken.`,
  examples: [
    { line: "vmemmap verify vmcore", says: "is the map sound? the exit code tells" },
    { line: "vmemmap verify vmcore --limit 100000 --json", says: "up to 100000 findings, for another program" },
  ],
  async run({ operands, options, host }) {
    const limit = countWithin("--limit", options.limit, LIMIT);
    const report = await withSource({ options, host }, operands[0]!, verified);
    const broken = Object.entries(report.counts) as [FindingCode, number][];
    const total = broken.reduce((sum, [, count]) => sum + count, 0);
    const runs = runsOf(report.findings);
    if (options.json) {
      const findings = report.findings.slice(0, limit);
      await host.stdout.json({ ...report, findings, runs, findingsInRuns: report.findings.length });
    } else if (broken.length === 0) {
      await host.stdout.write(`${report.pages} pages, no finding\n`);
    } else {
      const parts = [countsText(broken, total)];
      if (limit > 0) parts.push(runsText(runs.slice(0, limit)));
      parts.push(broken.map(([code]) => `${code}: ${FINDING_RULES[code]}\n`).join(""));
      await host.stdout.write(parts.join("\n"));
      if (runs.length > limit)
        await host.stderr.write(`${runs.length - limit} more lines; --limit lists up to ${LIMIT.max}\n`);
      if (report.findings.length < total)
        await host.stderr.write(
          `lines are of the first ${report.findings.length} findings: where the other ${total - report.findings.length} are is not known\n`,
        );
    }
    return broken.length === 0 ? 0 : 1;
  },
});
