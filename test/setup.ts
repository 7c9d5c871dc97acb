/**
 * One seed for all property tests: today's runs are tomorrow's. fast-check prints it with a failure; VMEMMAP_SEED sets
 * another.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["VMEMMAP_SEED"] ?? 20260601) });
