import type { Permit, PermitFields } from './permit.ts'

/** Where permits are made and used up. The gate is given `mint`, the vault `redeem`; nobody is given both. */
export interface Mint {
  /** A permit for one forward. It and its call are frozen, so what was decided cannot change afterwards. */
  mint(fields: PermitFields): Permit
  /** True once for each permit minted here; false for a copy, a forgery, another mint's permit or a second use. */
  redeem(permit: Permit): boolean
}

/**
 * A mint of its own. Permits are known by identity, not by content: whatever an object looks like, it is worth nothing
 * unless this mint made that very object. Held weakly, so that a permit nobody uses is no leak.
 */
export function createMint(): Mint {
  const unused = new WeakSet<Permit>()
  return {
    mint(fields) {
      Object.freeze(fields.call)
      const permit = Object.freeze({ ...fields }) as Permit
      unused.add(permit)
      return permit
    },
    redeem: (permit) => unused.delete(permit),
  }
}
