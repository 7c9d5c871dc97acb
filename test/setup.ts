/** One seed for all property tests: the runs of today are those of tomorrow. fast-check prints it with a failure. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["VMEMMAP_SEED"] ?? 20250110) });
