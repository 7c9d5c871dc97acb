// The byte of a block of the head index (head_index.ts), and how several threads write it:
//
//     7       6       5   4 .... 0
//     KNOWN | MIXED |   | order     up to 6: all folios of the block have this order; 7 and more: the block is part of one of that order
//
// A scan makes the byte, and the block's word, of slots that others may change meanwhile. So it claims the block first, and a change that
// comes by a claim says so:
//
//     ASK -> SCANNING -> what the slots say
//               v
//            SPOILED  -> ASK
//
// Only the scan ends its claim, and while there is one the word is the scan's alone. A change writes its slots, then looks at the byte: where
// it sees no claim yet, a scan that claims later reads the slots as they are now. A thread that ends amid a scan leaves one claim behind: of
// that block the slots are asked. Without threads nothing comes between, and nothing of this is left.

/** Byte of a block of which the slots are to be asked: that of absent sections, too, for which low memory is read. */
export const ASK: u32 = 0;
/** Bit of the byte of every block that the index answers for. */
export const KNOWN: u32 = 0x80;
/** Bit of the byte of a block with folios of several orders. */
export const MIXED: u32 = 0x40;
/** A scan is making the byte; until then the slots are to be asked. */
const SCANNING: u32 = 1;
/** The same, and the slots have changed under its hands. */
const SPOILED: u32 = 2;

// ---- A scan's side ------------------------------------------------------------------------------------------------

/** Begin a claim, where the byte is ASK; whether it was. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function claim_block(at: u32): bool {
  if (!ASC_FEATURE_THREADS) return load<u8>(at) == ASK;
  return atomic.cmpxchg<u8>(at, <u8>ASK, <u8>SCANNING) == ASK;
}

/** End a claim with what the slots said. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function end_claim(at: u32, byte: u32): void {
  if (!ASC_FEATURE_THREADS) store<u8>(at, <u8>byte);
  else if (atomic.cmpxchg<u8>(at, <u8>SCANNING, <u8>byte) != SCANNING) atomic.store<u8>(at, <u8>ASK);
}

// ---- A change's side ----------------------------------------------------------------------------------------------

/**
 * The byte, looked at after slots were written. It is written back, so that who claims the block later sees those slots: that a mere load comes
 * behind the stores before it nobody says.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function look(at: u32): u32 {
  return atomic.or<u8>(at, 0);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function is_claimed(byte: u32): bool {
  return byte == SCANNING || byte == SPOILED;
}

/** Spoil the claim of a scan; whether there was one: the block's word is to be left alone then. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function spoil_claim(at: u32): bool {
  if (!ASC_FEATURE_THREADS) return false;
  if (!is_claimed(look(at))) return false;
  const found: u32 = atomic.cmpxchg<u8>(at, <u8>SCANNING, <u8>SPOILED);
  return is_claimed(found);
}

/** Set the byte, or spoil the claim of a scan; whether it was set. */
export function set_byte(at: u32, byte: u32): bool {
  if (!ASC_FEATURE_THREADS) {
    store<u8>(at, <u8>byte);
    return true;
  }
  let seen = look(at);
  while (true) {
    const claimed = is_claimed(seen);
    const found: u32 = atomic.cmpxchg<u8>(at, <u8>seen, <u8>(claimed ? SPOILED : byte));
    if (found == seen) return !claimed;
    seen = found;
  }
}

/** A part of the block has changed, whose word tells it: its folios may have any orders. ASK stays. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function mix_byte(at: u32): void {
  if (!ASC_FEATURE_THREADS) {
    if (load<u8>(at) != ASK) store<u8>(at, <u8>(KNOWN | MIXED));
    return;
  }
  let seen = look(at);
  while (seen != ASK) {
    const found: u32 = atomic.cmpxchg<u8>(at, <u8>seen, <u8>(is_claimed(seen) ? SPOILED : KNOWN | MIXED));
    if (found == seen) return;
    seen = found;
  }
}

/** Set the bytes of `nr` blocks to ASK. */
export function ask_bytes(at: u32, nr: u32): void {
  if (ASC_FEATURE_THREADS) for (let i: u32 = 0; i < nr; i++) set_byte(at + i, ASK);
  else memory.fill(at, <u8>ASK, nr);
}
