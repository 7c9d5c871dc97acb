import type { PageFlag } from "../../src/profile/profile.js";
import { clearFlagBit, hasFlagBit, setFlagBit } from "./flagword.js";
import { folioTestLarge } from "./folio.js";
import { compoundHead, pageCompound, pageHead, pageTail } from "./head.js";
import type { ModelMap } from "./map.js";
import { Refusal } from "./refusal.js";

/** The policies of include/linux/page-flags.h: which slot a flag of a page lives in, and who may change it. */

/** @throws Refusal "bad-head" where the head would be asked and the page leads to none */
export function testPageFlag(map: ModelMap, pfn: number, name: string): boolean {
  const slot = slotToTest(map, pfn, namedFlag(map, name));
  return slot !== null && hasFlagBit(map, slot, name);
}

/** @throws Refusal "flag-policy" with the policy, where the kernel would VM_BUG_ON_PGFLAGS */
export function setPageFlag(map: ModelMap, pfn: number, name: string): void {
  setFlagBit(map, slotToChange(map, pfn, namedFlag(map, name)), name);
}

/** @throws Refusal "flag-policy" with the policy, where the kernel would VM_BUG_ON_PGFLAGS */
export function clearPageFlag(map: ModelMap, pfn: number, name: string): void {
  clearFlagBit(map, slotToChange(map, pfn, namedFlag(map, name)), name);
}

/** The slot a change of this flag writes to. @throws Refusal where setPageFlag and clearPageFlag do */
export function checkFlagChange(map: ModelMap, pfn: number, name: string): number {
  return slotToChange(map, pfn, namedFlag(map, name));
}

function slotToTest(map: ModelMap, pfn: number, { policy }: PageFlag): number | null {
  switch (policy) {
    case "any":
    case "no-compound":
    case "only-head":
      return pfn;
    case "head":
    case "no-tail":
      return headOf(map, pfn);
    case "second": {
      const head = headOf(map, pfn);
      return folioTestLarge(map, head) ? head + 1 : null;
    }
  }
}

function headOf(map: ModelMap, pfn: number): number {
  const head = compoundHead(map, pfn);
  if (head === null) throw new Refusal("bad-head", `PFN ${pfn} leads to no head`);
  return head;
}

function slotToChange(map: ModelMap, pfn: number, { policy }: PageFlag): number {
  const forbidUnless = (allowed: boolean): void => {
    if (!allowed) throw new Refusal("flag-policy", `policy "${policy}" forbids the change on PFN ${pfn}`, policy);
  };
  switch (policy) {
    case "any":
      return pfn;
    case "head":
      return headOf(map, pfn);
    case "no-tail":
    case "only-head":
      forbidUnless(!pageTail(map, pfn));
      return pfn;
    case "no-compound":
      forbidUnless(!pageCompound(map, pfn));
      return pfn;
    case "second":
      forbidUnless(pageHead(map, pfn));
      return pfn + 1;
  }
}

function namedFlag(map: ModelMap, name: string): PageFlag {
  const flag: PageFlag | undefined = map.profile.flags[name];
  if (flag === undefined) throw new Refusal("bad-argument", `${map.profile.name} has no page flag "${name}"`);
  return flag;
}
