import type { Permit, PermitFields } from './permit.ts'

/** Where permits are made and used up. The gate is given `mint`, the vault `redeem`, the dialer `spend`; nobody two of them. */
export interface Mint {
  /** A permit for one forward. It and its call are frozen, so what was decided cannot change afterwards. */
  mint(fields: PermitFields): Permit
  /** True once for each permit minted here; false for a copy, a forgery, another mint's permit or a second use. */
  redeem(permit: Permit): boolean
  /** True once for each permit that was redeemed: for sending what it allows. */
  spend(permit: Permit): boolean
}

/**
 * A mint of its own. Permits are known by identity, not by content: whatever an object looks like, it is worth nothing
 * unless this mint made that very object. How far it is used up stands in a private field of its own class, which freezing
 * does not reach and nothing outside can write; a table of all permits would have to be kept up with every call.
 */
export function createMint(): Mint {
  class MintedPermit {
    readonly call
    readonly grant
    readonly credential
    readonly origins
    readonly intentSeq
    #left: 'redeem' | 'spend' | 'nothing' = 'redeem'

    constructor({ call, grant, credential, origins, intentSeq }: PermitFields) {
      this.call = Object.freeze(call)
      this.grant = grant
      this.credential = credential
      this.origins = origins
      this.intentSeq = intentSeq
      Object.freeze(this)
    }

    static redeem(permit: object): boolean {
      if (!(#left in permit) || permit.#left !== 'redeem') return false
      permit.#left = 'spend'
      return true
    }

    static spend(permit: object): boolean {
      if (!(#left in permit) || permit.#left !== 'spend') return false
      permit.#left = 'nothing'
      return true
    }
  }
  return {
    mint: (fields) => new MintedPermit(fields) as unknown as Permit,
    redeem: (permit) => isObject(permit) && MintedPermit.redeem(permit),
    spend: (permit) => isObject(permit) && MintedPermit.spend(permit),
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
